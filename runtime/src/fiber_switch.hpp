// The switch itself, for whoever suspends or resumes to have it inlined: every return on the far side of a jump is mispredicted.
#pragma once

#include <boost/context/detail/fcontext.hpp>
#include <cassert>
#include <cstddef>
#include <cstring>
#include <type_traits>

#include "ringmail/runtime/fiber.hpp"
#include "sanitizers.hpp"

namespace ringmail::runtime {

namespace context = boost::context::detail;

/// Has the size of the Itanium C++ ABI's __cxa_eh_globals, which the header leaves opaque: the exceptions that are
/// being handled, and the number of those that are on their way (an unsigned int and padding). They belong to a stack,
/// but the ABI keeps them for a thread.
struct ExceptionGlobals {
  void* caught = nullptr;
  std::size_t uncaught_count = 0;
};

/// Lies at the top of its own stack, so that there is nothing to allocate and the first switch touches no page that the
/// calls will not.
class Fiber {
 public:
  context::fcontext_t context = nullptr;
  ExceptionGlobals exceptions;
  Stack stack;
  bool suspended = false;
  bool finished = false;
  sanitizers::AddressState address_state;
  void* thread_state = nullptr;  // of ThreadSanitizer
};

static_assert(std::is_trivially_destructible_v<Fiber>, "abandoned stacks are unmapped as they are");

struct FiberSwitch {
  static Fiber* create(Stack stack);
  static void destroy(StackPool& stacks, Fiber* fiber);
  static void enter(context::transfer_t from) noexcept;
  [[gnu::always_inline]] static inline void go(FiberThread& self, Fiber* to);
  [[gnu::always_inline]] static inline void land(FiberThread& self, context::fcontext_t from);
};

/// The second half of a switch, on the stack that it went to. A finished stack is given back only here, for its last
/// frame ran until the jump.
inline void FiberSwitch::land(FiberThread& self, context::fcontext_t from) {
  Fiber* previous = self.previous_;
  sanitizers::arrived(previous->address_state, self.current_->address_state);
  previous->context = from;
  if (previous->finished) destroy(self.stacks_, previous);
}

inline void FiberSwitch::go(FiberThread& self, Fiber* to) {
  Fiber* from = self.current_;
  self.previous_ = from;
  self.current_ = to;
  std::memcpy(&from->exceptions, self.exception_globals_, sizeof(ExceptionGlobals));
  std::memcpy(self.exception_globals_, &to->exceptions, sizeof(ExceptionGlobals));
  sanitizers::leaving(from->address_state, to->address_state, from->finished);
  sanitizers::switch_to_fiber(to->thread_state);
  const context::transfer_t arrival = context::jump_fcontext(to->context, &self);
  land(self, arrival.fctx);
}

[[gnu::always_inline]] inline std::expected<void, StackError> FiberThread::suspend_now() {
  assert(current_ != nullptr);
  Fiber* to = owner_;
  if (owns_loop()) {
    const auto stack = stacks_.acquire();
    if (!stack) return std::unexpected(stack.error());
    to = owner_ = FiberSwitch::create(*stack);
  }
  current_->suspended = true;
  ++suspended_count_;
  FiberSwitch::go(*this, to);
  return {};
}

[[gnu::always_inline]] inline void FiberThread::resume_now(Fiber* fiber) {
  assert(owns_loop());
  assert(fiber->suspended);
  fiber->suspended = false;
  --suspended_count_;
  FiberSwitch::go(*this, fiber);
}

}  // namespace ringmail::runtime

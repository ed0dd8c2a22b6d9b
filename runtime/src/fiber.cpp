#include "ringmail/runtime/fiber.hpp"

#include <cxxabi.h>

#include <boost/context/detail/fcontext.hpp>
#include <cassert>
#include <cstddef>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#include "sanitizers.hpp"

// The ABI has it on every system; LLVM's header does not say so.
namespace __cxxabiv1 {
struct __cxa_eh_globals;
extern "C" __cxa_eh_globals* __cxa_get_globals() noexcept;
}  // namespace __cxxabiv1

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
  // Inlined, for every return on the far side of a jump is mispredicted.
  [[gnu::always_inline]] static inline void go(FiberThread& self, Fiber* to);
  [[gnu::always_inline]] static inline void land(FiberThread& self, context::fcontext_t from);
};

Fiber* FiberSwitch::create(Stack stack) {
  constexpr std::size_t cache_line = 64;
  constexpr std::size_t block = (sizeof(Fiber) + cache_line - 1) / cache_line * cache_line;
  std::byte* top = stack.data() + stack.size() - block;
  auto* fiber = new (top) Fiber;
  fiber->stack = stack;
  fiber->context = context::make_fcontext(top, static_cast<std::size_t>(top - stack.data()), &enter);
  fiber->address_state.bottom = stack.data();
  fiber->address_state.size = stack.size();
  fiber->thread_state = sanitizers::create_fiber();
  return fiber;
}

void FiberSwitch::destroy(StackPool& stacks, Fiber* fiber) {
  sanitizers::destroy_fiber(fiber->thread_state);
  stacks.release(fiber->stack);
}

/// The second half of a switch, on the stack that it went to. A finished stack is given back only here, for its last
/// frame ran until the jump.
void FiberSwitch::land(FiberThread& self, context::fcontext_t from) {
  Fiber* previous = self.previous_;
  sanitizers::arrived(previous->address_state, self.current_->address_state);
  previous->context = from;
  if (previous->finished) destroy(self.stacks_, previous);
}

void FiberSwitch::go(FiberThread& self, Fiber* to) {
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

/// The bottom frame of every fiber. noexcept: there is no frame below that an exception could go to.
void FiberSwitch::enter(context::transfer_t from) noexcept {
  FiberThread& self = *static_cast<FiberThread*>(from.data);
  land(self, from.fctx);
  self.loop_(self.argument_);
  self.current_->finished = true;
  go(self, self.current_ == self.owner_ ? self.thread_ : self.owner_);
  std::unreachable();
}

std::expected<void, StackError> FiberThread::run(void (*loop)(void*), void* argument) {
  assert(current_ == nullptr);
  const auto stack = stacks_.acquire();
  if (!stack) return std::unexpected(stack.error());
  Fiber thread;
  thread.thread_state = sanitizers::this_fiber();
  loop_ = loop;
  argument_ = argument;
  exception_globals_ = abi::__cxa_get_globals();
  thread_ = current_ = &thread;
  owner_ = FiberSwitch::create(*stack);
  FiberSwitch::go(*this, owner_);
  current_ = owner_ = thread_ = previous_ = nullptr;
  return {};
}

std::expected<void, StackError> FiberThread::suspend() {
  assert(current_ != nullptr && exception_globals_ == abi::__cxa_get_globals());
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

void FiberThread::resume(Fiber* fiber) {
  assert(owns_loop() && exception_globals_ == abi::__cxa_get_globals());
  assert(fiber->suspended);
  fiber->suspended = false;
  --suspended_count_;
  FiberSwitch::go(*this, fiber);
}

}  // namespace ringmail::runtime

#include <cxxabi.h>

#include <new>
#include <utility>

#include "fiber_switch.hpp"

// The ABI has it on every system; LLVM's header does not say so.
namespace __cxxabiv1 {
struct __cxa_eh_globals;
extern "C" __cxa_eh_globals* __cxa_get_globals() noexcept;
}  // namespace __cxxabiv1

namespace ringmail::runtime {

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
  assert(exception_globals_ == abi::__cxa_get_globals());
  return suspend_now();
}

void FiberThread::resume(Fiber* fiber) {
  assert(exception_globals_ == abi::__cxa_get_globals());
  resume_now(fiber);
}

}  // namespace ringmail::runtime

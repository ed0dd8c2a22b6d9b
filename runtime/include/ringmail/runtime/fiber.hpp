#pragma once

#include <cstddef>
#include <expected>

#include "ringmail/runtime/stack_pool.hpp"

namespace ringmail::runtime {

/// One stack with a call in it. An identity only: the value of FiberThread::current(), to be kept and given to
/// resume(). Valid until its `loop` call has returned.
class Fiber;

/// Lets a scheduler's loop, and so any handler that it calls, suspend.
///
/// The loop runs on a pooled stack. When something that it called suspends, that stack is kept as it is and the loop is
/// called anew on another one. So a call that never suspends costs nothing, and one that does costs a stack for as long
/// as it is suspended.
///
/// Used by the thread that calls run(), and by no other. Invariants while run() is active:
/// 1. Exactly one fiber owns the loop: the one on which `loop` was called last.
/// 2. Every other fiber was the owner, suspended, and is *detached* for ever. It runs only within the owner's resume().
/// 3. So a loop keeps nothing in its locals across a call that may suspend. One that finds owns_loop() false afterwards
///    returns at once, which gives its stack back and takes the thread back to whoever resumed it.
class FiberThread {
 public:
  /// `stacks` must outlive this object.
  explicit FiberThread(StackPool& stacks) noexcept : stacks_(stacks) {}
  FiberThread(const FiberThread&) = delete;
  FiberThread& operator=(const FiberThread&) = delete;

  /// Calls loop(argument) on a pooled stack, and returns when the call that owns the loop has returned. Fails, with
  /// nothing called, when there is no stack. An exception that leaves `loop` ends the program.
  ///
  /// Fibers that are still suspended then can be resumed in a later run() on the same thread. Otherwise they are
  /// abandoned: no destructor on their stacks runs, and the stacks stay with the pool until it is destroyed. So end
  /// them first, by resuming them with an error until suspended_count() is 0.
  ///
  /// Precondition: not within run().
  [[nodiscard]] std::expected<void, StackError> run(void (*loop)(void*), void* argument);

  /// The fiber that is running. Null outside run().
  [[nodiscard]] Fiber* current() const noexcept { return current_; }

  /// False on a detached fiber, and outside run().
  [[nodiscard]] bool owns_loop() const noexcept { return current_ == owner_ && current_ != nullptr; }

  /// Leaves the current fiber until resume(current()). On the owner the loop is called anew on another stack; if there
  /// is none, this fails at once and nothing has changed. On a detached fiber it returns to the one who resumed it and
  /// cannot fail. It allocates nothing once the pool holds as many stacks as are ever in use together.
  ///
  /// May be called within a catch block or during unwinding: each fiber keeps its own exceptions.
  ///
  /// Precondition: within run().
  [[nodiscard]] std::expected<void, StackError> suspend();
  [[nodiscard]] std::expected<void, StackError> suspend_now();  // inlined: fiber_switch.hpp

  /// Runs `fiber` until it suspends again or its `loop` call returns.
  ///
  /// Precondition: owns_loop(), and `fiber` is suspended.
  void resume(Fiber* fiber);
  void resume_now(Fiber* fiber);  // inlined: fiber_switch.hpp

  [[nodiscard]] std::size_t suspended_count() const noexcept { return suspended_count_; }

 private:
  friend struct FiberSwitch;

  StackPool& stacks_;
  void (*loop_)(void*) = nullptr;
  void* argument_ = nullptr;
  void* exception_globals_ = nullptr;  // of this thread, which never changes within run()
  Fiber* current_ = nullptr;
  Fiber* owner_ = nullptr;
  Fiber* thread_ = nullptr;    // the thread's own stack, on which run() waits
  Fiber* previous_ = nullptr;  // whom a switch has just left
  std::size_t suspended_count_ = 0;
};

}  // namespace ringmail::runtime

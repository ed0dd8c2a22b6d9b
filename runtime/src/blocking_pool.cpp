#include "ringmail/runtime/blocking_pool.hpp"

#include <pthread.h>

#include <algorithm>
#include <csignal>
#include <system_error>

namespace ringmail::runtime {

struct BlockingPool::Call {
  void (*function)(void*) = nullptr;
  void* context = nullptr;
  Scheduler* scheduler = nullptr;
  bool returned = false;     // guarded by the pool's mutex
  Waiter* waiter = nullptr;  // the scheduler's thread's; null: it waits no longer
  bool finished = false;     // likewise
};

BlockingPool::~BlockingPool() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

std::uint32_t BlockingPool::threads() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::uint32_t>(threads_.size());
}

std::expected<void, BlockingError> BlockingPool::run(Scheduler& scheduler, void (*function)(void*), void* context) {
  if (here_) {
    if (scheduler.yield() == Wake::stopped) return std::unexpected(BlockingError::stopped);
    function(context);
    return {};
  }
  // Before it is queued: a thread might take it, and call it, sooner than it could be taken back.
  if (scheduler.told_to_stop()) return std::unexpected(BlockingError::stopped);
  Waiter waiter;
  waiter.what = WaitFor::blocking;
  const auto call = std::make_shared<Call>(
      Call{.function = function, .context = context, .scheduler = &scheduler, .waiter = &waiter});
  if (auto queued = enqueue(call); !queued) return queued;
  Wake woken = scheduler.wait(waiter, Deadline::never);
  // The end of the function may have come in the same turn as the stop.
  if (woken == Wake::stopped && !call->finished) {
    if (take_back(call)) return std::unexpected(BlockingError::stopped);
    waiter.until_done = true;
    woken = scheduler.wait(waiter, Deadline::never);
  }
  if (woken == Wake::no_stack) {
    call->waiter = nullptr;
    if (take_back(call)) return std::unexpected(BlockingError::no_stack);
    // It is being called: there is nothing left but to keep this thread.
    std::unique_lock lock(mutex_);
    finished_.wait(lock, [&] { return call->returned; });
  }
  return {};
}

std::expected<void, BlockingError> BlockingPool::enqueue(const Shared& call) {
  const std::lock_guard lock(mutex_);
  const bool may_start = threads_.size() < std::max<std::uint32_t>(options_.threads, 1);
  if (queue_.size() >= idle_ && may_start) {
    try {
      // Signals to the program are for its own threads.
      sigset_t all;
      sigset_t before;
      sigfillset(&all);
      for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF}) {
        sigdelset(&all, number);
      }
      pthread_sigmask(SIG_BLOCK, &all, &before);
      struct Restore {
        const sigset_t& mask;
        ~Restore() { pthread_sigmask(SIG_SETMASK, &mask, nullptr); }
      } const restore{before};
      threads_.emplace_back([this] { work(); });
#ifdef __linux__
      pthread_setname_np(threads_.back().native_handle(), "rm-blocking");
#endif
      ++idle_;
    } catch (const std::system_error&) {
      // Those that are there will do, later.
      if (threads_.empty()) return std::unexpected(BlockingError::no_stack);
    }
  }
  // Each idle thread takes one, and so many more may wait.
  if (queue_.size() >= idle_ + options_.queued) return std::unexpected(BlockingError::full);
  queue_.push_back(call);
  changed_.notify_one();
  return {};
}

/// Whether it was still waiting for a thread.
bool BlockingPool::take_back(const Shared& call) {
  const std::lock_guard lock(mutex_);
  return std::erase(queue_, call) != 0;
}

void BlockingPool::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return ending_ || !queue_.empty(); });
    if (queue_.empty()) return;
    const Shared call = std::move(queue_.front());
    queue_.pop_front();
    --idle_;
    lock.unlock();
    call->function(call->context);
    lock.lock();
    ++idle_;
    call->returned = true;
    finished_.notify_all();
    lock.unlock();
    call->scheduler->post([call] {
      call->finished = true;
      if (call->waiter != nullptr) call->scheduler->wake(*call->waiter, Wake::ready);
    });
    lock.lock();
  }
}

}  // namespace ringmail::runtime

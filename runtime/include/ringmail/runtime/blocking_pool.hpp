// Threads for functions that block: system calls without an event, other people's libraries, long computations.
//
// Threads: run() is called in a handler, on its scheduler's thread; the destructor when no scheduler runs any more.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <expected>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "ringmail/runtime/scheduler.hpp"
#include "ringmail/runtime/scheduling_options.hpp"

namespace ringmail::runtime {

enum class BlockingError : std::uint8_t {
  full,      ///< as many calls wait for a thread as may
  stopped,   ///< the actor was told to stop before the function began, and it never will
  no_stack,  ///< there is no stack or no thread to be had
};

class BlockingPool {
 public:
  /// `here`: functions run on the scheduler's own thread, for there is no other.
  explicit BlockingPool(const BlockingOptions& options, bool here = false) : options_(options), here_(here) {}
  ~BlockingPool();
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  /// Runs `function(context)`, which must not throw, on one of the threads, and suspends the handler until it has returned. An
  /// error: it has not been called and will not be. A stop that comes once it has begun waits for it: what it uses lies in
  /// the handler.
  std::expected<void, BlockingError> run(Scheduler& scheduler, void (*function)(void*), void* context);

  /// Most threads that were ever there together, from any thread.
  std::uint32_t threads() const;

 private:
  struct Call;
  using Shared = std::shared_ptr<Call>;

  std::expected<void, BlockingError> enqueue(const Shared& call);
  bool take_back(const Shared& call);
  void work();

  const BlockingOptions options_;
  const bool here_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::condition_variable finished_;
  std::deque<Shared> queue_;
  std::vector<std::thread> threads_;
  std::uint32_t idle_ = 0;
  bool ending_ = false;
};

}  // namespace ringmail::runtime

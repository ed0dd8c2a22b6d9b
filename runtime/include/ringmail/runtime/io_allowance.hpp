// How many messages a handler has sent that nobody has finished with yet.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "ringmail/runtime/io.hpp"

namespace ringmail::runtime {

struct Waiter;

/// Threads: made and used by one handler; a credit may go from any thread, also after the system has ended.
class IoAllowance : public std::enable_shared_from_this<IoAllowance> {
 public:
  /// In the handler that is to take. `count` > 0.
  static std::shared_ptr<IoAllowance> create(std::uint32_t count);

  /// Suspends while there is none. Null: the actor is to stop.
  IoCredit take();

 private:
  IoAllowance(Scheduler& home, std::shared_ptr<IoHub> hub, std::uint32_t count);
  void give_back();

  Scheduler& home_;
  const std::shared_ptr<IoHub> hub_;
  std::atomic<std::uint32_t> left_;
  Waiter* waiter_ = nullptr;  // the home thread's: lies on the stack of who waits, as long as it does
};

}  // namespace ringmail::runtime

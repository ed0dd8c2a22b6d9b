#pragma once

#include <chrono>
#include <cstdint>

#include "ringmail/transport/futex.hpp"

namespace ringmail::runtime {

/// What now_ns() reads on this thread in place of the machine's clock: where a simulator runs schedulers. Null: nothing.
inline constinit thread_local const std::uint64_t* simulated_clock_ns = nullptr;

/// The clock of every deadline in the runtime, in nanoseconds, and transport's too. It never jumps, means nothing outside
/// this machine, and stands still while the machine is suspended. Any thread; no system call where the vDSO has the
/// clock.
[[nodiscard]] inline std::uint64_t now_ns() noexcept {
  // A load beside a clock that takes twenty times as long. Of this thread: other systems of the process keep their time.
  if (simulated_clock_ns != nullptr) [[unlikely]]
    return *simulated_clock_ns;
  return transport::monotonic_ns();
}

/// When a wait ends. One that is given as a time from now becomes a time of the clock only where there is a wait: reading the
/// clock costs as much as sending a message.
class Deadline {
 public:
  static constexpr std::uint64_t never = UINT64_MAX;

  constexpr Deadline(std::uint64_t at_ns) : ns_(at_ns) {}
  static constexpr Deadline after(std::chrono::nanoseconds timeout) {
    if (timeout == std::chrono::nanoseconds::max()) return never;
    Deadline deadline(timeout.count() > 0 ? static_cast<std::uint64_t>(timeout.count()) : 0);
    deadline.from_now_ = true;
    return deadline;
  }

  /// The same at every call.
  std::uint64_t at_ns() {
    if (from_now_) ns_ += now_ns();
    from_now_ = false;
    return ns_;
  }

 private:
  std::uint64_t ns_;
  bool from_now_ = false;
};

}  // namespace ringmail::runtime

#include "ready_set.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace ringmail::transport {

SleepResult ReadySet::wait(std::uint64_t timeout_ns) const {
  pollfd polled{.fd = set_.get(), .events = POLLIN, .revents = 0};
  // Rounded up: one that sleeps too short would look at the clock again and again.
  const std::uint64_t timeout_ms =
      std::min<std::uint64_t>(timeout_ns / 1'000'000 + (timeout_ns % 1'000'000 != 0), INT_MAX);
  const int ready = ::poll(&polled, 1, static_cast<int>(timeout_ms));
  if (ready < 0 && errno == EINTR) return SleepResult::interrupted;
  return ready == 0 ? SleepResult::timed_out : SleepResult::woken;
}

}  // namespace ringmail::transport

#include "peer_doorbell.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

namespace ringmail::transport {

PeerDoorbell::PeerDoorbell(Descriptor set, Descriptor pipe, Descriptor interruption)
    : set_(std::move(set)), pipe_(std::move(pipe)), interruption_(std::move(interruption)) {}

SleepResult PeerDoorbell::sleep(std::uint64_t timeout_ns) const {
  pollfd polled{.fd = set_.get(), .events = POLLIN, .revents = 0};
  // Rounded up: one that sleeps too short would look at the clock again and again.
  const std::uint64_t timeout_ms =
      std::min<std::uint64_t>(timeout_ns / 1'000'000 + (timeout_ns % 1'000'000 != 0), INT_MAX);
  const int ready = ::poll(&polled, 1, static_cast<int>(timeout_ms));
  if (ready < 0 && errno == EINTR) return SleepResult::interrupted;
  return ready == 0 ? SleepResult::timed_out : SleepResult::woken;
}

void PeerDoorbell::empty_pipe() {
  // A byte for each of the host's threads that rang; more lie here only if a sleep ended before they came.
  char bytes[256];
  while (::read(pipe_.get(), bytes, sizeof bytes) == static_cast<ssize_t>(sizeof bytes)) {
  }
}

}  // namespace ringmail::transport

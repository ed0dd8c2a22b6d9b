#include "ringmail/transport/futex.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>

// Not in a public header; the calls behind os_sync_wait_on_address. The operation that works between processes is there since
// macOS 10.15.
extern "C" int __ulock_wait(std::uint32_t operation, void* address, std::uint64_t value, std::uint32_t timeout_us);
extern "C" int __ulock_wake(std::uint32_t operation, void* address, std::uint64_t value);

namespace ringmail::transport {
namespace {
constexpr std::uint32_t compare_and_wait_shared = 3;
constexpr std::uint32_t no_errno = 0x01000000;  // the error is returned negated
constexpr std::uint64_t longest_us = UINT32_MAX;
}  // namespace

SleepResult futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t value, std::uint64_t timeout_ns) {
  // A time-out of 0 would mean for ever.
  const auto timeout_us = static_cast<std::uint32_t>(std::min(timeout_ns / 1000 + 1, longest_us));
  void* address = const_cast<std::atomic<std::uint32_t>*>(&word);
  const int result = __ulock_wait(compare_and_wait_shared | no_errno, address, value, timeout_us);
  return result == -ETIMEDOUT ? SleepResult::timed_out
         : result == -EINTR   ? SleepResult::interrupted
                              : SleepResult::woken;
}

SleepResult futex_wait_any(std::span<const std::atomic<std::uint32_t>* const> words,
                           std::uint32_t value,
                           std::uint64_t timeout_ns) {
  return futex_wait(*words[0], value, timeout_ns);
}

bool can_wait_for_several_futexes() { return false; }

void futex_wake(std::atomic<std::uint32_t>& word) { __ulock_wake(compare_and_wait_shared | no_errno, &word, 0); }

// CLOCK_MONOTONIC counts microseconds here, and runs on while the machine is suspended.
std::uint64_t monotonic_ns() { return clock_gettime_nsec_np(CLOCK_UPTIME_RAW); }

}  // namespace ringmail::transport

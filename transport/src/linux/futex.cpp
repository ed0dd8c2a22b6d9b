#include "ringmail/transport/futex.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

namespace ringmail::transport {

SleepResult futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t value, std::uint64_t timeout_ns) {
  const timespec timeout{.tv_sec = static_cast<time_t>(timeout_ns / 1'000'000'000),
                         .tv_nsec = static_cast<long>(timeout_ns % 1'000'000'000)};
  const long result = syscall(SYS_futex, &word, FUTEX_WAIT, value, &timeout, nullptr, 0);
  if (result == 0) return SleepResult::woken;
  return errno == ETIMEDOUT ? SleepResult::timed_out : errno == EINTR ? SleepResult::interrupted : SleepResult::woken;
}

namespace {

// As in <linux/futex.h> since Linux 5.16, which is newer than some of the headers that this is built with.
struct WaitFor {
  std::uint64_t value;
  std::uint64_t address;
  std::uint32_t flags;
  std::uint32_t reserved;
};
constexpr std::uint32_t word_of_32_bits = 2;
#ifndef SYS_futex_waitv
constexpr long SYS_futex_waitv = 449;  // on every architecture
#endif

long wait_for_several(const WaitFor* waits, std::size_t count, const timespec& until) {
  return syscall(SYS_futex_waitv, waits, static_cast<unsigned>(count), 0, &until, CLOCK_MONOTONIC);
}

}  // namespace

SleepResult futex_wait_any(std::span<const std::atomic<std::uint32_t>* const> words,
                           std::uint32_t value,
                           std::uint64_t timeout_ns) {
  if (words.size() == 1 || !can_wait_for_several_futexes()) return futex_wait(*words[0], value, timeout_ns);
  std::array<WaitFor, most_futexes> waits;
  const std::size_t count = std::min(words.size(), most_futexes);
  for (std::size_t i = 0; i < count; ++i) {
    waits[i] = {
        .value = value, .address = reinterpret_cast<std::uintptr_t>(words[i]), .flags = word_of_32_bits, .reserved = 0};
  }
  const std::uint64_t until_ns = monotonic_ns() + timeout_ns;
  const timespec until{.tv_sec = static_cast<time_t>(until_ns / 1'000'000'000),
                       .tv_nsec = static_cast<long>(until_ns % 1'000'000'000)};
  if (wait_for_several(waits.data(), count, until) >= 0) return SleepResult::woken;
  return errno == ETIMEDOUT ? SleepResult::timed_out : errno == EINTR ? SleepResult::interrupted : SleepResult::woken;
}

bool can_wait_for_several_futexes() {
  // Nothing to wait for is an error of the caller's, where there is such a call.
  static const bool can = [] {
    const timespec now{};
    return wait_for_several(nullptr, 0, now) < 0 && errno == EINVAL;
  }();
  return can;
}

void futex_wake(std::atomic<std::uint32_t>& word) { syscall(SYS_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0); }

std::uint64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace ringmail::transport

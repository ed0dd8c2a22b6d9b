// What keeps a test from hanging, and what makes a random one repeatable.
#pragma once

#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "ringmail/transport/futex.hpp"

namespace ringmail::transport::test {

inline constexpr unsigned watchdog_s = 50;

/// Ends this process, by SIGALRM, where a call that blocks would hang it. A child does not inherit it, and sets its
/// own.
inline void start_watchdog() { alarm(watchdog_s); }

/// Lets others run between two looks. It sleeps: two threads of one CPU that yield to each other can keep every other
/// ready thread of it from running for hundreds of milliseconds, on Linux 6.18 before "sched/fair: Fix zero_vruntime
/// tracking fix".
inline void look_away() {
  const timespec shortly{.tv_sec = 0, .tv_nsec = 20'000};
  nanosleep(&shortly, nullptr);
}

/// Polls until `condition` holds. False: it did not within a time that no loaded machine explains.
template <class Condition>
bool until(Condition&& condition) {
  const std::uint64_t deadline_ns = monotonic_ns() + 20'000'000'000;
  while (!condition()) {
    if (monotonic_ns() > deadline_ns) return false;
    look_away();
  }
  return true;
}

/// Of a random test: RINGMAIL_SEED repeats one.
inline std::uint64_t seed() {
  static const std::uint64_t value = [] {
    const char* given = std::getenv("RINGMAIL_SEED");
    const std::uint64_t chosen = given != nullptr ? std::strtoull(given, nullptr, 0) : std::random_device{}();
    std::printf("RINGMAIL_SEED=%llu\n", static_cast<unsigned long long>(chosen));
    std::fflush(stdout);
    return chosen;
  }();
  return value;
}

}  // namespace ringmail::transport::test

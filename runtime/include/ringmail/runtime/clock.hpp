#pragma once

#include <cstdint>
#include <ctime>

namespace ringmail::runtime {

/// Nanoseconds on CLOCK_MONOTONIC: the clock of every deadline in the runtime. It never jumps, means nothing outside
/// this machine, and stands still while the machine is suspended. Any thread; no system call where the vDSO has the
/// clock.
[[nodiscard]] inline std::uint64_t now_ns() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace ringmail::runtime

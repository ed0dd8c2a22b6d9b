// Sleep on a 32-bit word that processes share, and wake who sleeps there. One file per platform behind it.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

namespace ringmail::transport {

enum class SleepResult : std::uint8_t { woken, timed_out, interrupted };

/// Sleeps while `word` holds `value`, at most `timeout_ns`. May wake for no reason: look at the word again.
/// `interrupted`: a signal handler ran.
SleepResult futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t value, std::uint64_t timeout_ns);

/// As futex_wait(), while each of `words` holds `value`. At most most_futexes of them.
inline constexpr std::size_t most_futexes = 128;
SleepResult futex_wait_any(std::span<const std::atomic<std::uint32_t>* const> words,
                           std::uint32_t value,
                           std::uint64_t timeout_ns);

/// Whether this system can do that. Else only the first of the words wakes.
bool can_wait_for_several_futexes();

/// Wakes one sleeper. Never FUTEX_PRIVATE: the sleeper may be in another process.
void futex_wake(std::atomic<std::uint32_t>& word);

/// Nanoseconds on the clock that never jumps and stands still while the machine is suspended: CLOCK_MONOTONIC, on macOS
/// CLOCK_UPTIME_RAW.
std::uint64_t monotonic_ns();

}  // namespace ringmail::transport

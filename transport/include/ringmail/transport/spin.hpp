// How long to poll before going to sleep.
#pragma once

#include <cstdint>

#include "ringmail/transport/futex.hpp"
#include "ringmail/transport/pause.hpp"

namespace ringmail::transport {

/// How many CPUs this process may run on. With one, spinning only keeps the producer from running.
unsigned usable_cpus();

/// Spins for a time, not for a count, and only where work has lately come soon enough to be worth it: a spin that is longer
/// than a sleep and a wake costs more than they do.
class SpinPolicy {
 public:
  /// About what a sleep and a wake cost together on current machines.
  static constexpr std::uint64_t default_break_even_ns = 50'000;

  explicit SpinPolicy(std::uint64_t break_even_ns = usable_cpus() > 1 ? default_break_even_ns : 0)
      : break_even_ns_(break_even_ns), expected_gap_ns_(break_even_ns / 2) {}

  /// Polls `has_work` until it holds or the time is up. Returns whether it held.
  template <class HasWork>
  bool spin(HasWork&& has_work) {
    idle_since_ns_ = monotonic_ns();
    const std::uint64_t limit_ns = expected_gap_ns_ < break_even_ns_ ? break_even_ns_ : break_even_ns_ / 16;
    while (true) {
      for (int polls = 0; polls < 8; ++polls) {
        // Two pauses after a drain let the producer run ahead; a poll in between would take the line from it.
        pause();
        pause();
        if (has_work()) {
          observe();
          return true;
        }
      }
      if (monotonic_ns() - idle_since_ns_ >= limit_ns) return false;
    }
  }

  /// After a sleep: how long nothing came.
  void observe() {
    const std::uint64_t gap = monotonic_ns() - idle_since_ns_;
    const std::uint64_t bounded = gap < 4 * break_even_ns_ ? gap : 4 * break_even_ns_;
    expected_gap_ns_ = (7 * expected_gap_ns_ + bounded) / 8;
  }

 private:
  std::uint64_t break_even_ns_;
  std::uint64_t expected_gap_ns_;
  std::uint64_t idle_since_ns_ = 0;
};

}  // namespace ringmail::transport

// The clock that round trips are timed with: the one that disturbs least.
#pragma once

#include <cstdint>

#include "ringmail/transport/futex.hpp"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace ringmail::measuring {

using Ticks = std::uint64_t;

bool has_invariant_counter();

/// Whether ticks() reads the processor's own counter, because that counts at one rate on all cores, whatever they do.
/// Otherwise a tick is a nanosecond of CLOCK_MONOTONIC.
inline const bool ticks_are_cycles = has_invariant_counter();

inline Ticks ticks() {
#if defined(__x86_64__)
  if (ticks_are_cycles) [[likely]] {
    // The p form waits for the loads before it, so the poll that saw the answer is inside the time. Nothing more is
    // fenced: stores that are still on their way belong to the next trip, which starts at this same reading.
    unsigned processor = 0;
    return __rdtscp(&processor);
  }
#endif
  return transport::monotonic_ns();
}

/// How long a tick is, measured against CLOCK_MONOTONIC from construction to the call: the longer the run, the more exact.
class TickLength {
 public:
  TickLength();
  /// Waits until at least 20 ms have passed since construction.
  double ns_per_tick() const;

 private:
  std::uint64_t ns_;
  Ticks ticks_;
};

struct ClockTraits {
  double cost = 0;  ///< ticks that one reading takes
  double step = 0;  ///< ticks by which the clock advances at least: some counters run in steps of many cycles
};

/// Measured, on this CPU now.
ClockTraits clock_traits();

}  // namespace ringmail::measuring

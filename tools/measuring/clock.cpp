#include "measuring/clock.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace ringmail::measuring {

using transport::monotonic_ns;

bool has_invariant_counter() {
#if defined(__x86_64__)
  constexpr unsigned power_management = 0x80000007;
  constexpr unsigned invariant_tsc = 1u << 8;
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(power_management, &a, &b, &c, &d) != 0 && (d & invariant_tsc) != 0;
#else
  return false;
#endif
}

TickLength::TickLength() : ns_(monotonic_ns()), ticks_(ticks()) {}

double TickLength::ns_per_tick() const {
  constexpr std::uint64_t shortest_ns = 20'000'000;
  std::uint64_t now_ns = monotonic_ns();
  while (now_ns - ns_ < shortest_ns) now_ns = monotonic_ns();
  return static_cast<double>(now_ns - ns_) / static_cast<double>(ticks() - ticks_);
}

ClockTraits clock_traits() {
  std::vector<Ticks> lengths(10'000);
  const Ticks start = ticks();
  Ticks last = start;
  for (Ticks& length : lengths) {
    const Ticks now = ticks();
    length = now - last;
    last = now;
  }
  // All are multiples of the step, to a tick: where a step is no whole number of them.
  std::ranges::sort(lengths);
  Ticks step = std::numeric_limits<Ticks>::max();
  for (std::size_t i = 1; i < lengths.size(); ++i) {
    const Ticks gap = lengths[i] - lengths[i - 1];
    if (gap > 1) step = std::min(step, gap);
  }
  return {.cost = static_cast<double>(last - start) / static_cast<double>(lengths.size()),
          .step = step == std::numeric_limits<Ticks>::max() ? 1 : static_cast<double>(step)};
}

}  // namespace ringmail::measuring

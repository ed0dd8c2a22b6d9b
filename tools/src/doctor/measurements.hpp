// What was measured, in nanoseconds.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "doctor/topology.hpp"

namespace ringmail::doctor {

/// Of samples that were taken in blocks, spread over the whole time that was looked.
struct Spread {
  double p50 = 0;
  double p99 = 0;
  double least_block = 0;     ///< the medians of the blocks differ: from here
  double greatest_block = 0;  ///< to here
  std::size_t blocks = 0;
  std::size_t samples = 0;
};

/// Or why it could not be measured.
using Measured = std::expected<Spread, std::string>;

struct Floor {
  Pair pair;
  Measured round_trip;  ///< of a bare flag between two pinned threads
};

struct Measurements {
  double seconds = 0;       ///< how long it took in all; 0: nothing was measured
  std::size_t pairs = 0;    ///< that there are; `floors` may have fewer
  double clock_ns = 0;      ///< one reading, which each sample contains
  double monotonic_ns = 0;  ///< one reading of the clock that spins and timers go by
  double pause_ns = 0;      ///< one PAUSE
  double pause_cycles = 0;  ///< the same, of the processor's counter; 0: it is not to be trusted
  std::vector<Floor> floors{};
  std::optional<Pair> costs_on{};                      ///< where wake and barrier were measured
  Measured wake = std::unexpected("not measured");     ///< from ringing a futex to running
  Measured barrier = std::unexpected("not measured");  ///< a membarrier while another thread of this process runs
};

}  // namespace ringmail::doctor

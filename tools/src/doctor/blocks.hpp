// One block of each kind of measurement: two threads, each on its CPU, for a moment.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "doctor/topology.hpp"
#include "measuring/clock.hpp"
#include "measuring/statistics.hpp"

namespace ringmail::doctor {

/// A block ends at whichever comes first; it has one sample at least.
struct BlockLimit {
  std::size_t warm_up = 0;  ///< not taken: the caches are cold
  std::size_t samples = 0;
  measuring::Ticks ticks = 0;
};

/// In ticks. Or why there is none: the CPU is refused, or a thread cannot be started.
using Block = std::expected<std::vector<measuring::Sample>, std::string>;

Block floor_block(const Pair& pair, const BlockLimit& limit);
Block wake_block(const Pair& pair, const BlockLimit& limit);
Block barrier_block(const Pair& pair, const BlockLimit& limit);

}  // namespace ringmail::doctor

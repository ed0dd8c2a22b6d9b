// Runs who competes for a key block by block, in turn, and makes one figure of each.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "actors/subjects.hpp"
#include "measuring/statistics.hpp"

namespace bench::actors {

struct Figure {
  std::string key;
  Subject::Unit unit = Subject::Unit::ns;
  unsigned schedulers = 0;
  double ours = 0;
  double least = 0, most = 0;                             ///< of our blocks
  double grown_bytes = -1;                                ///< negative: not watched
  double left_bytes = -1;                                 ///< negative: not looked at
  std::optional<ringmail::measuring::Percentiles> trips;  ///< of all that was timed one by one, where that is kept
  std::optional<double> caf;                              ///< what CAF took
  std::optional<double> caf_ratio;                        ///< CAF's over ours: more than 1 is better than CAF
  double caf_grown_bytes = -1;
  std::optional<double> ring;        ///< the ring's round trip
  std::optional<double> ring_ratio;  ///< ours over the ring's: 1 is as fast as the ring
};

/// Forks where there is a ring; call it from a process without threads.
Figure measure(const Subject& subject, const Setup& setup, unsigned groups);

}  // namespace bench::actors

// What a system costs that has links and nothing to do.
#pragma once

#include <string_view>

#include "latency/scenario.hpp"

namespace bench {

inline constexpr std::string_view idle_key = "idle";

/// Parts of one core in percent; wakeups are voluntary context switches, each of which is the end of a thread's run.
struct Idle {
  unsigned links = 0;
  unsigned schedulers = 0;
  double seconds = 0;
  double cpu_percent = 0;              ///< of the host's process
  double peers_cpu_percent = 0;        ///< of all peers together
  double scheduler_wakeups_per_s = 0;  ///< of the scheduler that woke most
  double reactor_wakeups_per_s = 0;
  double peer_wakeups_per_s = 0;  ///< of the peer that woke most
};

/// Call it from a process without threads. Sleeps `seconds`, and a second before that.
Idle measure_idle(const Placement& placement, double seconds);

}  // namespace bench

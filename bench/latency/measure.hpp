// Runs scenarios block by block, interleaved, and turns samples into figures.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "latency/far_process.hpp"
#include "latency/idle.hpp"
#include "measuring/statistics.hpp"

namespace bench {

struct Plan {
  Block block;
  unsigned groups = 0;             ///< one block of each scenario is a group
  std::chrono::seconds budget{0};  ///< no group is begun after this long
  double idle_seconds = 0;         ///< how long the idle system is watched
};

/// In nanoseconds. Of a round trip or a wake `trip` and `ratio`, of a stream `message_ns`.
struct Figures {
  std::string_view key = {};
  std::string variant = {};
  Scenario::Figure figure = Scenario::Figure::round_trip;
  std::uint64_t payload_bytes = 0;
  Percentiles trip = {};
  std::vector<Point> distribution = {};
  std::string_view base = {};
  double ratio = 0;  ///< of the median to that of `base`
  double message_ns = 0;
};

struct Report {
  std::vector<Figures> figures;
  std::optional<Idle> idle;
  unsigned groups = 0;
  double clock_cost_ns = 0;
  double clock_step_ns = 0;
};

/// Forks, and is pinned meanwhile. Call it from a process without threads. The base of each subject must be among them.
Report measure(std::span<const Subject> subjects, const Plan& plan, const Placement& placement);

}  // namespace bench

#include "doctor/measure.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>

#include "doctor/blocks.hpp"
#include "measuring/clock.hpp"
#include "measuring/statistics.hpp"
#include "ringmail/transport/futex.hpp"
#include "ringmail/transport/pause.hpp"

namespace ringmail::doctor {
namespace {

using measuring::Sample;
using measuring::Ticks;
using measuring::ticks;

/// Every pair of up to eight CPUs.
constexpr std::size_t most_pairs = 28;

/// Blocks of one kind, over the whole time.
class Series {
 public:
  Series(BlockLimit limit, std::function<Block(const BlockLimit&)> block) : limit_(limit), block_(std::move(block)) {}

  /// What was refused once is not tried again.
  void run() {
    if (!cause_.empty()) return;
    Block block = block_(limit_);
    if (!block) {
      cause_ = block.error();
      return;
    }
    // One that was cut short by a stall has few samples, and its median would be that of the stall.
    auto& medians = block->size() == limit_.samples ? medians_ : medians_cut_short_;
    medians.push_back(measuring::percentiles(*block).p50);
    samples_.insert(samples_.end(), block->begin(), block->end());
  }

  Measured result(double ns_per_tick) {
    if (!cause_.empty()) return std::unexpected(cause_);
    if (samples_.empty()) return std::unexpected("the time was over before");
    const auto all = measuring::percentiles(samples_);
    const auto& medians = medians_.empty() ? medians_cut_short_ : medians_;
    const auto [least, greatest] = std::ranges::minmax(medians);
    return Spread{.p50 = all.p50 * ns_per_tick,
                  .p99 = all.p99 * ns_per_tick,
                  .least_block = least * ns_per_tick,
                  .greatest_block = greatest * ns_per_tick,
                  .blocks = medians.size(),
                  .samples = samples_.size()};
  }

 private:
  BlockLimit limit_;
  std::function<Block(const BlockLimit&)> block_;
  std::vector<Sample> samples_;
  std::vector<double> medians_;
  std::vector<double> medians_cut_short_;
  std::string cause_;
};

/// The median of some batches, in ticks: what comes in between makes one longer.
template <class Once>
double ticks_each(Once&& once) {
  constexpr int batches = 101;
  constexpr int times = 100;
  std::vector<double> each;
  for (int batch = 0; batch < batches; ++batch) {
    const Ticks start = ticks();
    for (int i = 0; i < times; ++i) once();
    each.push_back(static_cast<double>(ticks() - start) / times);
  }
  return measuring::median(std::move(each));
}

/// Two cores that are near each other, as a scheduler and its peer should be.
const Pair* nearest_cores(const std::vector<Pair>& pairs) {
  const auto rank = [](const Pair& pair) {
    return pair.distance == Distance::sibling ? 100 : static_cast<int>(pair.distance);
  };
  const auto nearest = std::ranges::min_element(pairs, {}, rank);
  return nearest == pairs.end() ? nullptr : &*nearest;
}

}  // namespace

Measurements measure(const std::vector<Cpu>& cpus, double seconds) {
  Measurements result{.pairs = cpus.size() * (cpus.size() - (cpus.empty() ? 0 : 1)) / 2};
  if (seconds <= 0) return result;
  const std::uint64_t start_ns = transport::monotonic_ns();
  const std::uint64_t end_ns = start_ns + static_cast<std::uint64_t>(seconds * 1e9);
  const measuring::TickLength tick_length;

  const double clock_ticks = measuring::clock_traits().cost;
  const double pause_ticks = ticks_each([] { transport::pause(); });
  const double monotonic_ticks = ticks_each([] { static_cast<void>(transport::monotonic_ns()); });
  const auto in_ticks = [ns_per_tick = tick_length.ns_per_tick()](double ns) {
    return static_cast<Ticks>(ns / ns_per_tick);
  };

  const auto pairs = pairs_to_measure(cpus, most_pairs);
  std::vector<Series> floors;
  for (const Pair& pair : pairs) {
    floors.emplace_back(BlockLimit{.warm_up = 50, .samples = 1000, .ticks = in_ticks(10e6)},
                        [pair](const BlockLimit& limit) { return floor_block(pair, limit); });
  }
  std::vector<Series> costs;  // wake, barrier
  if (const Pair* nearest = nearest_cores(pairs)) {
    const Pair pair = *nearest;
    result.costs_on = pair;
    costs.emplace_back(BlockLimit{.warm_up = 2, .samples = 20, .ticks = in_ticks(10e6)},
                       [pair](const BlockLimit& limit) { return wake_block(pair, limit); });
    costs.emplace_back(BlockLimit{.warm_up = 5, .samples = 50, .ticks = in_ticks(10e6)},
                       [pair](const BlockLimit& limit) { return barrier_block(pair, limit); });
  }
  // A first round has all of the costs, and as many of the pairs as there is time for.
  const auto is_over = [&] { return transport::monotonic_ns() >= end_ns; };
  while (!pairs.empty() && !is_over()) {
    for (Series& each : costs) each.run();
    for (Series& each : floors) {
      if (is_over()) break;
      each.run();
    }
  }

  const double ns_per_tick = tick_length.ns_per_tick();
  result.clock_ns = clock_ticks * ns_per_tick;
  result.pause_ns = pause_ticks * ns_per_tick;
  result.monotonic_ns = monotonic_ticks * ns_per_tick;
  if (measuring::ticks_are_cycles) result.pause_cycles = pause_ticks;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    result.floors.push_back({.pair = pairs[i], .round_trip = floors[i].result(ns_per_tick)});
  }
  if (!costs.empty()) {
    result.wake = costs[0].result(ns_per_tick);
    result.barrier = costs[1].result(ns_per_tick);
  }
  result.seconds = static_cast<double>(transport::monotonic_ns() - start_ns) / 1e9;
  return result;
}

}  // namespace ringmail::doctor

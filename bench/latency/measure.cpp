#include "latency/measure.hpp"

#include <algorithm>

#include "measuring/cpus.hpp"

namespace bench {
namespace {

/// What one scenario gave, in ticks.
struct Record {
  std::vector<Sample> trips;          // of all blocks
  std::vector<double> block_medians;  // round trips: one for each block
  std::vector<double> per_message;    // streams: one for each block
};

void run_block(Scenario& scenario, const Block& block, const ClockTraits& clock, Record& record) {
  const std::uint64_t messages = scenario.messages(block.round_trips);
  scenario.near_end(scenario.messages(block.warm_up), nullptr);
  if (scenario.figure() == Scenario::Figure::one_way) {
    record.per_message.push_back(static_cast<double>(scenario.near_end(messages, nullptr)) /
                                 static_cast<double>(messages));
    return;
  }
  // Written once before, so that no page is touched for the first time between two readings of the clock.
  const std::size_t begin = record.trips.size();
  record.trips.resize(begin + messages);
  Sample* const each = record.trips.data() + begin;
  scenario.near_end(messages, each);
  record.block_medians.push_back(median_between_steps({each, static_cast<std::size_t>(messages)}, clock.step));
}

Figures summary(const Scenario& scenario, Record& record, const Record& base, double ns_per_tick) {
  Figures figures{
      .variant = scenario.variant(), .figure = scenario.figure(), .payload_bytes = scenario.payload_bytes()};
  if (figures.figure == Scenario::Figure::one_way) {
    figures.message_ns = median(record.per_message) * ns_per_tick;
    return figures;
  }
  const Percentiles ticks = percentiles(record.trips);
  figures.trip = {.p50 = ticks.p50 * ns_per_tick,
                  .p90 = ticks.p90 * ns_per_tick,
                  .p99 = ticks.p99 * ns_per_tick,
                  .p999 = ticks.p999 * ns_per_tick,
                  .max = ticks.max * ns_per_tick};
  figures.distribution = distribution(record.trips);
  for (Point& point : figures.distribution) point.value *= ns_per_tick;
  std::vector<double> ratios;
  for (std::size_t group = 0; group < record.block_medians.size(); ++group) {
    ratios.push_back(record.block_medians[group] / base.block_medians[group]);
  }
  figures.ratio = median(std::move(ratios));
  return figures;
}

}  // namespace

Report measure(std::span<const Subject> subjects, const Plan& plan, const Placement& placement) {
  const TickLength tick_length;
  const auto end = std::chrono::steady_clock::now() + plan.budget;

  std::vector<std::unique_ptr<Scenario>> scenarios;
  std::vector<const Subject*> subject_of;
  for (const Subject& subject : subjects) {
    for (auto& scenario : subject.make()) {
      scenarios.push_back(std::move(scenario));
      subject_of.push_back(&subject);
    }
  }

  std::optional<FarProcess> far;
  if (std::ranges::any_of(scenarios, &Scenario::has_far_end)) far.emplace(scenarios, plan.block, placement.far_cpu);
  for (const auto& scenario : scenarios) scenario->start(placement);
  const PinnedThread pinned(placement.near_cpu);

  const ClockTraits clock = clock_traits();

  Report report;
  std::vector<Record> records(scenarios.size());
  for (std::size_t i = 0; i < scenarios.size(); ++i) {
    if (scenarios[i]->figure() == Scenario::Figure::round_trip) {
      records[i].trips.reserve(plan.groups * scenarios[i]->messages(plan.block.round_trips));
    }
  }
  for (; report.groups < plan.groups; ++report.groups) {
    if (report.groups > 0 && std::chrono::steady_clock::now() > end) break;
    for (std::size_t i = 0; i < scenarios.size(); ++i) {
      if (scenarios[i]->has_far_end()) far->begin(i);
      run_block(*scenarios[i], plan.block, clock, records[i]);
    }
  }

  const double ns_per_tick = tick_length.ns_per_tick();
  report.clock_cost_ns = clock.cost * ns_per_tick;
  report.clock_step_ns = clock.step * ns_per_tick;
  for (std::size_t i = 0; i < scenarios.size(); ++i) {
    const auto base = std::ranges::find(subject_of, subject_of[i]->base, &Subject::key) - subject_of.begin();
    report.figures.push_back(summary(*scenarios[i], records[i], records[static_cast<std::size_t>(base)], ns_per_tick));
    report.figures.back().key = subject_of[i]->key;
    report.figures.back().base = subject_of[i]->base;
  }
  return report;
}

}  // namespace bench

#include "latency/report.hpp"

#include <spdlog/fmt/fmt.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace bench {
namespace {

constexpr double ns_per_s = 1e9;

double messages_per_s(const Figures& figures) { return ns_per_s / figures.message_ns; }

/// Bytes a nanosecond are gigabytes a second.
double gb_per_s(const Figures& figures) { return static_cast<double>(figures.payload_bytes) / figures.message_ns; }

std::string pinning(const Placement& placement) {
  return fmt::format("near end on CPU {}, far end on CPU {}", placement.near_cpu, placement.far_cpu);
}

std::string payload_name(std::uint64_t bytes) {
  return bytes % 1024 == 0 ? fmt::format("{} KiB", bytes / 1024) : fmt::format("{} B", bytes);
}

std::string clock_name() { return ticks_are_cycles ? "rdtscp" : "CLOCK_MONOTONIC"; }

/// To a tenth: what is behind that is noise.
double rounded(double value) { return std::round(value * 10) / 10; }

nlohmann::ordered_json stream_json(const Figures& figures) {
  return {{"payload_bytes", figures.payload_bytes},
          {"ns_per_msg", std::round(figures.message_ns * 100) / 100},
          {"msgs_per_s", std::round(messages_per_s(figures))},
          {"gb_per_s", std::round(gb_per_s(figures) * 1000) / 1000}};
}

std::string ratio_name(std::string_view base) { return base == floor_key ? "ratio_to_floor" : "ratio_to_futex_wake"; }

nlohmann::ordered_json round_trip_json(const Figures& figures) {
  return {{"payload_bytes", figures.payload_bytes},
          {"p50_ns", rounded(figures.trip.p50)},
          {"p90_ns", rounded(figures.trip.p90)},
          {"p99_ns", rounded(figures.trip.p99)},
          {"p999_ns", rounded(figures.trip.p999)},
          {"max_ns", rounded(figures.trip.max)},
          {ratio_name(figures.base), std::round(figures.ratio * 1000) / 1000}};
}

}  // namespace

std::string to_table(const Report& report, const Machine& machine, const Plan& plan, const Placement& placement) {
  std::string text;
  const auto line = [&]<class... Values>(fmt::format_string<Values...> format, Values&&... values) {
    text += fmt::format(format, std::forward<Values>(values)...) + '\n';
  };
  line("{}, {} CPUs, {}; {}, {}", machine.cpu, machine.cpus, machine.kernel, machine.compiler, machine.build);
  line("{}; {} blocks of {} round trips; reading the clock ({}, in steps of {:.0f} ns) takes {:.0f} ns of each",
       pinning(placement), report.groups, plan.block.round_trips, clock_name(), report.clock_step_ns,
       report.clock_cost_ns);
  const auto trips = [&](std::string_view base, std::string_view what, std::string_view ratio) {
    bool titled = false;
    for (const Figures& each : report.figures) {
      if (each.figure != Scenario::Figure::round_trip || each.base != base) continue;
      if (!titled) {
        line("\n{:<18}{:>10}{:>10}{:>10}{:>10}{:>12}{:>10}", what, "p50", "p90", "p99", "p99.9", "max", ratio);
      }
      titled = true;
      line("{:<18}{:>10.0f}{:>10.0f}{:>10.0f}{:>10.0f}{:>12.0f}{:>10.2f}", each.key, each.trip.p50, each.trip.p90,
           each.trip.p99, each.trip.p999, each.trip.max, each.ratio);
    }
  };
  trips(floor_key, "round trip, ns", "x floor");
  trips(wake_floor_key, "wake, ns", "x futex");
  bool titled = false;
  for (const Figures& each : report.figures) {
    if (each.figure != Scenario::Figure::one_way) continue;
    if (!titled) line("\n{:<18}{:>10}{:>12}{:>15}{:>10}", "one way", "payload", "ns/message", "messages/s", "GB/s");
    titled = true;
    line("{:<18}{:>10}{:>12.1f}{:>15.0f}{:>10.2f}", each.key, payload_name(each.payload_bytes), each.message_ns,
         messages_per_s(each), gb_per_s(each));
  }
  return text;
}

std::string to_json(const Report& report, const Machine& machine, const Plan& plan, const Placement& placement) {
  nlohmann::ordered_json json;
  for (const Figures& each : report.figures) {
    if (each.figure == Scenario::Figure::round_trip) {
      json[std::string(each.key)] = round_trip_json(each);
      continue;
    }
    // The smallest payload comes first and stands at the top; all of them, it too, below by their size.
    auto& of_key = json[std::string(each.key)];
    if (of_key.is_null()) of_key = stream_json(each);
    of_key[std::to_string(each.payload_bytes)] = stream_json(each);
  }
  json["machine"] = {{"cpu", machine.cpu},
                     {"cpus", machine.cpus},
                     {"kernel", machine.kernel},
                     {"compiler", machine.compiler},
                     {"build", machine.build},
                     {"pinning", pinning(placement)},
                     {"clock", clock_name()},
                     {"clock_cost_ns", rounded(report.clock_cost_ns)},
                     {"clock_step_ns", rounded(report.clock_step_ns)},
                     {"blocks", report.groups},
                     {"round_trips_per_block", plan.block.round_trips},
                     {"load_average", machine.load_average}};
  return json.dump(2) + '\n';
}

}  // namespace bench

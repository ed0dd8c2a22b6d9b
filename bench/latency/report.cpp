#include "latency/report.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
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

/// In the table: below its key, where several share one.
std::string_view name_of(const Figures& figures) { return figures.variant.empty() ? figures.key : figures.variant; }

std::string clock_name() { return ticks_are_cycles ? "rdtscp" : "CLOCK_MONOTONIC"; }

/// To a tenth: what is behind that is noise.
double rounded(double value) { return std::round(value * 10) / 10; }

nlohmann::ordered_json stream_json(const Figures& figures) {
  return {{"payload_bytes", figures.payload_bytes},
          {"ns_per_msg", std::round(figures.message_ns * 100) / 100},
          {"msgs_per_s", std::round(messages_per_s(figures))},
          {"gb_per_s", std::round(gb_per_s(figures) * 1000) / 1000}};
}

/// Scenarios that are compared with the same base: how the table names what they measure, and their ratio.
struct Section {
  std::string_view base;
  std::string_view title;
  std::string_view ratio_title;
  std::string_view ratio_name;
};
constexpr Section sections[] = {
    {floor_key, "round trip, ns", "x floor", "ratio_to_floor"},
    {wake_floor_key, "wake, ns", "x futex", "ratio_to_futex_wake"},
    {sender_cost_key, "one send, ns", "x awake", "ratio_to_awake"},
    {fan_in_key, "links: trip, ns", "x one", "ratio_to_one_link"},
};

std::string ratio_name(std::string_view base) {
  return std::string(std::ranges::find(sections, base, &Section::base)->ratio_name);
}

/// "99.9": as many digits as it takes.
nlohmann::ordered_json distribution_json(const std::vector<Point>& points) {
  nlohmann::ordered_json json;
  for (const Point& point : points) json[fmt::format("{:.10g}", point.percent)] = rounded(point.value);
  return json;
}

nlohmann::ordered_json round_trip_json(const Figures& figures) {
  return {{"payload_bytes", figures.payload_bytes},
          {"p50_ns", rounded(figures.trip.p50)},
          {"p90_ns", rounded(figures.trip.p90)},
          {"p99_ns", rounded(figures.trip.p99)},
          {"p999_ns", rounded(figures.trip.p999)},
          {"max_ns", rounded(figures.trip.max)},
          {ratio_name(figures.base), std::round(figures.ratio * 1000) / 1000},
          {"percentiles", distribution_json(figures.distribution)}};
}

nlohmann::ordered_json idle_json(const Idle& idle) {
  const auto percent = [](double value) { return std::round(value * 1000) / 1000; };
  return {{"links", idle.links},
          {"schedulers", idle.schedulers},
          {"seconds", rounded(idle.seconds)},
          {"cpu_percent", percent(idle.cpu_percent)},
          {"peers_cpu_percent", percent(idle.peers_cpu_percent)},
          {"scheduler_wakeups_per_s", rounded(idle.scheduler_wakeups_per_s)},
          {"reactor_wakeups_per_s", rounded(idle.reactor_wakeups_per_s)},
          {"peer_wakeups_per_s", rounded(idle.peer_wakeups_per_s)}};
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
  for (const Section& section : sections) {
    bool titled = false;
    for (const Figures& each : report.figures) {
      if (each.figure != Scenario::Figure::round_trip || each.base != section.base) continue;
      if (!titled) {
        line("\n{:<18}{:>10}{:>10}{:>10}{:>10}{:>12}{:>10}", section.title, "p50", "p90", "p99", "p99.9", "max",
             section.ratio_title);
      }
      titled = true;
      line("{:<18}{:>10.0f}{:>10.0f}{:>10.0f}{:>10.0f}{:>12.0f}{:>10.2f}", name_of(each), each.trip.p50, each.trip.p90,
           each.trip.p99, each.trip.p999, each.trip.max, each.ratio);
    }
  }
  bool titled = false;
  for (const Figures& each : report.figures) {
    if (each.figure != Scenario::Figure::one_way) continue;
    if (!titled) line("\n{:<18}{:>10}{:>12}{:>15}{:>10}", "one way", "payload", "ns/message", "messages/s", "GB/s");
    titled = true;
    line("{:<18}{:>10}{:>12.1f}{:>15.0f}{:>10.2f}", name_of(each), payload_name(each.payload_bytes), each.message_ns,
         messages_per_s(each), gb_per_s(each));
  }
  if (report.idle) {
    const Idle& idle = *report.idle;
    line("\nidle for {:.1f} s, {} links and {} schedulers: {:.3f} % of one CPU, all peers together {:.3f} %",
         idle.seconds, idle.links, idle.schedulers, idle.cpu_percent, idle.peers_cpu_percent);
    line("wakeups a second at most: {:.1f} of a scheduler, {:.1f} of the reactor, {:.1f} of a peer",
         idle.scheduler_wakeups_per_s, idle.reactor_wakeups_per_s, idle.peer_wakeups_per_s);
  }
  return text;
}

std::string to_json(const Report& report,
                    const Machine& machine,
                    const Plan& plan,
                    const Placement& placement,
                    const std::string& command) {
  nlohmann::ordered_json json;
  for (const Figures& each : report.figures) {
    if (each.figure == Scenario::Figure::round_trip) {
      auto& of_key = json[std::string(each.key)];
      (each.variant.empty() ? of_key : of_key[each.variant]) = round_trip_json(each);
      continue;
    }
    // The smallest payload comes first and stands at the top; all of them, it too, below by their size and variant.
    auto& of_key = json[std::string(each.key)];
    if (of_key.is_null()) of_key = stream_json(each);
    const std::string size = std::to_string(each.payload_bytes);
    of_key[each.variant.empty() ? size : size + " " + each.variant] = stream_json(each);
  }
  if (report.idle) json[std::string(idle_key)] = idle_json(*report.idle);
  json["machine"] = {{"command", command},
                     {"date", machine.date},
                     {"cpu", machine.cpu},
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

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "doctor/findings.hpp"

namespace ringmail::doctor {
namespace {

// By so much blocks of one measurement may differ before their common median says too little.
constexpr double moved = 2;
// A spin is about as long as what it saves, or it is wrong: longer than that many wakes, or shorter than that part of one.
constexpr double spin_too_long = 4;
constexpr double spin_too_short = 0.5;
// Processors take from 5 to 50 ns; what takes longer than this is a trap into the hypervisor.
constexpr double longest_pause_ns = 200;
// What the processor answers takes 10 to 40 ns; what takes longer than this is a system call.
constexpr double longest_reading_ns = 100;

constexpr std::array<std::string_view, 4> cheap_clocks = {"tsc", "kvm-clock", "arch_sys_counter",
                                                          "hyperv_clocksource_tsc_page"};

double us(double ns) { return ns / 1000; }

}  // namespace

Finding judge_load(const Examination& examination) {
  const Facts& facts = examination.facts;
  constexpr const char* id = "load";
  if (!facts.load) return {id, Level::ok, "unknown"};
  const double cpus = static_cast<double>(std::max<std::size_t>(1, facts.allowed.size()));
  std::string text = fmt::format("load {:.2f} on {} CPUs before the measurement", *facts.load, cpus);
  if (*facts.load < cpus / 2) return {id, Level::ok, std::move(text)};
  return {id, Level::note, std::move(text) + ": others took part in the figures", "ringmail doctor, once it is quiet"};
}

Finding judge_movement(const Examination& examination) {
  constexpr const char* id = "movement";
  const Floor* most = nullptr;
  const auto factor = [](const Floor& floor) {
    return floor.round_trip->greatest_block / floor.round_trip->least_block;
  };
  for (const Floor& floor : examination.measured.floors) {
    if (floor.round_trip && (most == nullptr || factor(floor) > factor(*most))) most = &floor;
  }
  if (most == nullptr) return {id, Level::ok, "not measured"};
  const Spread& trip = *most->round_trip;
  std::string text = fmt::format("between CPUs {} and {} the medians of {} blocks go from {:.0f} to {:.0f} ns",
                                 most->pair.a, most->pair.b, trip.blocks, trip.least_block, trip.greatest_block);
  if (factor(*most) < moved) return {id, Level::ok, std::move(text)};
  if (examination.facts.under_hypervisor) text += ": others share the hardware, or it moves the CPUs";
  return {id, Level::note, std::move(text),
          "ringmail doctor --seconds 30; and compare only what was measured in one run"};
}

Finding judge_spin(const Examination& examination) {
  const auto& [facts, probes, defaults, measured, pinning] = examination;
  constexpr const char* id = "spin";
  if (defaults.usable_cpus < 2) return {id, Level::ok, "with one CPU nobody spins"};
  if (!measured.wake) {
    return {id, Level::ok,
            fmt::format("{:.0f} us, not compared with a wake: {}", us(defaults.spin_ns), measured.wake.error())};
  }
  const double wake_ns = measured.wake->p50;
  std::string text =
      fmt::format("who waits spins for {:.0f} us; a wake takes {:.0f}", us(defaults.spin_ns), us(wake_ns));
  if (defaults.spin_ns > spin_too_long * wake_ns) {
    return {id, Level::note, std::move(text) + ": longer than it is worth, and no option shortens it"};
  }
  if (defaults.spin_ns < spin_too_short * wake_ns) {
    return {
        id, Level::note, std::move(text) + ", more than is spun for",
        facts.under_hypervisor ? "" : "cpupower idle-set -D 20 (no idle states that take longer than 20 us to leave)"};
  }
  return {id, Level::ok, std::move(text)};
}

Finding judge_pause(const Examination& examination) {
  const double pause_ns = examination.measured.pause_ns;
  constexpr const char* id = "pause";
  if (pause_ns == 0) return {id, Level::ok, "not measured"};
  std::string text = fmt::format("a PAUSE takes {:.0f} ns", pause_ns);
  if (pause_ns <= longest_pause_ns) return {id, Level::ok, std::move(text)};
  return {id, Level::warning, std::move(text) + ": the hypervisor steps in, and who spins sees its message late",
          "on the host: kvm_intel.ple_gap=0, or kvm_amd.pause_filter_count=0"};
}

Finding judge_barrier_cost(const Examination& examination) {
  const auto& [facts, probes, defaults, measured, pinning] = examination;
  constexpr const char* id = "barrier_cost";
  if (defaults.ordering == transport::Ordering::sequential)
    return {id, Level::ok, "no barriers are asked of the kernel"};
  if (!measured.barrier || !measured.wake) return {id, Level::ok, "not measured"};
  const double barrier_ns = measured.barrier->p50;
  std::string text = fmt::format("each sleep starts with a barrier of {:.1f} us, beside a wake of {:.0f}",
                                 us(barrier_ns), us(measured.wake->p50));
  if (barrier_ns <= measured.wake->p50) return {id, Level::ok, std::move(text)};
  return {id, Level::note, std::move(text) + ": dear for who sleeps often",
          "ringmail::System::create({.asymmetric_barriers = false})"};
}

Finding judge_clock(const Examination& examination) {
  const auto& [facts, probes, defaults, measured, pinning] = examination;
  constexpr const char* id = "clock";
  const bool is_measured = measured.monotonic_ns > 0;
  const bool is_cheap = is_measured ? measured.monotonic_ns <= longest_reading_ns
                                    : std::ranges::find(cheap_clocks, facts.clock_source) != cheap_clocks.end();
  std::string text = "clock source " + facts.clock_source;
  if (is_measured) text += fmt::format(", {:.0f} ns a reading", measured.monotonic_ns);
  if (is_cheap) return {id, Level::ok, std::move(text)};
  const bool has_tsc = std::ranges::find(facts.clock_sources, "tsc") != facts.clock_sources.end();
  return {id, Level::warning, std::move(text) + ": each reading enters the kernel, and who spins reads it all the time",
          facts.clock_source != "tsc" && has_tsc
              ? "echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource"
              : ""};
}

}  // namespace ringmail::doctor

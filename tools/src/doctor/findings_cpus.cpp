#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <set>

#include "doctor/findings.hpp"

namespace ringmail::doctor {
namespace {

std::string host_line(const Examination& examination) { return examination.pinning ? examination.pinning->host : ""; }

std::vector<int> numbers_of(const std::vector<Cpu>& cpus) {
  std::vector<int> numbers;
  for (const Cpu& cpu : cpus) numbers.push_back(cpu.number);
  return numbers;
}

std::size_t nodes_of(const std::vector<Cpu>& cpus) {
  std::set<int> nodes;
  for (const Cpu& cpu : cpus) nodes.insert(cpu.node);
  return nodes.size();
}

std::size_t caches_of(const std::vector<Cpu>& cpus) {
  std::set<std::vector<int>> caches;
  for (const Cpu& cpu : cpus) caches.insert(cpu.last_level);
  return caches.size();
}

}  // namespace

Finding judge_cpus(const Examination& examination) {
  const Facts& facts = examination.facts;
  constexpr const char* id = "cpus";
  const std::string allowed = to_cpu_list(numbers_of(facts.allowed));
  if (facts.allowed.size() < 2) {
    std::string text =
        fmt::format("one CPU ({}) of {}: who waits sleeps at once, and each message may cost a wake and a switch",
                    allowed, facts.online.size());
    if (facts.online.size() < 2) return {id, Level::warning, std::move(text)};
    return {id, Level::warning, std::move(text),
            fmt::format("taskset -c {} <command>; what must stay on one CPU pins itself after it has joined",
                        to_cpu_list(facts.online))};
  }
  if (facts.allowed.size() < facts.online.size()) {
    return {id, Level::note,
            fmt::format("{} of {} CPUs ({}): affinity or a cpuset leaves out the others", facts.allowed.size(),
                        facts.online.size(), allowed),
            fmt::format("taskset -c {} <command>", to_cpu_list(facts.online))};
  }
  return {id, Level::ok, fmt::format("all {} CPUs ({}) may be used", facts.online.size(), allowed)};
}

Finding judge_quota(const Examination& examination) {
  const auto& [facts, probes, defaults, measured, pinning] = examination;
  constexpr const char* id = "quota";
  if (!facts.quota) return {id, Level::ok, "no control group limits the time on the CPUs"};
  const Quota& quota = *facts.quota;
  if (quota.cpus >= static_cast<double>(facts.allowed.size())) {
    return {id, Level::ok, fmt::format("a quota of {:g} CPUs, enough for all of them", quota.cpus)};
  }
  return {id, Level::warning,
          fmt::format(
              "a quota of {:g} CPUs for {}: what threads spin and what peers use is spent of it, then all stand still "
              "({} times so far)",
              quota.cpus, facts.allowed.size(), quota.throttled),
          fmt::format("echo {} > {} (Docker: --cpuset-cpus, not --cpus); or System::create({{.schedulers = {}}})",
                      quota.file.ends_with("cpu.max") ? "max" : "-1", quota.file,
                      std::max(1, static_cast<int>(quota.cpus)))};
}

Finding judge_siblings(const Examination& examination) {
  const Facts& facts = examination.facts;
  constexpr const char* id = "siblings";
  const auto cores = one_of_each_core(facts.allowed);
  if (cores.size() == facts.allowed.size()) return {id, Level::ok, "each CPU is a core of its own"};
  if (cores.size() == 1) {
    return {id, Level::warning,
            fmt::format("CPUs {} are threads of one core: who spins takes from the other what it waits for",
                        to_cpu_list(numbers_of(facts.allowed))),
            facts.online.size() > facts.allowed.size() ? "taskset -c with a CPU of another core" : ""};
  }
  return {id, Level::note,
          fmt::format("{} CPUs are threads of {} cores: schedulers and peers that are busy should not share one",
                      facts.allowed.size(), cores.size()),
          host_line(examination)};
}

Finding judge_distance(const Examination& examination) {
  const auto& [facts, probes, defaults, measured, pinning] = examination;
  constexpr const char* id = "distance";
  const std::size_t caches = caches_of(facts.allowed);
  if (caches < 2) return {id, Level::ok, "all CPUs share one last-level cache"};
  std::vector<double> trips;
  for (const Floor& floor : measured.floors) {
    if (floor.round_trip) trips.push_back(floor.round_trip->p50);
  }
  std::string text = fmt::format("{} last-level caches on {} nodes", caches, nodes_of(facts.allowed));
  if (trips.size() > 1) {
    const auto [nearest, farthest] = std::ranges::minmax(trips);
    text += fmt::format(": a flag goes there and back in {:.0f} ns, or in {:.0f}", nearest, farthest);
  }
  return {id, Level::note, std::move(text),
          pinning && !pinning->both.empty() ? pinning->both + " <command>, for the host and its peers alike" : ""};
}

Finding judge_isolated(const Examination& examination) {
  const Facts& facts = examination.facts;
  constexpr const char* id = "isolated";
  if (facts.isolated.empty()) return {id, Level::ok, "no CPU is isolated"};
  std::vector<int> both;
  for (const int cpu : numbers_of(facts.allowed)) {
    if (std::ranges::find(facts.isolated, cpu) != facts.isolated.end()) both.push_back(cpu);
  }
  if (both.empty()) {
    return {id, Level::ok,
            fmt::format("CPUs {} are isolated, and this process is not on them", to_cpu_list(facts.isolated))};
  }
  return {id, Level::warning,
          fmt::format(
              "CPUs {} are isolated: the kernel moves no thread to or from them, so that those which are not pinned "
              "share one",
              to_cpu_list(both)),
          host_line(examination)};
}

Finding judge_pinning(const Examination& examination) {
  constexpr const char* id = "pinning";
  const auto& floors = examination.measured.floors;
  const auto refused = std::ranges::find_if(floors, [](const Floor& floor) { return !floor.round_trip; });
  if (floors.empty()) return {id, Level::ok, "not tried"};
  if (refused == floors.end()) return {id, Level::ok, "threads stay where they are pinned"};
  return {id, Level::warning,
          fmt::format("CPUs {} and {} were not measured, {}", refused->pair.a, refused->pair.b,
                      refused->round_trip.error()),
          examination.facts.seccomp != 0 ? "allow sched_setaffinity in the seccomp profile"
                                         : "ringmail doctor --seconds 30"};
}

Finding judge_governor(const Examination& examination) {
  const auto& governors = examination.facts.governors;
  constexpr const char* id = "governor";
  if (governors.empty()) return {id, Level::ok, "the frequency is not for this kernel to choose"};
  if (governors == std::vector<std::string>{"performance"}) return {id, Level::ok, "governor performance"};
  return {id, Level::note, fmt::format("governor {}: a CPU that has slept starts slowly", fmt::join(governors, ", ")),
          "cpupower frequency-set -g performance"};
}

Finding judge_numa_balancing(const Examination& examination) {
  const Facts& facts = examination.facts;
  constexpr const char* id = "numa_balancing";
  if (nodes_of(facts.allowed) < 2) return {id, Level::ok, "one node of memory"};
  if (facts.numa_balancing.value_or(0) == 0) return {id, Level::ok, "the kernel does not move memory between nodes"};
  return {id, Level::note, "kernel.numa_balancing is on: it takes pages away for a moment to see who uses them",
          "sysctl -w kernel.numa_balancing=0"};
}

}  // namespace ringmail::doctor

#include "doctor/pinning.hpp"

#include <algorithm>
#include <tuple>

namespace ringmail::doctor {
namespace {

constexpr std::size_t most_schedulers = 8;  // more than one peer keeps busy; each that has nothing to do spins first

bool holds(const std::vector<int>& cpus, int cpu) { return std::ranges::find(cpus, cpu) != cpus.end(); }

/// Cores before siblings: a sibling that spins takes its core's time from the other. Then what is nearer, by measurement
/// where there is one.
Floor nearest(const std::vector<Floor>& floors) {
  return *std::ranges::min_element(floors, {}, [](const Floor& floor) {
    return std::tuple(floor.pair.distance == Distance::sibling, !floor.round_trip.has_value(),
                      floor.round_trip ? floor.round_trip->p50 : 0.0, floor.pair.distance, floor.pair.a, floor.pair.b);
  });
}

const Cpu& find(const std::vector<Cpu>& cpus, int number) { return *std::ranges::find(cpus, number, &Cpu::number); }

}  // namespace

std::optional<Pinning> advise_pinning(const Facts& facts, const Measurements& measurements) {
  if (facts.allowed.size() < 2) return std::nullopt;
  std::vector<Floor> floors = measurements.floors;
  if (floors.empty()) {
    for (const Pair& pair : pairs_to_measure(facts.allowed, SIZE_MAX)) {
      floors.push_back({.pair = pair, .round_trip = std::unexpected("not measured")});
    }
  }
  const Floor chosen = nearest(floors);
  const Cpu& near = find(facts.allowed, chosen.pair.a);
  const Cpu& peer = find(facts.allowed, chosen.pair.b);

  Pinning advice{.pair = chosen.pair, .measured = chosen.round_trip.has_value()};
  for (const Cpu& cpu : facts.allowed) {
    if (holds(near.last_level, cpu.number) || cpu.number == peer.number) advice.near_cpus.push_back(cpu.number);
  }
  advice.schedulers.push_back(near.number);
  for (const int cpu : one_of_each_core(facts.allowed)) {
    const bool is_near = holds(near.last_level, cpu) && !holds(near.siblings, cpu) && !holds(peer.siblings, cpu);
    if (is_near && advice.schedulers.size() < most_schedulers) advice.schedulers.push_back(cpu);
  }

  std::string list;
  for (const int cpu : advice.schedulers) list += (list.empty() ? "" : ", ") + std::to_string(cpu);
  advice.host = "ringmail::System::create({.schedulers = " + std::to_string(advice.schedulers.size()) + ", .cpus = {" +
                list + "}})";
  // From inside and after joining, because who counts the CPUs that it may use and finds one does not spin.
  advice.peer = "os.sched_setaffinity(0, {" + std::to_string(peer.number) + "})";
  if (advice.near_cpus.size() < facts.allowed.size()) advice.both = "taskset -c " + to_cpu_list(advice.near_cpus);
  return advice;
}

}  // namespace ringmail::doctor

#include <cmath>
#include <nlohmann/json.hpp>

#include "doctor/report.hpp"

namespace ringmail::doctor {
namespace {

using nlohmann::ordered_json;

constexpr int format = 1;

/// A tenth of a nanosecond is more than the clock knows.
double rounded(double ns) { return std::round(ns * 10) / 10; }

template <class T>
ordered_json said(const std::optional<T>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json of(const Measured& measured) {
  if (!measured) return {{"failure", measured.error()}};
  return {{"p50_ns", rounded(measured->p50)},
          {"p99_ns", rounded(measured->p99)},
          {"least_block_ns", rounded(measured->least_block)},
          {"greatest_block_ns", rounded(measured->greatest_block)},
          {"blocks", measured->blocks},
          {"samples", measured->samples}};
}

ordered_json of(const Probe& probe) {
  ordered_json json = {{"works", probe.works}};
  if (!probe.works) json["failure"] = probe.cause;
  return json;
}

ordered_json of(const Quota& quota) {
  return {{"cpus", quota.cpus}, {"file", quota.file}, {"throttled", quota.throttled}};
}

const char* key_of(Distance distance) {
  switch (distance) {
    case Distance::sibling: return "sibling";
    case Distance::same_cache: return "same_cache";
    case Distance::same_node: return "same_node";
    case Distance::other_node: return "other_node";
  }
  return "";
}

ordered_json cpus_of(const Facts& facts) {
  ordered_json allowed = ordered_json::array();
  for (const Cpu& cpu : facts.allowed) {
    allowed.push_back({{"cpu", cpu.number},
                       {"siblings", cpu.siblings},
                       {"last_level", cpu.last_level},
                       {"package", cpu.package},
                       {"node", cpu.node}});
  }
  return {{"online", facts.online},
          {"allowed", std::move(allowed)},
          {"isolated", facts.isolated},
          {"nohz_full", facts.nohz_full},
          {"quota", facts.quota ? of(*facts.quota) : ordered_json(nullptr)},
          {"governors", facts.governors}};
}

ordered_json kernel_of(const Facts& facts) {
  return {{"release", facts.kernel},
          {"clock_source", facts.clock_source},
          {"clock_sources", facts.clock_sources},
          {"huge_pages", facts.huge_pages},
          {"shared_huge_pages", facts.shared_huge_pages},
          {"reserved_huge_pages", facts.reserved_huge_pages},
          {"max_map_count", said(facts.most_mappings)},
          {"memfd_noexec", said(facts.memfd_noexec)},
          {"numa_balancing", said(facts.numa_balancing)},
          {"seccomp", facts.seccomp},
          {"nofile", said(facts.most_descriptors)},
          {"memlock_bytes", said(facts.most_locked_bytes)}};
}

ordered_json measured_of(const Measurements& measured) {
  ordered_json floors = ordered_json::array();
  for (const Floor& floor : measured.floors) {
    ordered_json one = {{"cpus", {floor.pair.a, floor.pair.b}}, {"distance", key_of(floor.pair.distance)}};
    one.update(of(floor.round_trip));
    floors.push_back(std::move(one));
  }
  return {{"seconds", measured.seconds},
          {"clock_ns", rounded(measured.clock_ns)},
          {"monotonic_ns", rounded(measured.monotonic_ns)},
          {"pause_ns", rounded(measured.pause_ns)},
          {"pause_cycles", rounded(measured.pause_cycles)},
          {"pairs", measured.pairs},
          {"floor", std::move(floors)},
          {"wake", of(measured.wake)},
          {"barrier", of(measured.barrier)}};
}

ordered_json of(const Pinning& pinning) {
  return {{"cpus", {pinning.pair.a, pinning.pair.b}},
          {"distance", key_of(pinning.pair.distance)},
          {"measured", pinning.measured},
          {"schedulers", pinning.schedulers},
          {"host", pinning.host},
          {"peer", pinning.peer},
          {"both", pinning.both}};
}

}  // namespace

std::string to_json(const Examination& examination, const std::vector<Finding>& findings) {
  const auto& [facts, probes, defaults, measured, pinning] = examination;
  ordered_json judged = ordered_json::array();
  for (const Finding& finding : findings) {
    judged.push_back(
        {{"id", finding.id}, {"level", to_string(finding.level)}, {"text", finding.text}, {"mend", finding.mend}});
  }
  const bool is_asymmetric = defaults.ordering == transport::Ordering::asymmetric;
  const ordered_json json = {
      {"format", format},
      {"works", works(findings)},
      {"machine", {{"cpu", facts.cpu_model}, {"hypervisor", facts.under_hypervisor}, {"load", said(facts.load)}}},
      {"cpus", cpus_of(facts)},
      {"kernel", kernel_of(facts)},
      {"probes",
       {{"memory", of(probes.memory)},
        {"futex", of(probes.futex)},
        {"barrier", of(probes.barrier)},
        {"pidfd", of(probes.pidfd)},
        {"guards", of(probes.guards)}}},
      {"measured", measured_of(measured)},
      {"defaults",
       {{"usable_cpus", defaults.usable_cpus},
        {"schedulers", defaults.schedulers},
        {"barriers", is_asymmetric ? "asymmetric" : "sequential"},
        {"spin_ns", rounded(defaults.spin_ns)}}},
      {"pinning", pinning ? of(*pinning) : ordered_json(nullptr)},
      {"findings", std::move(judged)}};
  // A name of a processor need not be UTF-8.
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace ringmail::doctor

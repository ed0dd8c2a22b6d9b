#include "doctor/topology.hpp"

#include <algorithm>
#include <map>
#include <string>

#include "doctor/kernel_files.hpp"

namespace ringmail::doctor {
namespace {

constexpr std::size_t representatives = 4;
constexpr int most_cpus = 1 << 16;  // a list comes from a file, and a range of it is not to fill the memory

bool holds(const std::vector<int>& cpus, int cpu) { return std::ranges::find(cpus, cpu) != cpus.end(); }

}  // namespace

const char* to_string(Distance distance) {
  switch (distance) {
    case Distance::sibling: return "one core";
    case Distance::same_cache: return "one last-level cache";
    case Distance::same_node: return "one node";
    case Distance::other_node: return "two nodes";
  }
  return "";
}

Distance distance_of(const Cpu& a, const Cpu& b) {
  if (holds(a.siblings, b.number)) return Distance::sibling;
  if (holds(a.last_level, b.number)) return Distance::same_cache;
  return a.node == b.node ? Distance::same_node : Distance::other_node;
}

std::vector<Pair> pairs_to_measure(const std::vector<Cpu>& cpus, std::size_t most) {
  std::vector<Pair> all;
  for (std::size_t a = 0; a < cpus.size(); ++a) {
    for (std::size_t b = a + 1; b < cpus.size(); ++b) {
      all.push_back({.a = cpus[a].number, .b = cpus[b].number, .distance = distance_of(cpus[a], cpus[b])});
    }
  }
  if (all.size() <= most) return all;
  std::map<Distance, std::vector<Pair>> by_distance;
  for (const Pair& pair : all) by_distance[pair.distance].push_back(pair);
  std::vector<Pair> chosen;
  for (const auto& [distance, pairs] : by_distance) {
    const std::size_t count = std::min(representatives, pairs.size());
    for (std::size_t i = 0; i < count; ++i) chosen.push_back(pairs[i * pairs.size() / count]);
  }
  return chosen;
}

std::vector<int> one_of_each_core(const std::vector<Cpu>& cpus) {
  std::vector<int> chosen;
  for (const Cpu& cpu : cpus) {
    const bool has_one = std::ranges::any_of(chosen, [&](int other) { return holds(cpu.siblings, other); });
    if (!has_one) chosen.push_back(cpu.number);
  }
  return chosen;
}

std::vector<int> parse_cpu_list(std::string_view text) {
  std::vector<int> cpus;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    text = comma == std::string_view::npos ? "" : text.substr(comma + 1);
    const std::size_t dash = part.find('-');
    const auto first = to_number(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : to_number(part.substr(dash + 1));
    if (!first || !last || *first < 0 || *last >= most_cpus) continue;
    for (auto cpu = *first; cpu <= *last; ++cpu) cpus.push_back(static_cast<int>(cpu));
  }
  return cpus;
}

std::string to_cpu_list(const std::vector<int>& cpus) {
  std::string text;
  for (std::size_t i = 0; i < cpus.size();) {
    std::size_t last = i;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    if (!text.empty()) text += ',';
    text += std::to_string(cpus[i]);
    if (last > i) text += (last == i + 1 ? ',' : '-') + std::to_string(cpus[last]);
    i = last + 1;
  }
  return text;
}

}  // namespace ringmail::doctor

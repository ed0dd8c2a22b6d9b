#include "doctor/judgement.hpp"

#include <algorithm>

#include "doctor/findings.hpp"

namespace ringmail::doctor {

const char* to_string(Level level) {
  switch (level) {
    case Level::ok: return "ok";
    case Level::note: return "note";
    case Level::warning: return "warning";
    case Level::error: return "error";
  }
  return "";
}

std::vector<Finding> judge(const Examination& examination) {
  constexpr Finding (*all[])(const Examination&) = {
      judge_memory, judge_futex,       judge_system,     judge_processes,     judge_barrier,      judge_cpus,
      judge_quota,  judge_siblings,    judge_distance,   judge_isolated,      judge_pinning,      judge_governor,
      judge_load,   judge_movement,    judge_spin,       judge_pause,         judge_barrier_cost, judge_clock,
      judge_guards, judge_descriptors, judge_huge_pages, judge_numa_balancing};
  std::vector<Finding> findings;
  for (const auto& one : all) findings.push_back(one(examination));
  return findings;
}

bool works(const std::vector<Finding>& findings) {
  return std::ranges::none_of(findings, [](const Finding& finding) { return finding.level == Level::error; });
}

}  // namespace ringmail::doctor

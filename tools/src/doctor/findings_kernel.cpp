#include <spdlog/fmt/fmt.h>

#include "doctor/findings.hpp"

namespace ringmail::doctor {
namespace {

constexpr std::int64_t seccomp_filter = 2;
constexpr std::int64_t memfds_never_executable = 2;

/// What to do about system calls that are refused.
std::string permit(const Facts& facts, const char* calls, const char* kernel) {
  if (facts.seccomp == seccomp_filter) {
    return fmt::format("allow {} in the seccomp profile (Docker: --security-opt seccomp=<profile.json>)", calls);
  }
  return fmt::format("a kernel of {} or later; this is {}", kernel, facts.kernel);
}

}  // namespace

Finding judge_memory(const Examination& examination) {
  const auto& [facts, probes, defaults, measured, pinning] = examination;
  constexpr const char* id = "memory";
  if (probes.memory.works) return {id, Level::ok, "shared memory can be made, mapped and sealed"};
  std::string text = "no shared memory, so nothing works: " + probes.memory.cause;
  if (facts.memfd_noexec == memfds_never_executable) {
    return {id, Level::error, std::move(text) + " (vm.memfd_noexec is 2)", "sysctl -w vm.memfd_noexec=1"};
  }
  return {id, Level::error, std::move(text), permit(facts, "memfd_create and fcntl", "5.1")};
}

Finding judge_futex(const Examination& examination) {
  const Probe& futex = examination.probes.futex;
  constexpr const char* id = "futex";
  if (futex.works) return {id, Level::ok, "threads can sleep on shared words"};
  return {id, Level::error, "nobody can sleep, so nothing works: " + futex.cause,
          permit(examination.facts, "futex", "2.6.22")};
}

Finding judge_system(const Examination& examination) {
  constexpr const char* id = "system";
  const Defaults& defaults = examination.defaults;
  if (defaults.cause.empty()) {
    return {id, Level::ok, fmt::format("a system of {} schedulers started and ended", defaults.schedulers)};
  }
  return {id, Level::error, "no system can be made: " + defaults.cause};
}

Finding judge_processes(const Examination& examination) {
  const auto& [facts, probes, defaults, measured, pinning] = examination;
  constexpr const char* id = "processes";
  if (!probes.pidfd.works) {
    return {id, Level::warning, "no peer process can be watched, so none can be had: " + probes.pidfd.cause,
            permit(facts, "pidfd_open and waitid", "5.4")};
  }
  if (facts.memfd_noexec == memfds_never_executable) {
    return {id, Level::warning,
            "no peer can be started: vm.memfd_noexec is 2, and what starts them is executed from memory",
            "sysctl -w vm.memfd_noexec=1"};
  }
  return {id, Level::ok, "peer processes can be started and watched"};
}

Finding judge_barrier(const Examination& examination) {
  const Probe& barrier = examination.probes.barrier;
  constexpr const char* id = "barrier";
  if (barrier.works)
    return {id, Level::ok, "publishing needs no barrier: who is about to sleep has the kernel issue it"};
  return {id, Level::warning, "each publish pays for a barrier of its own: " + barrier.cause,
          permit(examination.facts, "membarrier", "4.16")};
}

}  // namespace ringmail::doctor

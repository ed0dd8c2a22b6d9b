#include "latency/idle.hpp"

#include <time.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "latency/echo_peer.hpp"
#include "latency/peers.hpp"

namespace bench {
namespace {

constexpr unsigned idle_links = 64;

/// Long enough for every thread to sleep a few times: the first sleeps teach it that spinning before is not worth it.
constexpr auto settling = std::chrono::seconds(1);

double cpu_seconds(pid_t process) {
  clockid_t clock{};
  timespec used{};
  if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &used) != 0) {
    throw std::runtime_error("idle: no CPU time of process " + std::to_string(process));
  }
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

/// Of each thread of a process, but the caller.
std::map<int, double> wakeups(pid_t process) {
  constexpr std::string_view counter = "voluntary_ctxt_switches:";
  std::map<int, double> of_thread;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task")) {
    const int thread = std::stoi(entry.path().filename());
    if (thread == gettid()) continue;
    std::ifstream file(entry.path() / "status");
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with(counter)) of_thread[thread] = std::stod(line.substr(counter.size()));
    }
  }
  return of_thread;
}

bool is_reactor(int thread) {
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/comm");
  std::string name;
  return std::getline(file, name) && name == "rm-reactor";
}

struct Reading {
  double cpu_seconds = 0;
  std::map<int, double> wakeups;
};

Reading read(pid_t process) { return {cpu_seconds(process), wakeups(process)}; }

}  // namespace

Idle measure_idle(const Placement& placement, double seconds) {
  auto system = make_system("idle", {});
  const auto peers = spawn_peers(system, "idle", idle_links, echo_peer_command(placement.far_cpu));
  std::vector<pid_t> processes{getpid()};
  for (const auto& peer : peers) processes.push_back(system.runtime().peer_pid(peer.address().link));
  std::this_thread::sleep_for(settling);

  std::vector<Reading> before;
  for (const pid_t process : processes) before.push_back(read(process));
  const auto start = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;

  Idle idle{.links = idle_links, .schedulers = system.runtime().schedulers(), .seconds = elapsed.count()};
  for (std::size_t i = 0; i < processes.size(); ++i) {
    const Reading after = read(processes[i]);
    const double percent = 100 * (after.cpu_seconds - before[i].cpu_seconds) / idle.seconds;
    (i == 0 ? idle.cpu_percent : idle.peers_cpu_percent) += percent;
    for (const auto& [thread, count] : after.wakeups) {
      const double per_s = (count - before[i].wakeups[thread]) / idle.seconds;
      double& most = i != 0               ? idle.peer_wakeups_per_s
                     : is_reactor(thread) ? idle.reactor_wakeups_per_s
                                          : idle.scheduler_wakeups_per_s;
      most = std::max(most, per_s);
    }
  }
  return idle;
}

}  // namespace bench

#include <gtest/gtest.h>
#include <pthread.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "../transport/deadline.hpp"
#include "ringmail/runtime/system.hpp"

namespace ringmail::runtime::test {
namespace {

using transport::test::until;

/// Times that it gave up its CPU: each time that it then runs is a wakeup.
std::uint64_t sleeps_of(pid_t process, pid_t thread) {
  constexpr std::string_view counter = "voluntary_ctxt_switches:";
  std::ifstream file("/proc/" + std::to_string(process) + "/task/" + std::to_string(thread) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(counter)) return std::stoull(line.substr(counter.size()));
  }
  ADD_FAILURE() << "no thread " << thread << " of process " << process;
  return 0;
}

pid_t reactor_thread() {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(entry.path() / "comm");
    std::string name;
    if (std::getline(file, name) && name == "rm-reactor") return std::stoi(entry.path().filename());
  }
  ADD_FAILURE() << "there is no reactor";
  return gettid();
}

std::chrono::nanoseconds cpu_time(clockid_t clock) {
  timespec used{};
  EXPECT_EQ(clock_gettime(clock, &used), 0);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

/// A thread that polls rings: a scheduler, or the one thread of a peer.
struct Poller {
  pid_t process = 0;
  pid_t thread = 0;
  std::uint64_t sleeps() const { return sleeps_of(process, thread); }
};

/// Sleeps are counted, and CPU time is that of these threads: what else runs meanwhile does not matter.
TEST(Idle, a_system_with_64_links_uses_next_to_nothing_and_wakes_only_when_its_bounded_sleeps_end) {
  constexpr std::uint32_t schedulers = 2;
  constexpr std::size_t links = 64;
  constexpr auto watched_for = std::chrono::seconds(2);
  constexpr auto bounded_sleep = std::chrono::milliseconds(250);
  constexpr double most_cpu = 0.005;  // of one core

  auto log = std::make_shared<spdlog::logger>("idle", std::make_shared<spdlog::sinks::null_sink_mt>());
  auto created = System::create({.schedulers = schedulers, .log = log});
  ASSERT_TRUE(created) << created.error();
  System& system = **created;
  std::vector<std::uint32_t> numbers;
  for (std::size_t i = 0; i < links; ++i) {
    const auto peer = system.spawn_peer({.name = "peer " + std::to_string(i),
                                         .command = {RINGMAIL_TEST_PEER, "serve"},
                                         .mail_bytes = 1 << 16,
                                         .control_bytes = 1 << 12});
    ASSERT_TRUE(peer) << peer.error();
    numbers.push_back(peer->link);
  }
  std::vector<Poller> pollers;
  std::vector<clockid_t> clocks;
  for (std::uint32_t i = 0; i < schedulers; ++i) {
    ASSERT_TRUE(system.call(i, [&] {
      pollers.push_back({getpid(), gettid()});
      ASSERT_EQ(pthread_getcpuclockid(pthread_self(), &clocks.emplace_back()), 0);
    }));
  }
  for (const std::uint32_t number : numbers) {
    ASSERT_TRUE(system.wait_until_ready(number));
    const pid_t pid = system.peer_pid(number);
    pollers.push_back({pid, pid});
  }

  // The first sleeps teach a thread that spinning before them is not worth it.
  std::vector<std::uint64_t> before;
  for (const Poller& poller : pollers) before.push_back(poller.sleeps() + 4);
  for (std::size_t i = 0; i < pollers.size(); ++i) {
    ASSERT_TRUE(until([&] { return pollers[i].sleeps() >= before[i]; }));
  }

  const pid_t reactor = reactor_thread();
  const auto start = std::chrono::steady_clock::now();
  const std::uint64_t reactor_before = sleeps_of(getpid(), reactor);
  std::chrono::nanoseconds cpu_before{0};
  for (const clockid_t clock : clocks) cpu_before += cpu_time(clock);
  for (std::size_t i = 0; i < pollers.size(); ++i) before[i] = pollers[i].sleeps();

  std::this_thread::sleep_for(watched_for);

  std::vector<std::uint64_t> after;
  for (const Poller& poller : pollers) after.push_back(poller.sleeps());
  std::chrono::nanoseconds cpu{0};
  for (const clockid_t clock : clocks) cpu += cpu_time(clock);
  cpu -= cpu_before;
  const auto elapsed = std::chrono::steady_clock::now() - start;
  EXPECT_LE(sleeps_of(getpid(), reactor), reactor_before + 1) << "the reactor has nothing to wake for";

  const auto most_sleeps = 2 + static_cast<std::uint64_t>(elapsed / bounded_sleep);
  for (std::size_t i = 0; i < pollers.size(); ++i) {
    EXPECT_LE(after[i] - before[i], most_sleeps) << (i < schedulers ? "scheduler " : "peer ") << i;
  }
  EXPECT_LT(std::chrono::duration<double>(cpu) / elapsed, most_cpu);
  EXPECT_EQ(system.counters().lost_wakeups, 0u);
}

}  // namespace
}  // namespace ringmail::runtime::test

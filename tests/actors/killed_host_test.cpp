// A host that is killed, at any moment: nothing of it lives on, and the next one starts.
#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>
#include <vector>

#include "../transport/deadline.hpp"
#include "../transport/sanitized.hpp"
#include "echo.mail.hpp"
#include "ringmail/actors/actors.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using transport::monotonic_ns;
using transport::test::until;

/// RINGMAIL_HOST_KILLS asks for more.
std::size_t kills() {
  const char* given = std::getenv("RINGMAIL_HOST_KILLS");
  return given != nullptr ? std::strtoull(given, nullptr, 0) : 30;
}

/// Listens, has two peers with a child each, and sends a byte when both have answered; then talks to them for ever, and kills
/// one now and then.
[[noreturn]] void be_a_host(const std::string& socket, int to_test) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // not even when the test fails
  auto system =
      System::create({.schedulers = 1,
                      .listen = socket,
                      .log = std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::null_sink_mt>())});
  if (!system) {
    std::fprintf(stderr, "the host does not start: %s\n", system.error().c_str());
    _exit(1);
  }
  const std::string script = "sleep 1000 & exec " + std::string(RINGMAIL_ECHO_PEER);
  std::vector<Mailbox<echo::Echo>> peers;
  for (const char* name : {"one", "two"}) {
    auto peer = system->spawn_peer<echo::Echo>({.name = name,
                                                .command = {"/bin/sh", "-c", script},
                                                .restart = {.when = RestartPolicy::When::permanent,
                                                            .max_restarts = UINT32_MAX,
                                                            .first_delay = 0ms,
                                                            .longest_delay = 0ms}});
    if (!peer) _exit(1);
    peers.push_back(*peer);
  }
  for (std::uint64_t asked = 0;; ++asked) {
    for (const auto& peer : peers) {
      if (!ask(peer, echo::Ping{.number = asked}, 20s)) _exit(1);
    }
    if (asked == 0 && write(to_test, "r", 1) != 1) _exit(1);
    if (asked % 64 == 63) {
      const int pid = system->runtime().peer_pid(peers[asked / 64 % 2].address().link);
      if (pid > 1) kill(pid, SIGKILL);
    }
  }
}

/// Until it said that it is up, or for so long.
bool wait_for_byte(int from, std::chrono::microseconds most) {
  timeval time{.tv_sec = most.count() / 1'000'000, .tv_usec = most.count() % 1'000'000};
  fd_set set;
  FD_ZERO(&set);
  FD_SET(from, &set);
  char byte = 0;
  return select(from + 1, &set, nullptr, nullptr, &time) == 1 && read(from, &byte, 1) == 1;
}

TEST(KilledHost, leaves_nothing_alive_and_the_next_starts) {
  if (kills() <= 30) transport::test::start_watchdog();
  // Whoever loses his parent becomes a child of this process: when it has none, nobody lives.
  ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  const std::string directory = testing::TempDir() + "ringmail_killed_host." + std::to_string(getpid());
  std::filesystem::create_directory(directory);
  std::filesystem::permissions(directory, std::filesystem::perms::owner_all);
  std::mt19937_64 random(transport::test::seed());
  std::chrono::microseconds start = 100ms;  // of one to its first answers; learnt
  std::vector<std::uint64_t> times_ns;
  while (times_ns.size() < kills()) {
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    std::fflush(nullptr);
    const pid_t host = fork();
    ASSERT_GE(host, 0);
    if (host == 0) {
      close(pipe_ends[0]);
      be_a_host(directory + "/socket", pipe_ends[1]);
    }
    close(pipe_ends[1]);
    // Every other one must come up, whatever the one before has left; the rest are killed on their way.
    const bool must_start = times_ns.size() % 2 == 1;
    const std::uint64_t began_ns = monotonic_ns();
    if (must_start) {
      ASSERT_TRUE(wait_for_byte(pipe_ends[0], 20s)) << "a host did not start after one that was killed";
      start = std::chrono::microseconds((monotonic_ns() - began_ns) / 1000);
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
    } else {
      const auto most = std::chrono::microseconds(random() % static_cast<std::uint64_t>(start.count()));
      std::this_thread::sleep_for(most);
    }
    close(pipe_ends[0]);
    ASSERT_EQ(kill(host, SIGKILL), 0);
    const std::uint64_t killed_ns = monotonic_ns();
    ASSERT_TRUE(until([] {
      while (true) {
        const pid_t ended = waitpid(-1, nullptr, WNOHANG);
        if (ended <= 0) return ended < 0;
      }
    })) << "something of host "
        << host << " lives on";
    times_ns.push_back(monotonic_ns() - killed_ns);
  }
  std::filesystem::remove_all(directory);

  std::ranges::sort(times_ns);
  const auto part = [&](std::size_t percent) {
    return static_cast<double>(times_ns[(times_ns.size() - 1) * percent / 100]) / 1e6;
  };
  std::printf("%zu hosts killed, until nothing of one was left: p50 %.1f ms, p99 %.1f ms, max %.1f ms\n",
              times_ns.size(), part(50), part(99), part(100));
  if (!transport::test::sanitized) {
    EXPECT_LT(part(99), 1000.0);
  }
}

}  // namespace
}  // namespace ringmail::test

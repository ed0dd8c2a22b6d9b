// Peers that are spawned, spoken to and killed, again and again: nothing of them is left, in the process or beside it.
#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

#include "../runtime/footprint.hpp"
#include "../transport/deadline.hpp"
#include "../transport/sanitized.hpp"
#include "echo.mail.hpp"
#include "ringmail/actors/actors.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using runtime::test::children, runtime::test::Footprint;
using transport::test::until;

/// RINGMAIL_CYCLES asks for more.
std::size_t cycles() {
  const char* given = std::getenv("RINGMAIL_CYCLES");
  return given != nullptr ? std::strtoull(given, nullptr, 0) : 100;
}

class Cycle {
 public:
  explicit Cycle(System& system) : system_(system) {}

  /// So many lives of one peer. What it starts beside itself it leaves to be killed by others.
  void turn(std::size_t lives) {
    const std::string script = "sleep 1000 & exec " + std::string(RINGMAIL_ECHO_PEER);
    PeerOptions options{.name = "cycle",
                        .command = {RINGMAIL_ECHO_PEER},
                        .restart = {.when = RestartPolicy::When::permanent,
                                    .max_restarts = UINT32_MAX,
                                    .first_delay = 0ms,
                                    .longest_delay = 0ms}};
    if (random_() % 2 == 0) options.command = {"/bin/sh", "-c", script};
    if (random_() % 2 == 0) options.trusted = false;
    const auto peer = system_.spawn_peer<echo::Echo>(options);
    ASSERT_TRUE(peer) << peer.error();
    const std::uint32_t link = peer->address().link;
    std::uint64_t last = 0;
    for (std::size_t life = 0; life < lives; ++life) {
      // On a machine that is busy enough one may have failed to be ready in time, and be followed by another one.
      ASSERT_TRUE(until([&] { return system_.runtime().incarnation(link) > last; }));
      last = system_.runtime().incarnation(link);
      const auto pong = ask(*peer, echo::Ping{.number = ++asked_}, 20s);
      ASSERT_TRUE(pong);
      EXPECT_EQ(pong->number, asked_);
      const int pid = system_.runtime().peer_pid(link);
      ASSERT_GT(pid, 1);
      ASSERT_EQ(kill(pid, SIGKILL), 0);
    }
    system_.stop_and_wait(*peer);
  }

 private:
  System& system_;
  std::mt19937_64 random_{transport::test::seed()};
  std::uint64_t asked_ = 0;
};

TEST(PeerCycles, leave_nothing_behind) {
  if (cycles() <= 100) transport::test::start_watchdog();
  // What a peer has started and left behind becomes a child of this process, where it is counted.
  ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  auto system = System::create(
      {.schedulers = 1, .log = std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::null_sink_mt>())});
  ASSERT_TRUE(system) << system.error();
  Cycle cycle(*system);
  const auto run = [&](std::size_t count) {
    for (std::size_t done = 0; done < count && !testing::Test::HasFatalFailure();) {
      // Now and then a new peer: a system keeps of each how it ended, two kilobytes, and so as few as may be seen.
      cycle.turn(50);
      done += 50;
    }
  };
  const auto reaped_to = [](std::size_t count) {
    return until([count] {
      while (waitpid(-1, nullptr, WNOHANG) > 0) continue;
      return children() == count;
    });
  };

  // The first ones fill what is kept for the next: the heap, the stacks, the guard.
  run(50);
  const std::size_t guards = 1;
  ASSERT_TRUE(reaped_to(guards)) << children();
  const Footprint before = Footprint::now();
  run(cycles());
  EXPECT_TRUE(reaped_to(guards)) << children() << " children are left";
  Footprint after = Footprint::now();
  std::cout << cycles() << " cycles: " << before << ", then " << after << "\n";
  EXPECT_EQ(after.descriptors, before.descriptors);
  EXPECT_EQ(after.segments, before.segments);
  // A sanitizer maps and keeps memory of its own.
  if (!transport::test::sanitized) {
    EXPECT_LE(after.mappings, before.mappings);
    EXPECT_LT(after.resident_kib, before.resident_kib + 1024);
  }
  system->shutdown();
  EXPECT_TRUE(reaped_to(0));
}

}  // namespace
}  // namespace ringmail::test

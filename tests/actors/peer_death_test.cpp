// How soon an actor knows that a peer process was killed, and that the mail towards it is all accounted for.
#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "../transport/deadline.hpp"
#include "../transport/sanitized.hpp"
#include "tracked.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using transport::monotonic_ns;
using transport::test::until;

/// RINGMAIL_DEATHS asks for more.
std::size_t deaths() {
  const char* given = std::getenv("RINGMAIL_DEATHS");
  return given != nullptr ? std::strtoull(given, nullptr, 0) : 100;
}

/// When the last death was told, and how many were.
struct Notice {
  std::atomic<std::uint64_t> at_ns{0};
  std::atomic<std::uint64_t> count{0};
  std::atomic<bool> watching{false};
};

class Watcher : public Actor {
 public:
  Watcher(Mailbox<Pricer> peer, Notice& notice) : peer_(peer), notice_(notice) {}
  void started() override {
    this_actor::monitor(peer_);
    notice_.watching = true;
  }
  void on(const Down& down) {
    notice_.at_ns = monotonic_ns();
    if (down.reason.kind == ExitReason::Kind::normal) return this_actor::stop();  // it was asked to, in the end
    EXPECT_EQ(down.reason.kind, ExitReason::Kind::signalled) << to_string(down.reason);
    this_actor::monitor(peer_);
    ++notice_.count;
  }

 private:
  Mailbox<Pricer> peer_;
  Notice& notice_;
};

double milliseconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; }

TEST(PeerDeath, is_known_within_50_ms) {
  if (deaths() <= 100) transport::test::start_watchdog();
  auto system = System::create(
      {.schedulers = 1, .log = std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::null_sink_mt>())});
  ASSERT_TRUE(system) << system.error();
  const auto peer = system->spawn_peer<Pricer>({.command = {RINGMAIL_ECHO_PEER},
                                                .restart = {.when = RestartPolicy::When::permanent,
                                                            .max_restarts = UINT32_MAX,
                                                            .first_delay = 0ms,
                                                            .longest_delay = 0ms}});
  ASSERT_TRUE(peer) << peer.error();
  const std::uint32_t link = peer->address().link;
  Notice notice;
  system->spawn<Watcher>(*peer, notice);  // perhaps before its scheduler has the link
  ASSERT_TRUE(system->runtime().wait_until_ready(link));

  std::mt19937_64 random(transport::test::seed());
  std::vector<std::uint64_t> latencies_ns;
  std::uint64_t sent = 0;
  while (latencies_ns.size() < deaths()) {
    const std::uint64_t life = latencies_ns.size() + 1;
    ASSERT_TRUE(until([&] { return system->runtime().incarnation(link) == life && notice.watching; }));
    // At work for a while, or asleep.
    for (std::uint64_t mail = random() % 64; mail > 0; --mail, ++sent) ASSERT_TRUE(peer->send(Tick{sent}));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 2000));
    const int pid = system->runtime().peer_pid(link);
    ASSERT_GT(pid, 0);
    const std::uint64_t killed_ns = monotonic_ns();
    ASSERT_EQ(kill(pid, SIGKILL), 0);
    ASSERT_TRUE(until([&] { return notice.count == life; }));
    latencies_ns.push_back(notice.at_ns - killed_ns);
  }
  const auto end = system->stop_and_wait(*peer);
  EXPECT_EQ(end.account.published, sent);
  EXPECT_EQ(end.account.unfinished, 0u);
  EXPECT_EQ(end.account.fault, "");
  system->shutdown();
  EXPECT_EQ(system->counters().lost_wakeups, 0u);

  std::ranges::sort(latencies_ns);
  const auto part = [&](std::size_t percent) { return latencies_ns[(latencies_ns.size() - 1) * percent / 100]; };
  std::printf("%zu deaths, from the kill to the monitor's handler: p50 %.2f ms, p99 %.2f ms, max %.2f ms\n",
              latencies_ns.size(), milliseconds(part(50)), milliseconds(part(99)), milliseconds(latencies_ns.back()));
  if (!transport::test::sanitized) {
    EXPECT_LT(milliseconds(part(99)), 50.0);
  }
}

}  // namespace
}  // namespace ringmail::test

// What a peer sends of itself, to actors that it knows because they have sent it something.
#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "../transport/deadline.hpp"
#include "echo.mail.hpp"
#include "ringmail/actors/actors.hpp"
#include "tracked.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using transport::test::until;

/// Sends a number to the peer, and is sent it back.
class Listener : public Actor {
 public:
  using Protocol = echo::Listener;
  Listener(Mailbox<echo::Echo> peer, std::atomic<std::uint64_t>& heard) : peer_(peer), heard_(heard) {}
  void on(const Tick& tick) { EXPECT_TRUE(peer_.send(echo::Ping{.number = tick.time})); }
  void on(const echo::Ping& ping) { heard_ += ping.number; }

 private:
  Mailbox<echo::Echo> peer_;
  std::atomic<std::uint64_t>& heard_;
};

class PeerMailTest : public testing::TestWithParam<std::uint32_t> {};

TEST_P(PeerMailTest, reaches_actors_of_every_scheduler_with_a_lane_of_their_own_and_without) {
  transport::test::start_watchdog();
  auto system = System::create({.schedulers = GetParam()});
  ASSERT_TRUE(system) << system.error();
  const auto peer = system->spawn_peer<echo::Echo>({.name = "back", .command = {RINGMAIL_LATE_ECHO_PEER, "0"}});
  ASSERT_TRUE(peer) << peer.error();
  for (const bool own_lane : {false, true}) {
    for (std::uint32_t scheduler = 0; scheduler < GetParam(); ++scheduler) {
      std::atomic<std::uint64_t> heard{0};
      auto listener = system->spawn_with<Listener>({.scheduler = scheduler, .own_lane = own_lane}, *peer, heard);
      for (std::uint64_t i = 1; i <= 10; ++i) EXPECT_TRUE(listener.send(Tick{.time = i}));
      EXPECT_TRUE(until([&] { return heard == 55; })) << "scheduler " << scheduler << ", own lane " << own_lane;
      listener.stop();
      EXPECT_TRUE(until([&] { return !system->runtime().scheduler(scheduler).is_live(listener.address().actor); }));
    }
  }
  EXPECT_EQ(to_string(system->stop_and_wait(*peer).reason), "ended normally");
  system->shutdown();
  EXPECT_EQ(system->counters().dead_letters, 0u);
}

INSTANTIATE_TEST_SUITE_P(Schedulers, PeerMailTest, testing::Values(1u, 3u));

}  // namespace
}  // namespace ringmail::test

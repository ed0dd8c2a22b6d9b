#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <set>
#include <stdexcept>

#include "ringmail/actors/running_supervisor.hpp"
#include "system_test.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using transport::test::until;

class OwnLaneTest : public SystemTest {
 protected:
  SpawnOptions on(std::uint32_t scheduler) const { return {.scheduler = scheduler, .own_lane = own_lane_}; }
  std::uint32_t other() const { return GetParam() - 1; }
  bool own_lane_ = true;
};

/// Keeps its thread until the gate opens, in its first message, and counts.
struct Bulk : Actor {
  explicit Bulk(std::atomic<int>& taken, std::atomic<bool>& began, std::atomic<bool>& gate)
      : taken_(taken), began_(began), gate_(gate) {}
  void on(const Token&) {
    began_ = true;
    gate_.wait(false);
    ++taken_;
  }
  std::atomic<int>& taken_;
  std::atomic<bool>& began_;
  std::atomic<bool>& gate_;
};

/// How many of 1,000 earlier messages to a neighbour have been handled when the one comes that was sent after them.
int handled_before(System& system,
                   Mailbox<Bulk> bulk,
                   const SpawnOptions& options,
                   std::atomic<int>& taken,
                   std::atomic<bool>& began,
                   std::atomic<bool>& gate) {
  std::atomic<int> before{-1};
  auto urgent = system.spawn_with(options, [&](const Tick&) { before = taken.load(); });
  auto sender = system.spawn_on(0, [&](const Tick&) {
    EXPECT_TRUE(bulk.send(Token(0)));
    // What is sent is published when the handler waits, and the neighbour has its thread from its first message on.
    while (!began) this_actor::sleep_for(1us);
    for (std::uint64_t i = 1; i < 1000; ++i) EXPECT_TRUE(bulk.send(Token(i)));
    EXPECT_TRUE(urgent.send(Tick{}));
    // A turn later all of it has been published.
    this_actor::sleep_for(1us);
    gate = true;
    gate.notify_all();
  });
  EXPECT_TRUE(sender.send(Tick{}));
  EXPECT_TRUE(until([&] { return before >= 0 && taken == 1000; }));
  return before;
}

TEST_P(OwnLaneTest, what_comes_on_it_is_handled_before_what_others_were_sent_earlier) {
  for (const bool own_lane : {true, false}) {
    own_lane_ = own_lane;
    std::atomic<int> taken{0};
    std::atomic<bool> began{false};
    std::atomic<bool> gate{false};
    auto bulk = system().spawn_on<Bulk>(other(), taken, began, gate);
    const int before = handled_before(system(), bulk, on(other()), taken, began, gate);
    // It may stand behind what its scheduler takes from a ring at once; without a lane of its own it stands behind all.
    if (own_lane) {
      EXPECT_LE(before, 64);
    } else {
      EXPECT_EQ(before, 1000);
    }
  }
}

TEST_P(OwnLaneTest, there_is_room_on_it_where_the_lane_of_all_others_is_full) {
  std::atomic<int> taken{0};
  std::atomic<bool> began{false};
  std::atomic<bool> gate{false};
  auto bulk = system().spawn_on<Bulk>(other(), taken, began, gate);
  std::atomic<bool> came{false};
  auto urgent = system().spawn_with(on(other()), [&](const Tick&) { came = true; });
  std::atomic<int> sent{-1};
  auto sender = system().spawn_on(0, [&](const Tick&) {
    int filled = 0;
    while (bulk.send(Token(0), 0s)) {
      ++filled;
      while (!began) this_actor::sleep_for(1us);
    }
    EXPECT_EQ(urgent.send(Tick{}, 0s), (std::expected<void, SendError>{}));
    sent = filled;
    gate = true;
    gate.notify_all();
  });
  ASSERT_TRUE(sender.send(Tick{}));
  EXPECT_TRUE(until([&] { return came && taken == sent; }));
  EXPECT_GT(sent, 1000);
}

TEST_P(OwnLaneTest, messages_of_a_sender_come_in_their_order) {
  constexpr std::uint64_t count = 20'000;
  std::atomic<std::uint64_t> in_order{0};
  auto reader = system().spawn_with(on(other()), [&, next = std::uint64_t{0}](const Token& token) mutable {
    if (token.number() == next++) ++in_order;
  });
  auto sender = system().spawn_on(0, [&](const Tick&) {
    for (std::uint64_t i = 0; i < count; ++i) EXPECT_TRUE(reader.send(Token(i)));
  });
  ASSERT_TRUE(sender.send(Tick{}));
  EXPECT_TRUE(until([&] { return in_order == count; }));
}

TEST_P(OwnLaneTest, it_is_asked_and_asks_like_any_other) {
  auto echo = system().spawn_with(on(other()), [](const Tick& tick) { return tick; });
  auto asker = system().spawn_with(on(0), [&](const Tick& tick) { return ask(echo, tick, 10s).value_or(Tick{}).time; });
  EXPECT_EQ(ask(asker, Tick{.time = 7}, 10s), 7u);
}

TEST_P(OwnLaneTest, actors_that_follow_each_other_use_the_same_one) {
  std::set<std::uint32_t> lanes;
  for (int i = 0; i < 100; ++i) {
    auto actor = system().spawn_with(on(other()), [](const Tick& tick) { return tick; });
    EXPECT_EQ(ask(actor, Tick{.time = 1}, 10s).value_or(Tick{}).time, 1u);
    lanes.insert(actor.address().actor.lane());
    actor.stop();
    EXPECT_TRUE(until([&] { return !system().runtime().scheduler(other()).is_live(actor.address().actor); }));
  }
  EXPECT_EQ(lanes, std::set<std::uint32_t>{1});
}

TEST_P(OwnLaneTest, more_of_them_than_there_are_lanes_share_one) {
  constexpr int count = 40;
  std::atomic<int> came{0};
  std::vector<Mailbox<FunctionActor<std::function<void(const Tick&)>>>> actors;
  std::set<std::uint32_t> lanes;
  for (int i = 0; i < count; ++i) {
    actors.push_back(system().spawn_with(on(other()), std::function([&](const Tick&) { ++came; })));
    lanes.insert(actors.back().address().actor.lane());
  }
  EXPECT_EQ(lanes.size(), 15u);
  auto sender = system().spawn_on(0, [&](const Tick&) {
    for (auto& actor : actors) EXPECT_TRUE(actor.send(Tick{}));
  });
  ASSERT_TRUE(sender.send(Tick{}));
  EXPECT_TRUE(until([&] { return came == count; }));
}

TEST_P(OwnLaneTest, what_was_sent_to_one_that_has_ended_is_a_dead_letter) {
  auto ended = system().spawn_with(on(other()), [](const Token&) {});
  ended.stop();
  EXPECT_TRUE(until([&] { return !system().runtime().scheduler(other()).is_live(ended.address().actor); }));
  std::atomic<bool> sent{false};
  auto sender = system().spawn_on(0, [&](const Tick&) {
    for (std::uint64_t i = 0; i < 10; ++i) EXPECT_TRUE(ended.send(Token(i)));
    sent = true;
  });
  ASSERT_TRUE(sender.send(Tick{}));
  EXPECT_TRUE(until([&] { return sent.load(); }));
  system().shutdown();
  EXPECT_EQ(system().counters().dead_letters, 10u);
}

TEST_P(OwnLaneTest, a_lane_that_nobody_has_is_unreachable) {
  // As an id may be that comes in a message.
  const runtime::ActorId forged(other(), 1, 1, false, 9);
  const Mailbox<FunctionActor<std::function<void(const Tick&)>>> nobody(system().runtime(), {0, forged});
  std::atomic<bool> refused{false};
  auto sender = system().spawn_on(
      0, [&](const Tick& tick) { refused = nobody.send(tick) == std::unexpected(SendError::unreachable); });
  ASSERT_TRUE(sender.send(Tick{}));
  EXPECT_TRUE(until([&] { return refused.load(); }));
}

TEST_P(OwnLaneTest, a_supervised_child_keeps_it_when_it_is_restarted) {
  struct Fragile : Actor {
    int on(const Quote&) { throw std::runtime_error("once more"); }
    std::uint64_t on(const Tick& tick) { return tick.time + 1; }
  };
  const auto supervisor = supervise(system(), {.intensity = 10}).start();
  const auto child = start_child<Fragile>(supervisor, {.own_lane = true, .scheduler = other()}, 20s);
  ASSERT_TRUE(child);
  EXPECT_NE(child->address().actor.lane(), 0u);
  for (std::uint64_t life = 0; life < 3; ++life) {
    EXPECT_EQ(ask(*child, Tick{.time = life}, 10s), life + 1);
    EXPECT_EQ(ask(*child, Quote{}, 10s).error(), AskError::failed);
  }
}

INSTANTIATE_TEST_SUITE_P(Schedulers, OwnLaneTest, testing::Values(2, 3), [](const auto& info) {
  return std::to_string(info.param);
});

// There is nobody who could use it.
TEST(OwnLane, on_the_only_scheduler_is_the_one_that_all_share) {
  auto system = System::create({.schedulers = 1});
  ASSERT_TRUE(system);
  auto actor = system->spawn_with({.own_lane = true}, [](const Tick& tick) { return tick; });
  EXPECT_EQ(actor.address().actor.lane(), 0u);
  EXPECT_EQ(ask(actor, Tick{.time = 1}, 10s).value_or(Tick{}).time, 1u);
}

}  // namespace
}  // namespace ringmail::test

// Mail of a peer to an actor whose mailbox is limited.
#include <gtest/gtest.h>

#include "remote_lane_fixture.hpp"

namespace ringmail::runtime::test {
namespace {

class RemoteLaneLimitTest : public RemoteLaneTest {
 protected:
  static constexpr std::uint32_t capacity = 4;

  /// Asks the peer in its first message, and so suspends until it answers.
  ActorId add_limited() {
    return add_exported([this](TestCell& cell) {
      cell.limit_mailbox({.capacity = capacity});
      cell.on_number = [this](TestCell& self, std::uint64_t value) {
        if (values_.empty()) answered_ = ask_number(self.scheduler(), peer_address, 1, far_off()).has_value();
        values_.push_back(value);
        ++taken_;
      };
    });
  }
  /// Until the host takes no more: then no turn of its loop makes room.
  std::uint64_t fill_host(ActorId actor) {
    std::uint64_t sent = 0;
    for (int refused = 0; refused < 10;) {
      if (peer().send(0, actor, sent)) {
        ++sent;
        refused = 0;
      } else {
        schedulers_.run_on(0, [] {});
        ++refused;
      }
    }
    return sent;
  }
  void answer() {
    const auto question = peer().wait_for_mail(0);
    ASSERT_TRUE(question);
    ASSERT_TRUE(peer().reply(0, question->head.correlation, 1));
  }

  std::vector<std::uint64_t> values_;
  std::atomic<std::uint64_t> taken_{0};
  std::atomic<bool> answered_{false};
};

TEST_F(RemoteLaneLimitTest, what_finds_no_room_stays_in_the_ring_and_answers_pass_it) {
  const ActorId actor = add_limited();
  const std::uint64_t sent = fill_host(actor);
  EXPECT_LE(sent, ring_bytes / 64 + capacity + 1);
  EXPECT_EQ(taken_, 0u);
  answer();
  EXPECT_TRUE(until([&] { return taken_ == sent; }));
  EXPECT_TRUE(answered_);
  for (std::uint64_t i = 0; i < sent; ++i) EXPECT_EQ(values_[i], i);
  // And on it goes.
  ASSERT_TRUE(peer().send(0, actor, sent));
  EXPECT_TRUE(until([&] { return taken_ == sent + 1; }));
}

TEST_F(RemoteLaneLimitTest, the_host_sleeps_meanwhile) {
  const ActorId actor = add_limited();
  fill_host(actor);
  const auto sleeps = schedulers_.counters(0).sleeps;
  EXPECT_TRUE(until([&] { return schedulers_.counters(0).sleeps > sleeps; }));
  answer();
  EXPECT_TRUE(until([&] { return answered_.load(); }));
}

TEST_F(RemoteLaneLimitTest, the_end_of_the_actor_clears_the_ring) {
  const ActorId actor = add_limited();
  const std::uint64_t sent = fill_host(actor);
  schedulers_.run_on(0, [&] { schedulers_[0].stop({0, actor}); });
  EXPECT_TRUE(until([&] { return schedulers_.counters().dead_letters + taken_ == sent; }));
}

TEST_F(RemoteLaneLimitTest, other_actors_get_what_other_lanes_bring) {
  fill_host(add_limited());
  const ActorId other = schedulers_.add(1, [](TestCell& cell) {
    cell.on_number = [](TestCell& self, std::uint64_t value) { reply_number(self, value + 1); };
  });
  schedulers_.run_on(1, [&] { EXPECT_TRUE(schedulers_[1].export_to(link_number, other)); });
  ASSERT_TRUE(peer().send(1, other, 1, 5));
  EXPECT_EQ(peer().wait_for_control(1)->value, 2u);
  answer();
}

}  // namespace
}  // namespace ringmail::runtime::test

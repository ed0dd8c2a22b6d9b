// Lanes of a peer that publishes what a message led to together with its acknowledgement: where its successor takes up, who is sent
// what came by another scheduler's lane, and acknowledgements that are impossible.
#include <gtest/gtest.h>

#include <mutex>
#include <optional>
#include <ostream>
#include <vector>

#include "forward.hpp"
#include "remote_lane_fixture.hpp"
#include "ringmail/transport/acknowledged.hpp"

namespace ringmail::runtime::test {
namespace {

using transport::FrameHead;
using transport::FrameKind;

constexpr FrameHead acknowledgement{.kind = FrameKind::signal, .type = transport::signal_acknowledge};

class ExactlyOnceLane : public RemoteLaneTest {
 protected:
  ExactlyOnceLane() {
    for (std::uint32_t i = 0; i < 2; ++i) {
      schedulers_.run_on(i, [&] {
        schedulers_[i].on_forward = [this](std::uint32_t thread, std::uint32_t link, std::vector<Forward>& forwards) {
          if (thread >= 2) return false;
          schedulers_[thread].post([this, thread, link, taken = std::move(forwards)]() mutable {
            schedulers_[thread].take_forwards(link, std::move(taken));
          });
          return true;
        };
        schedulers_[i].on_elsewhere = [this](std::uint32_t thread, MoveOnlyFunction<void()> task) {
          schedulers_[thread].post(std::move(task));
        };
        schedulers_[i].expect_acknowledgements(link_number);
      });
    }
  }

  /// As a peer does in a handler: the acknowledgement, and what is to be published with it.
  static void put(PeerEnd& peer, const FrameHead& head, std::uint64_t value) {
    transport::RingProducer& ring = peer.lane(0).mail_out;
    std::byte* const place = ring.try_loan(sizeof value);
    ASSERT_NE(place, nullptr);
    std::memcpy(place, &value, sizeof value);
    ring.commit(head);
  }
  static void put_number(PeerEnd& peer, ActorId to, std::uint64_t value, std::uint32_t correlation = 0) {
    put(peer,
        {.kind = FrameKind::message,
         .type = number_type.id,
         .correlation = correlation,
         .target = to.value(),
         .sender = 77},
        value);
  }
  /// Takes the next message, without telling, and returns the position behind it.
  std::uint64_t take_next() {
    EXPECT_TRUE(until([&] { return peer().take_mail(0, false).has_value(); }));
    return peer().lane(0).mail_in.position();
  }
  ActorId add_on(std::uint32_t scheduler, std::vector<std::uint64_t>& got) {
    const ActorId id = schedulers_.add(scheduler, [&](TestCell& cell) {
      cell.on_number = [&](TestCell&, std::uint64_t value) {
        const std::lock_guard lock(mutex_);
        got.push_back(value);
      };
    });
    schedulers_.run_on(scheduler, [&] { EXPECT_TRUE(schedulers_[scheduler].export_to(link_number, id)); });
    return id;
  }
  bool await(std::vector<std::uint64_t>& got, std::size_t count) {
    return until([&] {
      const std::lock_guard lock(mutex_);
      return got.size() >= count;
    });
  }

  std::mutex mutex_;
};

TEST_F(ExactlyOnceLane, a_successor_starts_behind_the_last_acknowledgement) {
  std::vector<std::uint64_t> got;
  const ActorId actor = add_on(0, got);
  for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(send(i));
  const std::uint64_t behind = take_next();
  take_next();
  // The first is finished, the second is not, and no cursor says either. Nobody has read it when the peer dies.
  const auto account = link_.replace([&](PeerEnd& dying) {
    put(dying, acknowledgement, behind);
    put_number(dying, actor, 5);
    dying.lane(0).mail_out.publish();
  });
  EXPECT_EQ(account.fault, "");
  EXPECT_EQ(account.published, 3u);
  EXPECT_EQ(account.unfinished, 2u);
  EXPECT_EQ(link_.resume(0).cursor, behind);
  EXPECT_EQ(link_.resume(0).attempt, 1u) << "the second was in hand";
  EXPECT_TRUE(await(got, 1));
  EXPECT_EQ(peer().wait_for_mail(0)->value, 1u);
  EXPECT_EQ(peer().wait_for_mail(0)->value, 2u);
  EXPECT_EQ(got, std::vector<std::uint64_t>{5});
}

TEST_F(ExactlyOnceLane, a_death_behind_the_acknowledgement_is_no_attempt_of_its_message) {
  ASSERT_TRUE(send(1));
  const std::uint64_t behind = take_next();
  const auto account = link_.replace([&](PeerEnd& dying) {
    put(dying, acknowledgement, behind);
    dying.lane(0).mail_out.publish();
  });
  EXPECT_EQ(account.unfinished, 0u);
  EXPECT_EQ(link_.resume(0).attempt, 0u);
}

TEST_F(ExactlyOnceLane, what_was_not_published_acknowledges_nothing) {
  ASSERT_TRUE(send(1));
  const std::uint64_t behind = take_next();
  const auto account = link_.replace([&](PeerEnd& dying) { put(dying, acknowledgement, behind); });
  EXPECT_EQ(account.unfinished, 1u);
  EXPECT_EQ(link_.resume(0).cursor, 0u);
}

TEST_F(ExactlyOnceLane, the_cursor_counts_where_it_is_further) {
  for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(send(i));
  const std::uint64_t first = take_next();
  put(peer(), acknowledgement, first);
  peer().lane(0).publish();
  take_next();
  peer().lane(0).store_cursors();
  const auto account = link_.replace();
  EXPECT_EQ(account.fault, "");
  EXPECT_EQ(account.unfinished, 1u);
  EXPECT_EQ(peer().wait_for_mail(0)->value, 2u);
}

TEST_F(ExactlyOnceLane, mail_for_another_scheduler_is_handed_to_it_in_order) {
  std::vector<std::uint64_t> here, there;
  const ActorId near = add_on(0, here), far = add_on(1, there);
  for (std::uint64_t i = 0; i < 10; ++i) {
    put_number(peer(), far, i);
    put_number(peer(), near, i);
  }
  peer().lane(0).publish();
  ASSERT_TRUE(await(here, 10) && await(there, 10));
  for (std::uint64_t i = 0; i < 10; ++i) EXPECT_EQ(std::pair(here[i], there[i]), std::pair(i, i));
  EXPECT_TRUE(faults().empty());
}

TEST_F(ExactlyOnceLane, what_the_dead_published_for_another_scheduler_is_there_before_the_news_of_its_death) {
  std::vector<std::uint64_t> there;
  const ActorId far = add_on(1, there);
  link_.replace([&](PeerEnd& dying) {
    for (std::uint64_t i = 0; i < 10; ++i) put_number(dying, far, i);
    dying.lane(0).mail_out.publish();
  });
  // As the news would be: posted when all have settled.
  std::size_t count = 0;
  schedulers_.run_on(1, [] {});
  schedulers_.handle_on(1, [&](TestCell&) {
    const std::lock_guard lock(mutex_);
    count = there.size();
  });
  EXPECT_EQ(count, 10u);
}

TEST_F(ExactlyOnceLane, what_another_scheduler_has_no_time_for_waits_in_the_ring) {
  constexpr std::uint64_t most = 10'000;
  std::vector<std::uint64_t> there;
  const ActorId far = add_on(1, there);
  std::uint64_t sent = 0;
  {
    const std::lock_guard busy(mutex_);  // which its handler waits for
    for (int turns = 0; sent < most && turns < 1000;) {
      if (peer().send(0, far, sent)) {
        ++sent;
        turns = 0;
      } else {
        schedulers_.run_on(0, [] {});
        ++turns;
      }
    }
  }
  EXPECT_LT(sent, most) << "there always was room";
  ASSERT_TRUE(await(there, sent));
  for (std::uint64_t i = 0; i < sent; ++i) ASSERT_EQ(there[i], i);
  ASSERT_TRUE(peer().send(0, far, sent));
  EXPECT_TRUE(await(there, sent + 1));
}

TEST_F(ExactlyOnceLane, an_actor_of_another_scheduler_answers_and_one_that_was_not_made_known_does_not) {
  const ActorId far = schedulers_.add(1, [](TestCell& cell) {
    cell.on_number = [](TestCell& self, std::uint64_t value) { reply_number(self, value + 1); };
  });
  put_number(peer(), far, 1, 5);
  peer().lane(0).publish();
  const auto refused = peer().wait_for_control(1);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->head.kind, FrameKind::no_reply);
  schedulers_.run_on(1, [&] { EXPECT_TRUE(schedulers_[1].export_to(link_number, far)); });
  put_number(peer(), far, 1, 6);
  put_number(peer(), ActorId(7, 1, 1), 1, 7);  // there is no such scheduler
  peer().lane(0).publish();
  const auto answer = peer().wait_for_control(1);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->head.kind, FrameKind::reply);
  EXPECT_EQ(answer->value, 2u);
  const auto none = peer().wait_for_control(0);
  ASSERT_TRUE(none);
  EXPECT_EQ(none->head.kind, FrameKind::no_reply);
  EXPECT_EQ(none->head.correlation, 7u);
  EXPECT_TRUE(faults().empty());
}

TEST_F(ExactlyOnceLane, answers_come_by_mail_and_reach_whoever_asked) {
  Asked near, far;
  ask_peer(near);
  schedulers_.add(1, [&](TestCell& cell) {
    cell.on_start = [&](TestCell& self) {
      far.answer = ask_number(self.scheduler(), peer_address, 1, far_off());
      far.done = true;
    };
  });
  const auto first = peer().wait_for_mail(0);
  const auto second = peer().wait_for_mail(1);
  ASSERT_TRUE(first && second);
  for (const auto& [asked, value] : {std::pair(*first, 10u), std::pair(*second, 20u)}) {
    put(peer(),
        {.kind = FrameKind::reply,
         .type = number_type.id,
         .correlation = asked.head.correlation,
         .target = asked.head.sender},
        value);
  }
  peer().lane(0).publish();
  ASSERT_TRUE(until([&] { return near.done && far.done; }));
  EXPECT_EQ(near.answer, 10u);
  EXPECT_EQ(far.answer, 20u);
}

// --- What cannot be

struct Impossible {
  const char* name;
  std::uint64_t position;
  const char* fault;
};
void PrintTo(const Impossible& impossible, std::ostream* out) { *out << impossible.name; }

class ImpossibleAcknowledgement : public ExactlyOnceLane, public testing::WithParamInterface<Impossible> {};

TEST_P(ImpossibleAcknowledgement, ends_the_link_and_moves_nothing) {
  for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(send(i));
  take_next();
  put(peer(), acknowledgement, 64);
  put(peer(), acknowledgement, GetParam().position);
  peer().lane(0).publish();
  ASSERT_TRUE(until([&] { return !faults().empty(); }));
  EXPECT_EQ(faults().front(), GetParam().fault);
  const auto account = link_.replace();
  EXPECT_EQ(account.fault, GetParam().fault);
  EXPECT_EQ(account.unfinished, 2u);
  EXPECT_EQ(link_.resume(0).cursor, 64u);
}

INSTANTIATE_TEST_SUITE_P(
    ,
    ImpossibleAcknowledgement,
    testing::Values(Impossible{"unaligned", 65, "an acknowledgement is not on a frame boundary"},
                    Impossible{"backwards", 0, "an acknowledgement is of what was acknowledged before"},
                    Impossible{"again", 64, "an acknowledgement is of what was acknowledged before"},
                    Impossible{"past_the_tail", 256, "an acknowledgement is past the last published frame"},
                    Impossible{"far_past_the_tail", ~std::uint64_t{63},
                               "an acknowledgement is past the last published frame"}),
    testing::PrintToStringParamName());

TEST_F(ExactlyOnceLane, one_without_a_position_ends_the_link) {
  ASSERT_NE(peer().lane(0).mail_out.try_loan(0), nullptr);
  peer().lane(0).mail_out.commit(acknowledgement);
  peer().lane(0).publish();
  ASSERT_TRUE(until([&] { return !faults().empty(); }));
  EXPECT_EQ(faults().front(), "an acknowledgement that was not agreed on");
}

TEST_F(RemoteLaneTest, an_acknowledgement_that_was_not_agreed_on_ends_the_link) {
  ASSERT_TRUE(send(1));
  ASSERT_TRUE(peer().write(0, peer().lane(0).mail_out, acknowledgement, 64));
  ASSERT_TRUE(until([&] { return !faults().empty(); }));
  EXPECT_EQ(faults().front(), "an acknowledgement that was not agreed on");
  const auto account = link_.replace();
  EXPECT_EQ(account.unfinished, 1u);
}

TEST_F(RemoteLaneTest, an_answer_by_mail_that_was_not_agreed_on_ends_the_link) {
  ASSERT_TRUE(peer().write(0, peer().lane(0).mail_out, {.kind = FrameKind::reply, .correlation = 1}, 1));
  ASSERT_TRUE(until([&] { return !faults().empty(); }));
}

}  // namespace
}  // namespace ringmail::runtime::test

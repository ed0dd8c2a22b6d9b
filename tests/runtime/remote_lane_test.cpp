#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <memory>
#include <random>

#include "remote_lane_fixture.hpp"

namespace ringmail::runtime::test {
namespace {

using transport::FrameKind;

// --- Mail

TEST_F(RemoteLaneTest, mail_and_answers_go_both_ways) {
  const ActorId actor = add_exported([](TestCell& cell) {
    cell.on_number = [](TestCell& self, std::uint64_t value) { reply_number(self, value + 1); };
  });
  ASSERT_TRUE(send(5));
  const auto mail = peer().wait_for_mail(0);
  ASSERT_TRUE(mail);
  EXPECT_EQ(mail->value, 5u);
  EXPECT_EQ(mail->head.kind, FrameKind::message);
  EXPECT_EQ(mail->head.type, number_type.id);
  ASSERT_TRUE(peer().send(0, actor, 41, 9));
  const auto answer = peer().wait_for_control(0);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->head.kind, FrameKind::reply);
  EXPECT_EQ(answer->head.correlation, 9u);
  EXPECT_EQ(answer->value, 42u);
}

/// The scheduler finds it when its sleep has lasted as long as sleeps may.
TEST_F(RemoteLaneTest, a_peer_that_sends_without_ringing_is_accused_when_it_sleeps_and_not_before) {
  std::atomic<std::uint64_t> came{0};
  const ActorId actor =
      add_exported([&](TestCell& cell) { cell.on_number = [&](TestCell&, std::uint64_t) { ++came; }; });
  const auto send_without_ringing = [&](std::uint64_t number) {
    ASSERT_TRUE(
        until([&] { return transport::ParkWord::state(peer().host_bell(0).park) == transport::ParkState::parked; }));
    auto& ring = peer().lane(0).mail_out;
    std::byte* const place = ring.try_loan(sizeof number);
    ASSERT_NE(place, nullptr);
    std::memcpy(place, &number, sizeof number);
    ring.commit({.kind = FrameKind::message, .type = number_type.id, .target = actor.value(), .sender = 77});
    ring.publish();
  };
  send_without_ringing(1);
  ASSERT_TRUE(until([&] { return came == 1; }));
  EXPECT_EQ(schedulers_.counters().lost_wakeups, 0u) << "it is awake, and may have been about to ring";

  send_without_ringing(2);
  peer().own_bell().park = transport::ParkWord::make(1, transport::ParkState::parked);
  ASSERT_TRUE(until([&] { return came == 2; }));
  peer().own_bell().park = transport::ParkWord::make(1, transport::ParkState::awake);
  forgotten_rings_ = 1;
}

TEST_F(RemoteLaneTest, who_sends_before_the_lane_is_open_waits_for_it) {
  TestLink second(schedulers_, 2, 2, ring_bytes);
  std::atomic<int> sent{0};
  for (int i = 0; i < 3; ++i) {
    schedulers_.add(0, [&](TestCell& cell) {
      cell.on_start = [&](TestCell& self) {
        if (send_number(self.scheduler(), {.link = 2, .actor = {}}, 1, far_off())) ++sent;
      };
    });
  }
  schedulers_.run_on(0, [] {});
  EXPECT_EQ(sent, 0);
  second.open();
  EXPECT_TRUE(until([&] { return sent == 3; }));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(second.peer().wait_for_mail(0));
}

TEST_F(RemoteLaneTest, a_full_ring_suspends_the_sender_until_the_cursor_moves) {
  const std::uint64_t count = fill();
  EXPECT_GE(count, ring_bytes / 64 / 2);
  Blocked blocked;
  block(blocked, count, far_off());
  EXPECT_FALSE(blocked.done);
  // The thread goes on meanwhile.
  schedulers_.handle_on(0, [](TestCell&) {});
  ASSERT_TRUE(peer().take_mail(0));
  EXPECT_TRUE(until([&] { return blocked.done.load(); }));
  EXPECT_TRUE(blocked.result);
  for (std::uint64_t i = 1; i <= count; ++i) EXPECT_EQ(peer().wait_for_mail(0)->value, i);
}

TEST_F(RemoteLaneTest, a_full_ring_fails_the_sender_at_its_deadline_and_nothing_is_sent) {
  const std::uint64_t count = fill();
  EXPECT_EQ(send(999, in_ms(10)).error(), SendError::full);
  for (std::uint64_t i = 0; i < count; ++i) EXPECT_EQ(peer().take_mail(0)->value, i);
  EXPECT_FALSE(peer().take_mail(0));
}

TEST_F(RemoteLaneTest, who_needs_much_room_is_not_overtaken_by_who_needs_little) {
  static constexpr MessageType large_type{.id = 0x1002, .size = 1024, .alignment = 8, .name = "Large"};
  static constexpr Binding large{.type = &large_type, .handler = nullptr};
  const std::uint64_t count = fill();
  std::atomic<int> done{0};
  std::expected<void, SendError> sent;
  schedulers_.add(0, [&](TestCell& cell) {
    cell.on_start = [&](TestCell& self) {
      std::byte object[1024] = {};
      sent = self.scheduler().send(peer_address, large, object, far_off());
      ++done;
    };
  });
  schedulers_.run_on(0, [] {});
  schedulers_.run_on(0, [] {});
  // Room for a few small ones, and not for the large one.
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(peer().take_mail(0));
  EXPECT_EQ(send(1, in_ms(10)).error(), SendError::full);
  Blocked blocked;
  block(blocked, 2, far_off());
  EXPECT_FALSE(blocked.done);
  for (std::uint64_t i = 4; i < count; ++i) EXPECT_EQ(peer().take_mail(0)->value, i);
  EXPECT_EQ(peer().wait_for_mail(0)->head.type, large_type.id);
  EXPECT_EQ(peer().wait_for_mail(0)->value, 2u);
  EXPECT_TRUE(until([&] { return done == 1 && blocked.done; }));
  EXPECT_TRUE(sent);
}

// --- Deaths

TEST_F(RemoteLaneTest, what_the_dead_had_not_finished_is_counted_and_given_to_the_next_in_order) {
  for (std::uint64_t i = 0; i < 20; ++i) ASSERT_TRUE(send(i));
  for (std::uint64_t i = 0; i < 7; ++i) EXPECT_EQ(peer().wait_for_mail(0)->value, i);
  EXPECT_TRUE(peer().take_mail(0, false)) << "in hand, not finished";
  const LinkAccount account = link_.replace();
  EXPECT_EQ(account.published, 20u);
  EXPECT_EQ(account.unfinished, 13u);
  EXPECT_EQ(account.fault, "");
  EXPECT_EQ(link_.resume(0).attempt, 1u);
  link_.down();
  for (std::uint64_t i = 7; i < 20; ++i) EXPECT_EQ(peer().wait_for_mail(0)->value, i);
  ASSERT_TRUE(send(20));
  EXPECT_EQ(peer().wait_for_mail(0)->value, 20u);
  const LinkAccount end = link_.close();
  EXPECT_EQ(end.published, 21u);
  EXPECT_EQ(end.unfinished, 0u);
}

TEST_F(RemoteLaneTest, who_waits_for_room_at_a_death_goes_on_where_the_dead_one_left_room_unseen) {
  const std::uint64_t count = fill();
  Blocked blocked;
  block(blocked, count, in_ms(8'000));
  const LinkAccount account = link_.replace([&](PeerEnd& peer) {
    // Everything read, the cursor stored, and dead before it rang.
    for (std::uint64_t i = 0; i < count; ++i) ASSERT_TRUE(peer.take_mail(0, false));
    peer.lane(0).mail_in.store_cursor();
  });
  EXPECT_EQ(account.unfinished, 0u);
  EXPECT_TRUE(until([&] { return blocked.done.load(); }));
  ASSERT_TRUE(blocked.result);
  EXPECT_EQ(peer().wait_for_mail(0)->value, count);
}

TEST_F(RemoteLaneTest, what_the_dead_had_published_is_delivered_before_its_death_is_told) {
  std::vector<std::uint64_t> got;
  std::atomic<bool> told{false};
  const ActorId actor = add_exported([&](TestCell& cell) {
    cell.on_number = [&](TestCell&, std::uint64_t value) { got.push_back(value); };
    cell.on_down = [&](const Down& down) {
      EXPECT_EQ(down.who, peer_address);
      EXPECT_EQ(down.reason.signal, 9);
      EXPECT_EQ(got.size(), 10u);
      told = true;
    };
  });
  schedulers_.run_on(0, [&] {
    schedulers_[0].monitor(peer_address, actor, down_binding);
    // While this thread looks elsewhere.
    for (std::uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(peer().send(0, actor, i));
  });
  const LinkAccount account = link_.replace();
  link_.down();
  EXPECT_TRUE(until([&] { return told.load(); }));
  EXPECT_EQ(account.received, 10u);
  // Once, not at the next death.
  told = false;
  link_.replace();
  link_.down();
  schedulers_.run_on(0, [] {});
  EXPECT_FALSE(told);
}

TEST_F(RemoteLaneTest, a_handler_that_waits_for_a_message_gets_it_from_a_dead_peer) {
  std::atomic<bool> waits{false};
  std::atomic<std::uint64_t> got{0};
  const ActorId actor = add_exported([&](TestCell& cell) {
    cell.on_start = [&](TestCell& self) {
      self.scheduler().post([&] { waits = true; });
      Number number;
      Asker from;
      if (self.scheduler().receive(number_type, &number, from, far_off()) == Wake::ready) got = number.value;
    };
  });
  ASSERT_TRUE(until([&] { return waits.load(); }));
  schedulers_.run_on(0, [&] {
    ASSERT_TRUE(peer().send(0, actor, 5));
    // Settled in the same task as it was published.
    static_cast<void>(schedulers_[0].settle_lane(link_number));
  });
  EXPECT_TRUE(until([&] { return got == 5; }));
}

TEST_F(RemoteLaneTest, pending_asks_fail_with_the_death_and_those_of_the_next_do_not) {
  std::atomic<int> failed{0};
  std::atomic<int> answered{0};
  const auto ask_peer = [&](TestCell& self) {
    const auto answer = ask_number(self.scheduler(), peer_address, 1, far_off());
    if (answer) {
      ++answered;
    } else if (answer.error() == AskError::unreachable) {
      ++failed;
    }
  };
  for (int i = 0; i < 3; ++i) schedulers_.add(0, [&](TestCell& cell) { cell.on_start = ask_peer; });
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(peer().wait_for_mail(0));
  link_.replace();
  // Asked after the switch and before the news.
  schedulers_.add(0, [&](TestCell& cell) { cell.on_start = ask_peer; });
  const auto question = peer().wait_for_mail(0);
  ASSERT_TRUE(question);
  link_.down();
  EXPECT_TRUE(until([&] { return failed == 3; }));
  ASSERT_TRUE(peer().reply(0, question->head.correlation, 2));
  EXPECT_TRUE(until([&] { return answered == 1; }));
}

TEST_F(RemoteLaneTest, an_answer_to_the_dead_is_not_given_to_the_next_who_numbers_his_questions_alike) {
  std::atomic<bool> asked{false};
  // Shared: the handler is still in it when the second answer has come.
  const auto answer_now = std::make_shared<std::atomic<bool>>(false);
  const ActorId actor = add_exported([&asked, answer_now](TestCell& cell) {
    cell.on_number = [&asked, answer_now](TestCell& self, std::uint64_t value) {
      if (value == 1) {
        asked = true;
        while (!*answer_now) self.scheduler().sleep_until(in_ms(1));
      }
      reply_number(self, value);
    };
  });
  ASSERT_TRUE(peer().send(0, actor, 1, 5));
  ASSERT_TRUE(until([&] { return asked.load(); }));
  link_.replace();
  link_.down();
  ASSERT_TRUE(peer().send(0, actor, 2, 5));
  *answer_now = true;
  const auto answer = peer().wait_for_control(0);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->value, 2u);
  EXPECT_FALSE(peer().take_control(0));
}

TEST_F(RemoteLaneTest, at_the_end_senders_are_told_at_once_and_what_is_unfinished_is_counted) {
  const std::uint64_t count = fill();
  Blocked blocked[3];
  for (Blocked& one : blocked) block(one, 1, far_off());
  std::atomic<bool> asker_told{false};
  schedulers_.add(0, [&](TestCell& cell) {
    cell.on_start = [&](TestCell& self) {
      const auto answer = ask_number(self.scheduler(), peer_address, 1, far_off());
      asker_told = !answer && answer.error() == AskError::unreachable;
    };
  });
  schedulers_.run_on(0, [] {});
  // Also what was written outside of handlers, and waits.
  schedulers_.run_on(0, [&] { ASSERT_TRUE(send_number(schedulers_[0], peer_address, 1, far_off())); });
  const std::uint64_t dead_letters = schedulers_.counters().dead_letters;
  const LinkAccount account = link_.close();
  link_.down();
  EXPECT_EQ(account.published, count);
  EXPECT_EQ(account.unfinished, count);
  EXPECT_EQ(schedulers_.counters().dead_letters, dead_letters + 1);
  for (Blocked& one : blocked) {
    EXPECT_TRUE(until([&] { return one.done.load(); }));
    ASSERT_FALSE(one.result);
    EXPECT_EQ(one.result.error(), SendError::unreachable);
  }
  EXPECT_TRUE(until([&] { return asker_told.load(); }));
  EXPECT_EQ(send(1).error(), SendError::unreachable);
  // And a monitor that comes late is told as well.
  std::atomic<bool> told{false};
  const ActorId watcher = schedulers_.add(0, [&](TestCell& cell) { cell.on_down = [&](const Down&) { told = true; }; });
  schedulers_.run_on(0, [&] { schedulers_[0].monitor(peer_address, watcher, down_binding); });
  EXPECT_TRUE(until([&] { return told.load(); }));
}

TEST_F(RemoteLaneTest, after_a_stop_nothing_is_sent_and_the_peer_knows_where_its_mail_ends) {
  const std::uint64_t count = fill();
  Blocked blocked;
  block(blocked, 1, far_off());
  schedulers_.run_on(0, [&] { schedulers_[0].stop_lane(link_number); });
  EXPECT_TRUE(until([&] { return blocked.done.load(); }));
  EXPECT_EQ(blocked.result.error(), SendError::unreachable);
  EXPECT_EQ(send(1).error(), SendError::unreachable);
  const auto stop = peer().wait_for_control(0);
  ASSERT_TRUE(stop);
  EXPECT_EQ(stop->head.kind, FrameKind::stop);
  for (std::uint64_t i = 0; i < count; ++i) ASSERT_TRUE(peer().take_mail(0));
  EXPECT_FALSE(peer().take_mail(0));
  EXPECT_EQ(peer().lane(0).mail_in.position(), stop->value);
  // A second stop is none.
  schedulers_.run_on(0, [&] { schedulers_[0].stop_lane(link_number); });
  EXPECT_FALSE(peer().take_control(0));
}

// --- All at once

/// Actors of two schedulers send while the peer reads, answers and dies at random. Nothing published is lost: each message was
/// finished by some incarnation, or is counted as unfinished at the end.
TEST_F(RemoteLaneTest, no_message_is_lost_over_many_deaths) {
  constexpr std::uint64_t each = 3'000;
  constexpr std::uint32_t senders = 6;
  std::atomic<std::uint32_t> ended{0};
  std::atomic<std::uint64_t> sent{0};
  for (std::uint32_t s = 0; s < senders; ++s) {
    schedulers_.add(s % 2, [&](TestCell& cell) {
      cell.on_start = [&, s](TestCell& self) {
        for (std::uint64_t i = 0; i < each; ++i) {
          const std::uint64_t value = s * each + i;
          if (i % 16 == 0) {
            // Answered, or failed by a death; delivered either way.
            static_cast<void>(ask_number(self.scheduler(), peer_address, value, far_off()));
          } else if (!send_number(self.scheduler(), peer_address, value, far_off())) {
            break;
          }
          ++sent;
        }
        ++ended;
      };
    });
  }
  std::mt19937_64 random(transport::test::seed());
  std::map<std::uint64_t, int> finished;
  std::vector<std::uint64_t> last(senders, 0);
  std::uint64_t deaths = 0;
  const auto read = [&](std::uint32_t lane, bool tell) {
    const auto mail = peer().take_mail(lane, tell);
    if (!mail) return false;
    if (mail->head.correlation != 0) peer().reply(lane, mail->head.correlation, mail->value);
    if (tell) ++finished[mail->value];
    return true;
  };
  const auto is_done = [&] { return ended == senders && finished.size() == senders * each; };
  const std::uint64_t watchdog = in_ms(40'000);
  while (!is_done() && now_ns() < watchdog) {
    for (std::uint64_t i = random() % 200; i > 0; --i) read(static_cast<std::uint32_t>(random() % 2), true);
    if (random() % 16 != 0) continue;
    // Some read and not finished.
    for (std::uint64_t i = random() % 5; i > 0; --i) read(static_cast<std::uint32_t>(random() % 2), false);
    const LinkAccount account = link_.replace();
    EXPECT_EQ(account.fault, "");
    link_.down();
    ++deaths;
  }
  EXPECT_TRUE(is_done()) << finished.size() << " of " << senders * each << ", " << ended << " ended";
  // Finished is finished: the cursor was stored, so nobody saw it again.
  for (const auto& [value, times] : finished) EXPECT_EQ(times, 1) << value;
  EXPECT_GT(deaths, 5u);
  const LinkAccount account = link_.close();
  EXPECT_EQ(account.published, senders * each);
  EXPECT_EQ(account.unfinished, 0u);
}

}  // namespace
}  // namespace ringmail::runtime::test

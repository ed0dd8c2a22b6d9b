#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "test_peer_end.hpp"

namespace ringmail::runtime::test {
namespace {

using transport::FrameKind;

constexpr std::uint32_t link_number = 1;
constexpr Address peer_address{.link = link_number, .actor = {}};

class RemoteLaneTest : public testing::Test {
 protected:
  static constexpr std::uint64_t ring_bytes = 4096;

  RemoteLaneTest() {
    transport::test::start_watchdog();
    for (std::uint32_t i = 0; i < 2; ++i) {
      schedulers_[i].on_fault = [this](std::uint32_t link, std::string what) {
        const std::lock_guard lock(mutex_);
        faults_[link].push_back(std::move(what));
      };
    }
    schedulers_.start();
    link_.open();
  }
  void TearDown() override {
    link_.close();
    schedulers_.stop();
    EXPECT_EQ(schedulers_.counters().lost_wakeups, 0u);
    EXPECT_EQ(Tracked::alive.load(), 0);
  }

  PeerEnd& peer() { return link_.peer(); }
  std::vector<std::string> faults(std::uint32_t link = link_number) {
    const std::lock_guard lock(mutex_);
    return faults_[link];
  }
  /// From a passing actor on scheduler 0.
  std::expected<void, SendError> send(std::uint64_t value, std::uint64_t deadline_ns = far_off()) {
    std::expected<void, SendError> sent;
    schedulers_.handle_on(
        0, [&](TestCell& self) { sent = send_number(self.scheduler(), peer_address, value, deadline_ns); });
    return sent;
  }
  /// An actor on scheduler 0 that answers with the next number, and that the peer may send to.
  ActorId add_exported(std::function<void(TestCell&)> set_up) {
    const ActorId id = schedulers_.add(0, std::move(set_up));
    schedulers_.run_on(0, [&] { EXPECT_TRUE(schedulers_[0].export_to(link_number, id)); });
    return id;
  }
  /// How many fit into the ring at once.
  std::uint64_t fill() {
    std::uint64_t sent = 0;
    while (send(sent, in_ms(1))) ++sent;
    return sent;
  }
  /// An actor that sends what finds no room, and says what came of it.
  struct Blocked {
    std::atomic<bool> waits{false};
    std::atomic<bool> done{false};
    std::expected<void, SendError> result;
  };
  void block(Blocked& blocked, std::uint64_t value, std::uint64_t deadline_ns) {
    schedulers_.add(0, [&](TestCell& cell) {
      cell.on_start = [&, value, deadline_ns](TestCell& self) {
        blocked.waits = true;
        blocked.result = send_number(self.scheduler(), peer_address, value, deadline_ns);
        blocked.done = true;
      };
    });
    until([&] { return blocked.waits.load(); });
    schedulers_.run_on(0, [] {});
  }

  std::mutex mutex_;
  std::map<std::uint32_t, std::vector<std::string>> faults_;
  Schedulers schedulers_{2};
  TestLink link_{schedulers_, 2, link_number, ring_bytes};
};

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
  std::atomic<bool> answer_now{false};
  const ActorId actor = add_exported([&](TestCell& cell) {
    cell.on_number = [&](TestCell& self, std::uint64_t value) {
      if (value == 1) {
        asked = true;
        while (!answer_now) self.scheduler().sleep_until(in_ms(1));
      }
      reply_number(self, value);
    };
  });
  ASSERT_TRUE(peer().send(0, actor, 1, 5));
  ASSERT_TRUE(until([&] { return asked.load(); }));
  link_.replace();
  link_.down();
  ASSERT_TRUE(peer().send(0, actor, 2, 5));
  answer_now = true;
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

// --- Trust

TEST_F(RemoteLaneTest, an_actor_that_was_not_made_known_cannot_be_told_from_none) {
  std::atomic<int> reached{0};
  const ActorId hidden =
      schedulers_.add(0, [&](TestCell& cell) { cell.on_number = [&](TestCell&, std::uint64_t) { ++reached; }; });
  schedulers_.run_on(0, [] {});
  const ActorId none(0, 9, 4000);
  std::uint32_t correlation = 0;
  for (const ActorId target : {hidden, none}) {
    ASSERT_TRUE(peer().send(0, target, 1, ++correlation));
    const auto refused = peer().wait_for_control(0);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->head.kind, FrameKind::no_reply);
    EXPECT_EQ(refused->head.correlation, correlation);
    EXPECT_EQ(refused->head.type, static_cast<std::uint32_t>(transport::NoReply::stopped));
  }
  EXPECT_EQ(reached, 0);
  EXPECT_TRUE(faults().empty());
}

TEST_F(RemoteLaneTest, who_sends_to_a_peer_may_be_sent_to_until_he_ends) {
  std::atomic<int> reached{0};
  ActorId sender;
  sender = schedulers_.add(0, [&](TestCell& cell) {
    cell.on_start = [&](TestCell& self) { ASSERT_TRUE(send_number(self.scheduler(), peer_address, 1, far_off())); };
    cell.on_number = [&](TestCell&, std::uint64_t) { ++reached; };
  });
  const auto mail = peer().wait_for_mail(0);
  ASSERT_TRUE(mail);
  EXPECT_EQ(ActorId(mail->head.sender), sender);
  ASSERT_TRUE(peer().send(0, sender, 1));
  EXPECT_TRUE(until([&] { return reached == 1; }));
  schedulers_.run_on(0, [&] { schedulers_[0].stop({0, sender}); });
  ASSERT_TRUE(until([&] { return !schedulers_[0].is_live(sender); }));
  ASSERT_TRUE(peer().send(0, sender, 1, 3));
  EXPECT_EQ(peer().wait_for_control(0)->head.kind, FrameKind::no_reply);
  EXPECT_EQ(reached, 1);
}

TEST_F(RemoteLaneTest, a_message_that_is_not_what_its_type_says_is_a_dead_letter_and_hurts_nobody) {
  std::atomic<int> reached{0};
  const ActorId actor =
      add_exported([&](TestCell& cell) { cell.on_number = [&](TestCell&, std::uint64_t) { ++reached; }; });
  const auto write = [&](std::uint32_t type, std::uint32_t bytes, std::uint32_t correlation) {
    transport::RingProducer& ring = peer().lane(0).mail_out;
    std::byte* place = ring.try_loan(bytes);
    ASSERT_NE(place, nullptr);
    std::memset(place, 0, bytes);
    ring.commit({.kind = FrameKind::message, .type = type, .correlation = correlation, .target = actor.value()});
    peer().lane(0).publish();
    const auto refused = peer().wait_for_control(0);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->head.type, static_cast<std::uint32_t>(transport::NoReply::no_handler));
  };
  write(number_type.id, 7, 1);
  write(number_type.id, 9, 2);
  write(number_type.id, 0, 3);
  write(0, 8, 4);
  write(0xdead, 8, 5);
  EXPECT_EQ(reached, 0);
  EXPECT_EQ(schedulers_.counters().dead_letters, 5u);
  ASSERT_TRUE(peer().send(0, actor, 1));
  EXPECT_TRUE(until([&] { return reached == 1; }));
}

TEST_F(RemoteLaneTest, an_answer_that_is_not_what_was_asked_for_is_an_error) {
  for (const std::uint32_t type : {0u, 0xdeadu}) {
    std::atomic<bool> done{false};
    std::expected<std::uint64_t, AskError> answer;
    schedulers_.add(0, [&](TestCell& cell) {
      cell.on_start = [&](TestCell& self) {
        answer = ask_number(self.scheduler(), peer_address, 1, far_off());
        done = true;
      };
    });
    const auto asked = peer().wait_for_mail(0);
    ASSERT_TRUE(asked);
    // One that nobody asked for, or that was answered before, goes nowhere.
    ASSERT_TRUE(peer().reply(0, asked->head.correlation + 64, 5));
    ASSERT_TRUE(peer().reply(0, 0, 5));
    ASSERT_TRUE(peer().reply(0, asked->head.correlation, 5, type));
    EXPECT_TRUE(until([&] { return done.load(); }));
    EXPECT_EQ(answer.error(), AskError::wrong_type);
    ASSERT_TRUE(peer().reply(0, asked->head.correlation, 5));
  }
  EXPECT_TRUE(faults().empty());
}

TEST_F(RemoteLaneTest, an_answer_on_another_link_answers_nothing) {
  TestLink second(schedulers_, 2, 2, ring_bytes);
  second.open();
  std::atomic<bool> done{false};
  std::expected<std::uint64_t, AskError> answer;
  schedulers_.add(0, [&](TestCell& cell) {
    cell.on_start = [&](TestCell& self) {
      answer = ask_number(self.scheduler(), peer_address, 1, far_off());
      done = true;
    };
  });
  const auto asked = peer().wait_for_mail(0);
  ASSERT_TRUE(asked);
  ASSERT_TRUE(second.peer().reply(0, asked->head.correlation, 666));
  ASSERT_TRUE(until([&] {
    return second.peer().lane(0).control_out.refresh_cursor() && !second.peer().lane(0).control_out.cursor_moved();
  }));
  schedulers_.run_on(0, [] {});
  schedulers_.run_on(0, [] {});
  EXPECT_FALSE(done);
  ASSERT_TRUE(peer().reply(0, asked->head.correlation, 7));
  EXPECT_TRUE(until([&] { return done.load(); }));
  EXPECT_EQ(answer, 7u);
}

/// Each forges something, and is to be found out by that name.
struct Forgery {
  const char* name;
  std::function<void(PeerEnd&)> forge;
  const char* fault;
};
void PrintTo(const Forgery& forgery, std::ostream* out) { *out << forgery.name; }

class ForgeryTest : public RemoteLaneTest, public testing::WithParamInterface<Forgery> {};

void write_raw(PeerEnd& peer, const transport::CommitWord& word) {
  transport::detail::word_at(peer.mail_out_data(0), 0)
      .store(std::bit_cast<std::uint64_t>(word), std::memory_order_seq_cst);
  peer.lane(0).bell.ring();
}

const Forgery forgeries[] = {
    {"a_reply_as_mail", [](PeerEnd& peer) { peer.write(0, peer.lane(0).mail_out, {.kind = FrameKind::reply}, 1); },
     "a system frame came as mail"},
    {"a_stop", [](PeerEnd& peer) { peer.write(0, peer.lane(0).control_out, {.kind = FrameKind::stop}, 1); },
     "a frame of a kind that only a host sends"},
    {"mail_as_control", [](PeerEnd& peer) { peer.write(0, peer.lane(0).control_out, {.kind = FrameKind::message}, 1); },
     "a frame of a kind that only a host sends"},
    {"a_frame_with_a_pointer",
     [](PeerEnd& peer) { peer.write(0, peer.lane(0).mail_out, {.kind = FrameKind::local}, 1); },
     "a frame has an unknown kind"},
    {"kind_0", [](PeerEnd& peer) { write_raw(peer, {.length = 8, .kind = FrameKind(0), .sequence = 0}); },
     "a frame has an unknown kind"},
    {"an_endless_frame",
     [](PeerEnd& peer) { write_raw(peer, {.length = ~0u, .kind = FrameKind::message, .sequence = 0}); },
     "a frame is longer than half the ring"},
    {"a_gap", [](PeerEnd& peer) { write_raw(peer, {.length = 8, .kind = FrameKind::message, .sequence = 3}); },
     "a frame is out of sequence"},
    {"a_cursor_past_the_tail", [](PeerEnd& peer) { peer.mail_cursor(0).cursor.store(1 << 20); },
     "the cursor is past the last published frame"},
    {"a_cursor_that_is_nowhere", [](PeerEnd& peer) { peer.mail_cursor(0).cursor.store(3); },
     "the cursor is not on a frame boundary"},
};

INSTANTIATE_TEST_SUITE_P(All, ForgeryTest, testing::ValuesIn(forgeries), [](const auto& info) {
  return std::string(info.param.name);
});

TEST_P(ForgeryTest, cuts_the_link_by_name_once_and_hurts_no_other) {
  TestLink second(schedulers_, 2, 2, ring_bytes);
  second.open();
  std::atomic<std::uint64_t> sum{0};
  const ActorId actor =
      add_exported([&](TestCell& cell) { cell.on_number = [&](TestCell&, std::uint64_t value) { sum += value; }; });
  schedulers_.run_on(0, [&] { ASSERT_TRUE(schedulers_[0].export_to(2, actor)); });

  GetParam().forge(peer());
  const std::uint64_t count = fill();  // whoever sends looks at the cursor
  EXPECT_TRUE(until([&] { return !faults().empty(); }));
  EXPECT_EQ(faults(), std::vector<std::string>{GetParam().fault});

  // Nothing more is read from it.
  static_cast<void>(peer().send(0, actor, 1'000'000));
  ASSERT_TRUE(second.peer().send(0, actor, 1));
  EXPECT_TRUE(until([&] { return sum == 1; }));
  EXPECT_TRUE(faults(2).empty());

  // Nobody waits in a circle for a ring that has no room until there is another peer.
  const std::uint64_t sleeps = schedulers_.counters(0).sleeps;
  Blocked blocked;
  block(blocked, count, far_off());
  EXPECT_TRUE(until([&] { return schedulers_.counters(0).sleeps > sleeps + 2; }));

  // The mail is kept for the next, and so are those who wait.
  const LinkAccount account = link_.replace();
  EXPECT_EQ(account.fault, GetParam().fault);
  EXPECT_EQ(account.unfinished, count);
  link_.down();
  for (std::uint64_t i = 0; i <= count; ++i) EXPECT_EQ(peer().wait_for_mail(0)->value, i);
  EXPECT_TRUE(blocked.result);
  ASSERT_TRUE(peer().send(0, actor, 1));
  EXPECT_TRUE(until([&] { return sum == 2; }));
  EXPECT_EQ(faults().size(), 1u);
}

TEST_F(RemoteLaneTest, a_peer_that_asks_and_reads_no_answers_is_cut_before_it_fills_the_memory) {
  const ActorId actor = add_exported(
      [](TestCell& cell) { cell.on_number = [](TestCell& self, std::uint64_t value) { reply_number(self, value); }; });
  std::uint32_t correlation = 0;
  EXPECT_TRUE(until([&] {
    for (int i = 0; i < 64; ++i) {
      if (peer().send(0, actor, 1, correlation + 1)) ++correlation;
    }
    return !faults().empty();
  }));
  EXPECT_EQ(faults(), std::vector<std::string>{"it does not read what it is sent"});
  EXPECT_GT(correlation, 60'000u);
  link_.replace();
  ASSERT_TRUE(peer().send(0, actor, 5, 1));
  EXPECT_EQ(peer().wait_for_control(0)->value, 5u);
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

// What a peer can do to its host by writing nonsense: to itself much, to others nothing.
#include <gtest/gtest.h>

#include <bit>
#include <functional>
#include <optional>
#include <ostream>

#include "remote_lane_fixture.hpp"

namespace ringmail::runtime::test {
namespace {

using transport::FrameKind;

class RemoteLaneTrustTest : public RemoteLaneTest {};

TEST_F(RemoteLaneTrustTest, an_actor_that_was_not_made_known_cannot_be_told_from_none) {
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

TEST_F(RemoteLaneTrustTest, who_sends_to_a_peer_may_be_sent_to_until_he_ends) {
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

TEST_F(RemoteLaneTrustTest, a_message_that_is_not_what_its_type_says_is_a_dead_letter_and_hurts_nobody) {
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

TEST_F(RemoteLaneTrustTest, a_body_that_cannot_be_cuts_the_link_by_name) {
  const ActorId actor = add_exported([](TestCell&) {});
  const auto send = [&](const transport::BodyPlace& place, std::uint32_t bytes = sizeof(transport::BodyPlace)) {
    std::byte* const room = peer().lane(0).mail_out.try_loan(bytes);
    ASSERT_NE(room, nullptr);
    std::memcpy(room, &place, bytes);
    peer().lane(0).mail_out.commit({.kind = FrameKind::large, .type = number_type.id, .target = actor.value()});
    peer().lane(0).publish();
  };
  std::size_t cut = 0;
  const auto expect_cut = [&](const char* why) {
    ASSERT_TRUE(until([&] { return faults().size() == cut + 1; })) << why;
    EXPECT_EQ(faults()[cut++], why);
    link_.replace();
  };
  const transport::BodyPlace good{.offset = 0, .length = TestLink::arena_bytes, .slot = 0, .serial = 1};
  send(good, 31);
  expect_cut("a message with a body does not say where it is");
  auto place = good;
  place.length += 1;
  send(place);
  expect_cut("a body reaches past the end of its arena");
  place = good;
  place.slot = transport::arena_slots;
  send(place);
  expect_cut("a message with a body does not say where it is");
  // What comes of a good one is that its actor is given a message that is none.
  send(good);
  EXPECT_TRUE(until([&] { return schedulers_.counters().dead_letters == 1; }));
  EXPECT_EQ(faults().size(), cut);
}

TEST_F(RemoteLaneTrustTest, an_answer_that_is_not_what_was_asked_for_is_an_error) {
  for (const std::uint32_t type : {0u, 0xdeadu}) {
    Asked asked;
    ask_peer(asked);
    const auto question = peer().wait_for_mail(0);
    ASSERT_TRUE(question);
    // One that nobody asked for, or that was answered before, goes nowhere.
    ASSERT_TRUE(peer().reply(0, question->head.correlation + 64, 5));
    ASSERT_TRUE(peer().reply(0, 0, 5));
    ASSERT_TRUE(peer().reply(0, question->head.correlation, 5, type));
    EXPECT_TRUE(until([&] { return asked.done.load(); }));
    EXPECT_EQ(asked.answer.error(), AskError::wrong_type);
    ASSERT_TRUE(peer().reply(0, question->head.correlation, 5));
  }
  EXPECT_TRUE(faults().empty());
}

// What stays in its process has no id, and 0 is what such a frame says.
TEST_F(RemoteLaneTrustTest, bytes_never_become_an_object_of_a_type_that_stays_in_its_process) {
  std::atomic<bool> waits{false};
  std::optional<Wake> woken;
  std::atomic<bool> done{false};
  const ActorId actor = add_exported([&](TestCell& cell) {
    cell.on_number = [&](TestCell& self, std::uint64_t) {
      alignas(Tracked) std::byte room[sizeof(Tracked)];
      Asker from;
      waits = true;
      woken = self.scheduler().receive(tracked_type, room, from, in_ms(50));
      if (woken == Wake::ready) reinterpret_cast<Tracked*>(room)->~Tracked();
      done = true;
    };
  });
  const transport::FrameHead forged{.kind = FrameKind::message, .type = 0, .target = actor.value()};
  static_assert(sizeof(Tracked) == sizeof(std::uint64_t));
  // Both before it waits, so that it lies in the mailbox, and while it waits.
  ASSERT_TRUE(peer().send(0, actor, 1));
  ASSERT_TRUE(peer().write(0, peer().lane(0).mail_out, forged, 0xdead));
  ASSERT_TRUE(until([&] { return waits.load(); }));
  ASSERT_TRUE(peer().write(0, peer().lane(0).mail_out, forged, 0xdead));
  ASSERT_TRUE(until([&] { return done.load(); }));
  EXPECT_EQ(woken, Wake::timed_out);
  EXPECT_TRUE(until([&] { return schedulers_.counters().dead_letters == 2; }));
}

TEST_F(RemoteLaneTrustTest, an_answer_never_becomes_an_object_of_a_type_that_stays_in_its_process) {
  std::atomic<bool> done{false};
  std::expected<void, AskError> asked;
  schedulers_.add(0, [&](TestCell& cell) {
    cell.on_start = [&](TestCell& self) {
      Number question{1};
      alignas(Tracked) std::byte room[sizeof(Tracked)];
      asked = self.scheduler().ask(peer_address, number, &question, tracked_type, room, far_off());
      done = true;
    };
  });
  const auto question = peer().wait_for_mail(0);
  ASSERT_TRUE(question);
  ASSERT_TRUE(peer().reply(0, question->head.correlation, 0xdead, 0));
  EXPECT_TRUE(until([&] { return done.load(); }));
  EXPECT_EQ(asked, std::unexpected(AskError::wrong_type));
}

/// A process that its parent, the peer, left behind: it writes on, and heeds no cursor.
struct Stray {
  explicit Stray(std::byte* data, std::uint64_t bytes)
      : ring({.data = data, .capacity = bytes, .own = &own, .other = &cursor}) {}
  void write() {
    static_cast<void>(ring.try_loan(0));
    ring.commit({.kind = FrameKind::message, .type = number_type.id, .target = 9});
    ring.publish();
    cursor.cursor = ring.tail();
  }
  transport::ProducerBlock own;
  transport::ConsumerBlock cursor;
  transport::RingProducer ring;
};

TEST_F(RemoteLaneTrustTest, a_child_that_writes_on_after_its_peers_death_keeps_nobody_waiting) {
  std::optional<Stray> stray;
  std::uint64_t written = 0;
  const LinkAccount account = link_.replace([&](PeerEnd& dead) {
    stray.emplace(dead.mail_out_data(0), ring_bytes);
    // One more whenever one has been taken.
    schedulers_[0].on_dead_letter = [&](const Message&, const char*) {
      if (++written < 100'000) stray->write();
    };
    stray->write();
  });
  schedulers_.run_on(0, [&] { schedulers_[0].on_dead_letter = nullptr; });
  EXPECT_LE(account.received, ring_bytes / transport::line_bytes);
  EXPECT_EQ(account.fault, "more was written than its ring holds");
  ASSERT_TRUE(peer().send(0, ActorId(9), 1, 1));
  EXPECT_TRUE(peer().wait_for_control(0));
}

TEST_F(RemoteLaneTrustTest, a_child_that_reads_on_after_its_peers_death_finishes_nothing) {
  for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(send(i));
  ASSERT_TRUE(peer().wait_for_mail(0));
  const LinkAccount account = link_.replace([&](PeerEnd& dead) {
    // As soon as the host has begun to take what the dead has sent.
    schedulers_[0].on_dead_letter = [&](const Message&, const char*) {
      while (dead.take_mail(0)) {
      }
    };
    ASSERT_TRUE(dead.send(0, ActorId(9), 1));
  });
  schedulers_.run_on(0, [&] { schedulers_[0].on_dead_letter = nullptr; });
  EXPECT_EQ(account.received, 1u);
  EXPECT_EQ(account.unfinished, 2u);
  for (std::uint64_t i = 1; i < 3; ++i) EXPECT_EQ(peer().wait_for_mail(0)->value, i);
}

TEST_F(RemoteLaneTrustTest, an_answer_on_another_link_answers_nothing) {
  TestLink second(schedulers_, 2, 2, ring_bytes);
  second.open();
  Asked asked;
  ask_peer(asked);
  const auto question = peer().wait_for_mail(0);
  ASSERT_TRUE(question);
  ASSERT_TRUE(second.peer().reply(0, question->head.correlation, 666));
  ASSERT_TRUE(until([&] {
    return second.peer().lane(0).control_out.refresh_cursor() && !second.peer().lane(0).control_out.cursor_moved();
  }));
  schedulers_.run_on(0, [] {});
  schedulers_.run_on(0, [] {});
  EXPECT_FALSE(asked.done);
  ASSERT_TRUE(peer().reply(0, question->head.correlation, 7));
  EXPECT_TRUE(until([&] { return asked.done.load(); }));
  EXPECT_EQ(asked.answer, 7u);
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
    {"a_signal_of_no_system",
     [](PeerEnd& peer) { peer.write(0, peer.lane(0).mail_out, {.kind = FrameKind::signal}, 1); },
     "a signal that only systems send"},
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
  EXPECT_TRUE(until([&] { return blocked.done.load(); }));
  EXPECT_TRUE(blocked.result);
  ASSERT_TRUE(peer().send(0, actor, 1));
  EXPECT_TRUE(until([&] { return sum == 2; }));
  EXPECT_EQ(faults().size(), 1u);
}

TEST_F(RemoteLaneTrustTest, a_peer_that_asks_and_reads_no_answers_is_cut_before_it_fills_the_memory) {
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

/// As a peer sends it, without a payload. False: no room until now.
bool signal(PeerEnd& peer, std::uint32_t type, ActorId target, std::uint64_t number) {
  transport::RingProducer& ring = peer.lane(0).mail_out;
  if (ring.try_loan(0) == nullptr) return false;
  ring.commit({.kind = FrameKind::signal, .type = type, .target = target.value(), .sender = number});
  peer.lane(0).publish();
  return true;
}
void answer(TestCell& cell) {
  cell.on_number = [](TestCell& self, std::uint64_t value) { reply_number(self, value); };
}
constexpr std::uint32_t stop_signal = 1, monitor_signal = 2, demonitor_signal = 3, down_signal = 4;

TEST_F(RemoteLaneTrustTest, a_peer_is_told_once_of_an_end_and_of_one_that_it_cannot_know_at_once) {
  const ActorId actor = add_exported(answer);
  const ActorId hidden = schedulers_.add(0, [](TestCell&) {});
  for (const ActorId unknown : {hidden, ActorId(0, 9, 4000)}) {
    ASSERT_TRUE(signal(peer(), monitor_signal, unknown, 5));
    const auto down = peer().wait_for_mail(0);
    ASSERT_TRUE(down);
    EXPECT_EQ(down->head.kind, FrameKind::signal);
    EXPECT_EQ(down->head.type, down_signal);
    EXPECT_EQ(down->head.target, 5u);
    EXPECT_EQ(down->head.sender, unknown.value());
  }
  for (const std::uint64_t number : {6u, 7u, 8u}) ASSERT_TRUE(signal(peer(), monitor_signal, actor, number));
  ASSERT_TRUE(signal(peer(), demonitor_signal, actor, 7));
  ASSERT_TRUE(signal(peer(), demonitor_signal, actor, 99));
  ASSERT_TRUE(peer().send(0, actor, 1, 1));  // behind them, and asked: so they have been read
  EXPECT_TRUE(peer().wait_for_control(0));
  schedulers_.run_on(0, [&] { schedulers_[0].stop({0, actor}); });
  for (const std::uint64_t number : {6u, 8u}) EXPECT_EQ(peer().wait_for_mail(0)->head.target, number);
  ASSERT_TRUE(send(1));
  EXPECT_EQ(peer().wait_for_mail(0)->head.kind, FrameKind::message) << "and nothing else";
  EXPECT_TRUE(faults().empty());
}

TEST_F(RemoteLaneTrustTest, a_peer_stops_and_links_nobody) {
  const ActorId actor = add_exported(answer);
  ASSERT_TRUE(signal(peer(), stop_signal, actor, 1));
  EXPECT_TRUE(until([&] { return !faults().empty(); }));
  EXPECT_EQ(faults(), std::vector<std::string>{"a signal that only systems send"});
  EXPECT_TRUE(schedulers_[0].is_live(actor));
}

TEST_F(RemoteLaneTrustTest, a_peer_has_so_many_monitors_and_they_end_with_it) {
  const ActorId actor = add_exported(answer);
  std::uint64_t number = 0;
  EXPECT_TRUE(until([&] {
    while (signal(peer(), monitor_signal, actor, number + 1)) ++number;
    return !faults().empty();
  }));
  EXPECT_EQ(faults(), std::vector<std::string>{"more monitors than a peer may have"});
  EXPECT_GT(number, 1024u);
  link_.replace();
  link_.down();
  ASSERT_TRUE(signal(peer(), monitor_signal, actor, 7));
  ASSERT_TRUE(peer().send(0, actor, 1, 1));
  EXPECT_TRUE(peer().wait_for_control(0));
  schedulers_.run_on(0, [&] { schedulers_[0].stop({0, actor}); });
  EXPECT_EQ(peer().wait_for_mail(0)->head.target, 7u);
  ASSERT_TRUE(send(1));
  EXPECT_EQ(peer().wait_for_mail(0)->head.kind, FrameKind::message);
}

TEST_F(RemoteLaneTrustTest, a_peer_that_monitors_nobody_and_reads_no_downs_is_cut_before_it_fills_the_memory) {
  EXPECT_TRUE(until([&] {
    while (signal(peer(), monitor_signal, ActorId(0, 9, 4000), 1)) continue;
    return !faults().empty();
  }));
  EXPECT_EQ(faults(), std::vector<std::string>{"it does not read what it is sent"});
}

}  // namespace
}  // namespace ringmail::runtime::test

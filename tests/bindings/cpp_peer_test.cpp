// ringmail/peer.hpp: what it owns and when it lets go, and the loop. A host in the test, the peer in a process of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <ringmail/peer.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "../transport/deadline.hpp"
#include "../transport/test_host.hpp"
#include "conformance.mail.hpp"

namespace ringmail::test {
namespace {

using conformance::Bulk, conformance::Fail, conformance::Get, conformance::Note, conformance::Ping, conformance::Side,
    conformance::Stream, conformance::Sum, conformance::Tick;
using testing::ElementsAre, testing::Field, testing::SizeIs;
using transport::FrameHead, transport::FrameKind, transport::test::Mail, transport::test::TestHost;

constexpr Peer::Mailbox host_actor{transport::test::actor_on(0)};

/// In the peer: it then exits with 1, and ctest shows the line.
#define PEER_EXPECT(condition)                                                   \
  do {                                                                           \
    if (!(condition)) {                                                          \
      std::fprintf(stderr, "peer: %s:%d: %s\n", __FILE__, __LINE__, #condition); \
      return 1;                                                                  \
    }                                                                            \
  } while (false)

static_assert(!std::is_copy_constructible_v<Peer> && std::is_nothrow_move_constructible_v<Peer>);
static_assert(!std::is_copy_constructible_v<Peer::Received> && !std::is_copy_constructible_v<Peer::Loan<Tick>>);
static_assert(PeerMessage<Tick> && PeerMessage<Get> && !PeerMessage<int>);

class CppPeer : public testing::Test {
 protected:
  CppPeer() { transport::test::start_watchdog(); }

  template <class Body>
  void start(Body body) {
    host.spawn(wrapped(body));
    ASSERT_TRUE(host.shake_hands());
  }
  template <class Body>
  static auto wrapped(Body body) {
    return [body]() -> int {
      auto peer = Peer::attach({.schema = conformance::ringmail_schema});
      return peer ? body(*peer) : peer.error().report("peer");
    };
  }

  template <class M>
  void send(const M& message, FrameHead head = {}) {
    head.type = M::ringmail_type;
    host.send({reinterpret_cast<const char*>(&message), M::ringmail_size}, head);
  }
  template <class M>
  void ask(const M& message, std::uint32_t correlation) {
    send(message, {.correlation = correlation});
  }
  template <class M>
  static std::optional<M> as(const Mail& mail) {
    const auto bytes = std::as_bytes(std::span(mail.text));
    if (mail.head.type != M::ringmail_type || !M::ringmail_valid(bytes)) return std::nullopt;
    M message;
    std::memcpy(static_cast<void*>(&message), bytes.data(), M::ringmail_size);
    return message;
  }

  TestHost host{1, 1 << 14};
};

/// In the peer.
std::optional<Peer::Received> next(Peer& peer) {
  while (true) {
    auto received = peer.receive();
    if (!received) return std::nullopt;
    if (*received) return std::move(*received);
    if (!peer.wait()) return std::nullopt;
  }
}

TEST_F(CppPeer, sends_asks_and_lends) {
  start([](Peer& peer) {
    PEER_EXPECT(peer.name() == "tester" && peer.schema() == "message A { }" && peer.incarnation() == 1);
    PEER_EXPECT(peer.wait(Peer::at_once) == false);  // the host answers what comes from here on
    PEER_EXPECT(peer.send(host_actor, Ping{.words = {1}}));
    const auto asked = peer.ask(host_actor, Get{});
    PEER_EXPECT(asked);
    {
      auto loan = peer.loan<Tick>(host_actor);
      PEER_EXPECT(loan && (*loan)->price == 0);
      (*loan)->number = 5;
      auto moved = std::move(*loan);
      PEER_EXPECT(moved.publish());
      PEER_EXPECT(moved.publish() == std::unexpected(Peer::Errc::misuse));
    }
    PEER_EXPECT(peer.loan<Bulk>(host_actor));  // cancelled by its end
    auto raw = peer.loan(host_actor, 3);
    PEER_EXPECT(raw && raw->bytes().size() == 3);
    std::memcpy(raw->bytes().data(), "abc", 3);
    PEER_EXPECT(raw->publish(9));
    PEER_EXPECT(peer.flush());
    PEER_EXPECT(peer.send({}, Get{}) == std::unexpected(Peer::Errc::not_found));
    PEER_EXPECT(peer.loan(host_actor, std::size_t{1} << 40).error() == Peer::Errc::too_long);

    const auto reply = next(peer);
    PEER_EXPECT(reply && !reply->is_message() && !reply->is_asked() && reply->correlation() == *asked);
    PEER_EXPECT(reply->as<Sum>() && reply->as<Sum>()->count == 3);
    return 0;
  });
  const auto came = host.drain_until(4);
  ASSERT_THAT(came, SizeIs(4));
  EXPECT_EQ(as<Ping>(came[0]), (Ping{.words = {1}}));
  EXPECT_EQ(as<Get>(came[1]), Get{});
  EXPECT_EQ(as<Tick>(came[2]), Tick{.number = 5});
  EXPECT_EQ(came[3].text, "abc");
  const Sum sum{.count = 3};
  host.send_control({reinterpret_cast<const char*>(&sum), sizeof sum},
                    {.kind = FrameKind::reply, .type = Sum::ringmail_type, .correlation = came[1].head.correlation});
  EXPECT_EQ(host.join(), 0);
}

TEST_F(CppPeer, a_message_is_released_by_the_end_of_its_life) {
  start([](Peer& peer) {
    {
      auto received = next(peer);
      PEER_EXPECT(received && received->is_message() && received->attempt() == 0 && !received->is_redelivered());
      PEER_EXPECT(received->as<Tick>()->number == 1 && received->sender() == Peer::Mailbox{77});
      PEER_EXPECT(received->as<Ping>() == nullptr);
      PEER_EXPECT(peer.receive().error() == Peer::Errc::misuse);
      Peer::Received moved = std::move(*received);
      received.reset();
      PEER_EXPECT(peer.receive().error() == Peer::Errc::misuse);
    }
    auto second = next(peer);
    PEER_EXPECT(second && second->as<Tick>() == nullptr);  // its side is none
    PEER_EXPECT(second->release());
    PEER_EXPECT(second->release() == std::unexpected(Peer::Errc::misuse));
    try {
      const auto third = next(peer);
      throw std::runtime_error("past it");
    } catch (const std::runtime_error&) {
    }
    return 3;
  });
  send(Tick{.number = 1}, {.sender = 77});
  send(Tick{.side = Side{7}});
  send(Ping{});
  EXPECT_EQ(host.join(), 3);
  EXPECT_EQ(host.unfinished().messages, 1u) << "the exception left it to the next incarnation";
}

struct Handlers {
  explicit Handlers(Peer& to) : peer(to) {}
  Tick on(const Tick& tick) { return {.number = tick.number + 1}; }
  Ping on(const Ping&, Peer::Received& received) {
    static_cast<void>(received.refuse(Peer::Refusal::stopping));
    return {};
  }
  void on(const Bulk&, Peer::Received& received) { later.emplace(received.later()); }
  Sum on(const Get&) { return {.count = answers}; }
  Note on(const ringmail::View<Note>& note) { return {.title = std::string(note.title) + "!", .author = note.author}; }
  void on(const Fail& fail) {
    if (fail.code != 0) fail_with(std::to_string(fail.code));
    static_cast<void>(peer.reply(*later, Bulk{.number = 9}));
  }
  void on(const Stream&) { static_cast<void>(peer.ask(host_actor, Get{})); }
  static void fail_with(const std::string& code) try { throw std::logic_error("its code\nis " + code); } catch (...) {
    std::throw_with_nested(std::runtime_error("failed with " + code));
  }
  void on(const Peer::Down& down) { ends.push_back(std::string(down.reason)); }
  void answered(Peer::Received& received) { answers += received.is_refusal() ? 100 : received.as<Sum>()->count; }

  Peer& peer;
  std::optional<Peer::Question> later;
  std::uint64_t answers = 0;
  std::vector<std::string> ends;
};

int run(Peer& peer) {
  Handlers handlers(peer);
  const auto ended = peer.run<conformance::Peer>(handlers);
  return ended ? 0 : ended.error().report("peer") + 10;
}

TEST_F(CppPeer, runs_until_the_host_says_stop) {
  start(run);
  ask(Tick{.number = 1}, 1);
  ask(Ping{}, 2);
  ask(Bulk{}, 3);
  ask(Fail{}, 4);
  ask(Sum{}, 5);
  send(Tick{});
  send(Stream{});
  send(Stream{});
  const auto came = host.drain_until(7);
  ASSERT_THAT(came, SizeIs(7));
  std::map<std::uint32_t, const Mail*> answers;
  std::vector<std::uint32_t> asks;
  for (const Mail& mail : came) {
    if (mail.head.kind == FrameKind::message) {
      asks.push_back(mail.head.correlation);
    } else {
      answers[mail.head.correlation] = &mail;
    }
  }
  EXPECT_EQ(as<Tick>(*answers.at(1)), Tick{.number = 2});
  EXPECT_EQ(answers.at(2)->head.type, 3u) << "refused, for it stops";
  EXPECT_EQ(as<Bulk>(*answers.at(3)), Bulk{.number = 9});
  EXPECT_EQ(answers.at(4)->head.type, ringmail_type_id("ringmail.Done"));
  EXPECT_EQ(answers.at(5)->head.kind, FrameKind::no_reply);
  EXPECT_EQ(answers.at(5)->head.type, 1u) << "there is no handler";

  ASSERT_THAT(asks, SizeIs(2));
  const Sum sum{.count = 5};
  host.send_control({reinterpret_cast<const char*>(&sum), sizeof sum},
                    {.kind = FrameKind::reply, .type = Sum::ringmail_type, .correlation = asks[0]});
  host.send_control("", {.kind = FrameKind::no_reply, .type = 1, .correlation = asks[1]});
  ask(Get{}, 6);
  const auto total = host.drain_until(1);
  ASSERT_THAT(total, SizeIs(1));
  EXPECT_EQ(as<Sum>(total[0]), Sum{.count = 105});
  host.stop();
  EXPECT_EQ(host.join(), 0);
}

TEST_F(CppPeer, a_handler_that_throws_ends_it_with_its_message_in_hand) {
  start(run);
  ask(Fail{.code = 7}, 1);
  const auto came = host.drain_until(1);
  ASSERT_THAT(came, SizeIs(1));
  EXPECT_EQ(came[0].head.kind, FrameKind::no_reply);
  EXPECT_EQ(came[0].head.type, 2u);
  const auto failure = host.next<transport::Failure>();
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->text, "std::runtime_error: failed with 7\nbecause of std::logic_error: its code is 7");
  EXPECT_EQ(host.join(), 11);
  EXPECT_EQ(host.unfinished().messages, 1u);
}

TEST_F(CppPeer, is_told_of_the_end_of_what_it_monitors) {
  start([](Peer& peer) {
    const auto monitor = peer.monitor(host_actor);
    const auto other = peer.monitor(host_actor);
    PEER_EXPECT(monitor && other && *monitor != *other);
    PEER_EXPECT(peer.demonitor(*other) && peer.demonitor(*other) == std::unexpected(Peer::Errc::not_found));
    {
      const auto received = next(peer);
      PEER_EXPECT(received && !received->is_message() && !received->is_refusal() && !received->as<Ping>());
      const auto down = received->down();
      PEER_EXPECT(down && down->monitor == *monitor && down->who == host_actor);
      PEER_EXPECT(down->kind == Peer::Exit::failed && down->reason == "failed: it");
    }
    Handlers handlers(peer);
    PEER_EXPECT(peer.monitor(host_actor) && peer.log(Peer::LogLevel::info, "twice"));
    PEER_EXPECT(peer.run<conformance::Peer>(handlers));
    PEER_EXPECT(handlers.ends == std::vector<std::string>{"failed: it"});
    return 0;
  });
  const auto down_of = [](const Mail& monitor) {
    return FrameHead{.kind = FrameKind::signal, .type = 4, .target = monitor.head.sender, .sender = host_actor.id};
  };
  const std::string reason("\1\0\0\0\0\0\0\0\0\0\0\0\12\0\0\0failed: it", 26);
  const auto first = host.drain_until(3);
  ASSERT_THAT(first, SizeIs(3));
  host.send(reason, down_of(first[0]));
  const auto second = host.drain_until(1);
  ASSERT_THAT(second, SizeIs(1));
  host.send(reason, down_of(second[0]));
  EXPECT_EQ(host.next<transport::Log>(), (transport::Log{.level = transport::LogLevel::info, .text = "twice"}));
  host.stop();
  EXPECT_EQ(host.join(), 0);
}

TEST_F(CppPeer, what_is_no_message_is_a_failure) {
  start(run);
  send(Tick{.side = Side{7}});
  const auto failure = host.next<transport::Failure>();
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->text, "what came as conformance.Tick is none");
  EXPECT_EQ(host.join(), 11);
}

TEST_F(CppPeer, writes_what_is_of_variable_length_into_the_ring) {
  const std::vector<double> values = {1.5, 2.5};
  start([&](Peer& peer) {
    PEER_EXPECT(peer.send(host_actor, Note{.number = 1, .limit = 2.5, .title = "owned", .values = values}));
    PEER_EXPECT(peer.send(host_actor, ringmail::View<Note>{.title = "borrowed", .values = values}));
    PEER_EXPECT(peer.ask(host_actor, Note{}));
    return 0;
  });
  const auto came = host.drain_until(3);
  ASSERT_THAT(came, SizeIs(3));
  const auto read = [&](std::size_t i) {
    return ringmail::View<Note>::ringmail_read(std::as_bytes(std::span(came[i].text)));
  };
  ASSERT_TRUE(read(0) && read(1) && read(2));
  EXPECT_EQ(read(0)->ringmail_copy(), (Note{.number = 1, .limit = 2.5, .title = "owned", .values = values}));
  EXPECT_EQ(read(1)->ringmail_copy(), (Note{.title = "borrowed", .values = values}));
  EXPECT_EQ(read(2)->ringmail_copy(), Note{});
  EXPECT_EQ(host.join(), 0);
}

TEST_F(CppPeer, reads_what_is_of_variable_length_where_it_lies) {
  start(run);
  const auto ask_note = [&](std::string payload, std::uint32_t correlation) {
    host.send(payload, {.type = Note::ringmail_type, .correlation = correlation});
  };
  const ringmail::View<Note> note{.title = "here", .author = "me"};
  std::string payload(note.ringmail_bytes(), '\0');
  note.ringmail_write(reinterpret_cast<std::byte*>(payload.data()));
  ask_note(payload, 1);
  // As before it had an author: the title stands behind a fixed part that is shorter.
  std::string older = payload.substr(0, Note::ringmail_size - 8) + "old";
  const std::uint32_t fixed = Note::ringmail_size - 8, reference[] = {fixed, 3};
  std::memcpy(older.data() + 24, &fixed, sizeof fixed);
  std::memcpy(older.data() + 28, reference, sizeof reference);
  ask_note(older, 2);
  const auto came = host.drain_until(2);
  ASSERT_THAT(came, SizeIs(2));
  const auto title = [&](std::size_t i) {
    const auto read = ringmail::View<Note>::ringmail_read(std::as_bytes(std::span(came[i].text)));
    return read ? std::string(read->title) + " by " + std::string(read->author) : "none";
  };
  EXPECT_EQ(title(0), "here! by me");
  EXPECT_EQ(title(1), "old! by nobody");
  host.stop();
  EXPECT_EQ(host.join(), 0);
}

TEST_F(CppPeer, says_that_nobody_spawned_it) {
  ::unsetenv("RINGMAIL_FDS");
  const auto peer = Peer::attach({});
  ASSERT_FALSE(peer);
  EXPECT_EQ(peer.error().code, Peer::Errc::not_spawned);
  EXPECT_NE(peer.error().text.find("not spawned"), std::string::npos) << peer.error().text;
}

TEST_F(CppPeer, an_interrupted_run_can_be_gone_on_with) {
  start([](Peer& peer) {
    peer.interrupt();
    Handlers handlers(peer);
    const auto interrupted = peer.run<conformance::Peer>(handlers);
    PEER_EXPECT(!interrupted && interrupted.error().code == Peer::Errc::interrupted);
    return run(peer);
  });
  ask(Tick{}, 1);
  EXPECT_THAT(host.drain_until(1), SizeIs(1));
  host.stop();
  EXPECT_EQ(host.join(), 0);
}

}  // namespace
}  // namespace ringmail::test

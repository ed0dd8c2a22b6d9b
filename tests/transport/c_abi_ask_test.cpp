// Asks of a peer that have a deadline: answered, refused, or timed out, each once.
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "abi_pair.hpp"
#include "ringmail/peer.hpp"
#include "ringmail/transport/futex.hpp"

namespace ringmail::transport::test {
namespace {

constexpr std::int64_t ms = 1'000'000;

int ask(AbiPeer& peer, std::int64_t answer_ns, std::uint32_t& correlation) {
  return ringmail_ask_within(peer, host_actor, 1, "?", 1, -1, answer_ns, &correlation);
}

TEST(CAbiAsk, an_answer_within_the_deadline_is_the_answer) {
  Pair pair([](AbiPeer& peer) {
    std::uint32_t first = 0, second = 0, third = 0;
    PEER_EXPECT(ask(peer, 60'000 * ms, first) == 0 && ask(peer, 60'000 * ms, second) == 0);
    PEER_EXPECT(ask(peer, -1, third) == 0);  // for ever
    PEER_EXPECT(first != 0 && first != second && second != third);
    ringmail_message message{};
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(message.kind == RINGMAIL_REPLY && message.correlation == first && text_of(message) == "yes");
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(message.kind == RINGMAIL_NO_REPLY && message.correlation == second && message.type == 3);
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(message.kind == RINGMAIL_REPLY && message.correlation == third);
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(ringmail_receive(peer, &message) == 0);
    return 0;
  });
  const auto asks = pair.host.drain_until(3);
  ASSERT_EQ(asks.size(), 3u);
  pair.host.send_control("yes", {.kind = FrameKind::reply, .correlation = asks[0].head.correlation});
  pair.host.send_control("", {.kind = FrameKind::no_reply, .type = 3, .correlation = asks[1].head.correlation});
  pair.host.send_control("yes", {.kind = FrameKind::reply, .correlation = asks[2].head.correlation});
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiAsk, the_deadline_ends_a_wait_and_a_late_answer_is_dropped) {
  Pair pair([](AbiPeer& peer) {
    std::uint32_t correlation = 0;
    const std::uint64_t start_ns = monotonic_ns();
    PEER_EXPECT(ask(peer, 20 * ms, correlation) == 0);
    ringmail_message message{}, other{};
    PEER_EXPECT(peer.next(message) == 1);  // waits without an end of its own
    PEER_EXPECT(monotonic_ns() - start_ns >= 20 * ms);
    PEER_EXPECT(message.kind == RINGMAIL_NO_REPLY && message.type == RINGMAIL_TIMED_OUT);
    PEER_EXPECT(message.correlation == correlation && message.length == 0);
    PEER_EXPECT(ringmail_receive(peer, &other) == RINGMAIL_EMISUSE && ringmail_wait(peer, 0) == RINGMAIL_EMISUSE);
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(ringmail_release(peer) == RINGMAIL_EMISUSE);
    PEER_EXPECT(step(peer) == 0);  // now the host has answered after all
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(message.kind == RINGMAIL_MESSAGE && text_of(message) == "mail");
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(ringmail_receive(peer, &message) == 0);
    PEER_EXPECT(ringmail_wait(peer, 0) == 0);
    return 0;
  });
  const auto asks = pair.host.drain_until(1);
  ASSERT_EQ(asks.size(), 1u);
  pair.wait_for_step();
  pair.host.send_control("late", {.kind = FrameKind::reply, .correlation = asks[0].head.correlation});
  pair.host.send("mail");
  pair.next_step();
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiAsk, a_deadline_is_kept_while_mail_comes_without_a_pause) {
  constexpr int mails = 200;
  Pair pair(
      [](AbiPeer& peer) {
        std::uint32_t correlation = 0;
        PEER_EXPECT(ask(peer, 0, correlation) == 0);
        PEER_EXPECT(ringmail_flush(peer) == 0 && step(peer) == 0);
        ringmail_message message{};
        int before = 0;
        while (true) {
          PEER_EXPECT(ringmail_receive(peer, &message) == 1);
          const bool expired = message.kind == RINGMAIL_NO_REPLY;
          PEER_EXPECT(ringmail_release(peer) == 0);
          if (expired) break;
          ++before;
        }
        PEER_EXPECT(before < mails / 2);
        return 0;
      },
      1, 1 << 16);
  pair.wait_for_step();
  for (int i = 0; i < mails; ++i) pair.host.send("m");
  pair.next_step();
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiAsk, of_many_asks_each_is_answered_or_times_out) {
  constexpr int count = 48;
  Pair pair([](AbiPeer& peer) {
    std::map<std::uint32_t, int> number_of;
    for (int number = 0; number < count; ++number) {
      std::uint32_t correlation = 0;
      // Every third one times out; of the rest half is refused.
      PEER_EXPECT(ask(peer, number % 3 == 0 ? number % 7 * ms : 60'000 * ms, correlation) == 0);
      PEER_EXPECT(number_of.emplace(correlation, number).second);
    }
    PEER_EXPECT(ringmail_flush(peer) == 0);
    int left = count;
    while (left > 0) {
      ringmail_message message{};
      PEER_EXPECT(peer.next(message) == 1);
      const auto found = number_of.find(message.correlation);
      PEER_EXPECT(found != number_of.end());
      const int expected = found->second % 3;
      PEER_EXPECT((message.kind == RINGMAIL_REPLY) == (expected == 1));
      PEER_EXPECT((message.kind == RINGMAIL_NO_REPLY && message.type == RINGMAIL_TIMED_OUT) == (expected == 0));
      PEER_EXPECT((message.kind == RINGMAIL_NO_REPLY && message.type == 2) == (expected == 2));
      number_of.erase(found);
      PEER_EXPECT(ringmail_release(peer) == 0);
      --left;
    }
    return 0;
  });
  for (int number = 0; number < count;) {
    for (const auto& ask : pair.host.drain_until(1)) {
      const auto kind = number % 3 == 1 ? FrameKind::reply : FrameKind::no_reply;
      if (number % 3 != 0) pair.host.send_control("", {.kind = kind, .type = 2, .correlation = ask.head.correlation});
      ++number;
    }
  }
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiAsk, a_timed_out_ask_comes_before_the_news_of_the_stop) {
  Pair pair([](AbiPeer& peer) {
    std::uint32_t correlation = 0;
    PEER_EXPECT(ask(peer, 0, correlation) == 0);
    PEER_EXPECT(ringmail_flush(peer) == 0 && step(peer) == 0);
    ringmail_message message{};
    PEER_EXPECT(ringmail_receive(peer, &message) == 1 && message.type == RINGMAIL_TIMED_OUT);
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(ringmail_receive(peer, &message) == RINGMAIL_ESTOPPED);
    return 0;
  });
  pair.wait_for_step();
  pair.host.stop();
  pair.next_step();
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiAsk, what_was_not_sent_does_not_time_out) {
  Pair pair([](AbiPeer& peer) {
    std::uint32_t correlation = 0;
    PEER_EXPECT(ringmail_ask_within(peer, 0, 1, "?", 1, 0, 0, &correlation) == RINGMAIL_ENOTFOUND);
    ringmail_message message{};
    PEER_EXPECT(ringmail_receive(peer, &message) == 0 && ringmail_wait(peer, ms) == 0);
    return 0;
  });
  EXPECT_EQ(pair.host.join(), 0);
}

// --- The same in C++

struct Asker {
  using ringmail_accepts = std::tuple<>;
};

struct Answered {
  std::vector<std::string> seen;
  void answered(ringmail::Peer::Received& received) {
    seen.push_back(received.is_late() ? "late" : received.is_refusal() ? "refused" : "answered");
  }
};

TEST(PeerAsk, run_tells_what_was_answered_refused_and_late) {
  using namespace std::chrono_literals;
  TestHost host;
  host.spawn([] {
    auto peer = ringmail::Peer::attach({});
    PEER_EXPECT(peer);
    const ringmail::Peer::Mailbox actor{host_actor};
    for (const auto within : {60'000ms, 60'000ms, 20ms}) {
      PEER_EXPECT(peer->ask_within(within, actor, 1, std::as_bytes(std::span("?", 1))));
    }
    Answered answered;
    const auto ended = peer->run<Asker>(answered);
    PEER_EXPECT(ended);
    PEER_EXPECT(answered.seen == (std::vector<std::string>{"answered", "refused", "late"}));
    return 0;
  });
  ASSERT_TRUE(host.shake_hands());
  const auto asks = host.drain_until(3);
  ASSERT_EQ(asks.size(), 3u);
  host.send_control("yes", {.kind = FrameKind::reply, .correlation = asks[0].head.correlation});
  host.send_control("", {.kind = FrameKind::no_reply, .type = 1, .correlation = asks[1].head.correlation});
  std::this_thread::sleep_for(60ms);  // the third one's time is up before the stop
  host.stop();
  EXPECT_EQ(host.join(), 0);
}

}  // namespace
}  // namespace ringmail::transport::test

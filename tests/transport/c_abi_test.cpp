// Messages through the C ABI, between a host in this process and a peer in another.
#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <thread>

#include "abi_pair.hpp"

namespace ringmail::transport::test {
namespace {

TEST(CAbi, tells_each_side_who_the_other_is) {
  TestHost host;
  host.name = "pricer";
  host.schema = "message B { }";
  host.spawn([] {
    ringmail_options options = RINGMAIL_OPTIONS_INIT;
    options.name = "me";
    options.language = "cobol";
    options.schema = "message C { }";
    options.ring_bytes = 8192;
    AbiPeer peer(&options);
    PEER_EXPECT(peer.attached() == 0);
    PEER_EXPECT(std::string_view(ringmail_name(peer)) == "pricer");
    PEER_EXPECT(std::string_view(ringmail_schema(peer)) == "message B { }");
    PEER_EXPECT(ringmail_incarnation(peer) == 1);
    return 0;
  });
  ASSERT_TRUE(host.shake_hands());
  EXPECT_EQ(host.hello().name, "me");
  EXPECT_EQ(host.hello().language, "cobol");
  EXPECT_EQ(host.hello().schema, "message C { }");
  EXPECT_EQ(host.hello().wanted_ring_bytes, 8192u);
  EXPECT_EQ((host.hello().features & asymmetric_barrier) != 0, register_for_barriers());
  EXPECT_EQ(host.hello().pid, static_cast<std::uint32_t>(host.pid()));
  EXPECT_EQ(host.join(), 0);
}

TEST(CAbi, a_message_arrives_as_it_was_sent) {
  Pair pair([](AbiPeer& peer) {
    ringmail_message message{};
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(text_of(message) == "hello" && message.type == 1 && message.correlation == 2);
    PEER_EXPECT(message.target == 3 && message.sender == 4 && message.kind == RINGMAIL_MESSAGE);
    PEER_EXPECT(message.lane == 0 && message.redelivered == 0 && message.attempt == 0);
    PEER_EXPECT(reinterpret_cast<std::uintptr_t>(message.payload) % 32 == 0);
    PEER_EXPECT(send(peer, "thanks") == 0);
    PEER_EXPECT(ringmail_release(peer) == 0);
    ringmail_counters counters{};
    ringmail_count(peer, &counters);
    PEER_EXPECT(counters.received == 1 && counters.sent == 1 && counters.lost_wakeups == 0);
    return 0;
  });
  pair.host.send("hello", {.type = 1, .correlation = 2, .target = 3, .sender = 4});
  const auto came = pair.host.drain_until(1);
  ASSERT_EQ(came.size(), 1u);
  EXPECT_EQ(came[0].text, "thanks");
  EXPECT_EQ(came[0].head.kind, FrameKind::message);
  EXPECT_EQ(came[0].head.type, 7u);
  EXPECT_EQ(came[0].head.target, host_actor);
  EXPECT_EQ(came[0].head.sender, 0u);
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbi, a_million_bytes_make_the_round) {
  Pair pair([](AbiPeer& peer) {
    ringmail_message message{};
    for (int count = 0; count < 5000; ++count) {
      PEER_EXPECT(peer.next(message) == 1);
      PEER_EXPECT(send(peer, text_of(message)) == 0);
      PEER_EXPECT(ringmail_release(peer) == 0);
    }
    ringmail_counters counters{};
    ringmail_count(peer, &counters);
    PEER_EXPECT(counters.lost_wakeups == 0);
    return 0;
  });
  std::vector<Mail> came;
  const auto text = [](std::size_t number) { return std::to_string(number) + std::string(number % 400, 'x'); };
  for (std::size_t number = 0; number < 5000; ++number) {
    pair.host.send(text(number));
    for (Mail& mail : pair.host.drain()) came.push_back(std::move(mail));
  }
  for (Mail& mail : pair.host.drain_until(5000 - came.size())) came.push_back(std::move(mail));
  ASSERT_EQ(came.size(), 5000u);
  for (std::size_t number = 0; number < 5000; ++number) ASSERT_EQ(came[number].text, text(number));
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbi, an_ask_of_the_host_is_answered_or_refused) {
  Pair pair([](AbiPeer& peer) {
    ringmail_message message{};
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(ringmail_reply(peer, &message, 11, "42", 2) == 0);
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(peer.next(message) == 1);
    const ringmail_message kept = message;
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(ringmail_refuse(peer, &kept, 2) == 0);
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(ringmail_reply(peer, &message, 11, "", 0) == RINGMAIL_EMISUSE);
    PEER_EXPECT(ringmail_release(peer) == 0);
    return 0;
  });
  pair.host.send("?", {.correlation = 5, .target = 6, .sender = 7});
  pair.host.send("?", {.correlation = 8});
  pair.host.send("no question");
  const auto came = pair.host.drain_until(2);
  ASSERT_EQ(came.size(), 2u);
  EXPECT_EQ(came[0].head.kind, FrameKind::reply);
  EXPECT_EQ(came[0].head.type, 11u);
  EXPECT_EQ(came[0].head.correlation, 5u);
  EXPECT_EQ(came[0].head.target, 7u);
  EXPECT_EQ(came[0].head.sender, 6u);
  EXPECT_EQ(came[0].text, "42");
  EXPECT_EQ(came[1].head.kind, FrameKind::no_reply);
  EXPECT_EQ(came[1].head.type, static_cast<std::uint32_t>(NoReply::failed));
  EXPECT_EQ(came[1].head.correlation, 8u);
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbi, an_ask_of_the_peer_gets_its_answer_before_other_mail) {
  Pair pair([](AbiPeer& peer) {
    std::uint32_t first = 0, second = 0;
    PEER_EXPECT(ringmail_ask(peer, host_actor, 1, "a", 1, -1, &first) == 0);
    PEER_EXPECT(ringmail_ask(peer, host_actor, 1, "b", 1, -1, &second) == 0);
    PEER_EXPECT(first != 0 && second != 0 && first != second);
    PEER_EXPECT(ringmail_flush(peer) == 0);
    PEER_EXPECT(step(peer) == 0);
    ringmail_message message{};
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(message.kind == RINGMAIL_REPLY && message.correlation == first && text_of(message) == "yes");
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(message.kind == RINGMAIL_NO_REPLY && message.correlation == second && message.type == 3);
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(message.kind == RINGMAIL_MESSAGE && text_of(message) == "mail");
    PEER_EXPECT(ringmail_release(peer) == 0);
    return 0;
  });
  TestHost& host = pair.host;
  const auto asks = host.drain_until(2);
  ASSERT_EQ(asks.size(), 2u);
  pair.wait_for_step();
  host.send("mail");
  host.send_control("yes", {.kind = FrameKind::reply, .correlation = asks[0].head.correlation});
  host.send_control("", {.kind = FrameKind::no_reply, .type = 3, .correlation = asks[1].head.correlation});
  pair.next_step();
  EXPECT_EQ(host.join(), 0);
}

TEST(CAbi, what_is_released_is_told_by_the_quarter_and_at_the_end) {
  Pair pair([](AbiPeer& peer) {
    ringmail_message message{};
    PEER_EXPECT(step(peer) == 0);
    for (const int messages : {17, 3}) {
      for (int count = 0; count < messages; ++count) {
        PEER_EXPECT(peer.next(message) == 1);
        PEER_EXPECT(ringmail_release(peer) == 0);
      }
      PEER_EXPECT(step(peer) == 0);
    }
    return 0;
  });
  pair.wait_for_step();
  for (int count = 0; count < 20; ++count) pair.host.send("x");
  pair.next_step();
  pair.wait_for_step();
  EXPECT_LE(pair.host.unfinished().messages, 4u);
  pair.next_step();
  pair.wait_for_step();
  EXPECT_EQ(pair.host.unfinished().messages, 0u);
  pair.next_step();
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbi, messages_that_are_alike_are_taken_together) {
  Pair pair([](AbiPeer& peer) -> int {
    PEER_EXPECT(step(peer) == 0);
    ringmail_message message;
    std::uint32_t stride = 0;
    PEER_EXPECT(ringmail_receive_more(peer, 8, &stride) == RINGMAIL_EMISUSE);
    int next = 0;
    const auto take = [&](std::uint32_t most, int expected) -> int {
      PEER_EXPECT(peer.next(message) == 1);
      const int count = ringmail_receive_more(peer, most, &stride);
      PEER_EXPECT(count == expected);
      PEER_EXPECT(stride == 64);
      PEER_EXPECT(ringmail_receive_more(peer, most, &stride) == RINGMAIL_EMISUSE || count == 1);
      for (int i = 0; i < count; ++i) {
        const char* const text = static_cast<const char*>(message.payload) + i * static_cast<int>(stride);
        PEER_EXPECT(message.length == 1 && *text == static_cast<char>('a' + next));
        ++next;
      }
      PEER_EXPECT(ringmail_release(peer) == 0);
      return 0;
    };
    PEER_EXPECT(take(3, 3) == 0);    // no more than wanted
    PEER_EXPECT(take(100, 2) == 0);  // the sixth has another type
    PEER_EXPECT(take(100, 1) == 0);  // and the seventh another sender
    PEER_EXPECT(take(100, 2) == 0);  // the ninth is asked
    PEER_EXPECT(take(100, 1) == 0);  // alone
    PEER_EXPECT(take(100, 1) == 0);  // and the last one
    ringmail_counters counters{};
    ringmail_count(peer, &counters);
    PEER_EXPECT(counters.received == 10);
    return 0;
  });
  pair.wait_for_step();
  auto send = [&, letter = 'a'](std::uint32_t type, std::uint64_t sender, std::uint32_t correlation) mutable {
    const char text[] = {letter++, '\0'};
    pair.host.send(text, {.type = type, .correlation = correlation, .sender = sender});
  };
  for (int i = 0; i < 5; ++i) send(7, host_actor, 0);
  send(8, host_actor, 0);
  for (int i = 0; i < 2; ++i) send(8, actor_on(0, 9), 0);
  send(8, actor_on(0, 9), 1);
  send(8, actor_on(0, 9), 0);
  pair.next_step();
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbi, messages_taken_together_are_finished_together_and_end_at_a_stop) {
  Pair pair([](AbiPeer& peer) -> int {
    PEER_EXPECT(step(peer) == 0);
    ringmail_message message;
    std::uint32_t stride = 0;
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(ringmail_receive_more(peer, 100, &stride) == 16);  // a quarter of the ring
    PEER_EXPECT(step(peer) == 0);
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(step(peer) == 0);
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(ringmail_receive_more(peer, 100, &stride) == 4);  // up to the stop
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(peer.next(message) == RINGMAIL_ESTOPPED);
    return 0;
  });
  pair.wait_for_step();
  for (int count = 0; count < 20; ++count) pair.host.send("x");
  pair.next_step();
  pair.wait_for_step();
  EXPECT_EQ(pair.host.unfinished().messages, 20u);
  pair.next_step();
  pair.wait_for_step();
  EXPECT_EQ(pair.host.unfinished().messages, 4u);
  pair.host.stop();
  pair.host.send("x");  // behind it
  pair.next_step();
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbi, an_interrupt_ends_this_wait_or_the_next) {
  Pair pair([](AbiPeer& peer) {
    ringmail_interrupt(peer);
    PEER_EXPECT(ringmail_wait(peer, -1) == RINGMAIL_EINTERRUPTED);
    PEER_EXPECT(ringmail_wait(peer, 0) == 0);
    for (int round = 0; round < 200; ++round) {
      std::thread other([&] { ringmail_interrupt(peer); });
      const int result = ringmail_wait(peer, -1);
      other.join();
      PEER_EXPECT(result == RINGMAIL_EINTERRUPTED);
    }
    return 0;
  });
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbi, a_ping_is_answered_while_a_message_is_received) {
  Pair pair([](AbiPeer& peer) {
    ringmail_message message{};
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(ringmail_release(peer) == 0);
    return 0;
  });
  pair.host.send_control("", {.kind = FrameKind::ping, .correlation = 77});
  const auto came = pair.host.drain_until(1);
  ASSERT_EQ(came.size(), 1u);
  EXPECT_EQ(came[0].head.kind, FrameKind::pong);
  EXPECT_EQ(came[0].head.correlation, 77u);
  pair.host.send("end");
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbi, each_lane_has_its_own_order_and_its_own_answers) {
  constexpr std::uint32_t lanes = 3;
  Pair pair(
      [](AbiPeer& peer) {
        ringmail_message message{};
        int counts[lanes] = {};
        while (peer.next(message) == 1) {
          PEER_EXPECT(text_of(message) == std::to_string(counts[message.lane]++));
          PEER_EXPECT(ringmail_reply(peer, &message, 0, message.payload, message.length) == 0);
          const ringmail_mailbox other = actor_on((message.lane + 1) % lanes);
          PEER_EXPECT(ringmail_send(peer, other, 0, message.payload, message.length, -1) == 0);
          PEER_EXPECT(ringmail_release(peer) == 0);
        }
        for (const int count : counts) PEER_EXPECT(count == 20);
        return 0;
      },
      lanes);
  for (int number = 0; number < 20; ++number) {
    for (std::uint32_t lane = 0; lane < lanes; ++lane) {
      pair.host.send(std::to_string(number), {.correlation = static_cast<std::uint32_t>(number) + 1}, lane);
    }
  }
  const auto came = pair.host.drain_until(2 * 20 * lanes);
  EXPECT_EQ(came.size(), 2 * 20 * lanes);
  pair.host.stop();
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbi, a_type_id_is_the_fnv_hash_of_the_name) {
  EXPECT_EQ(ringmail_type_id(""), 2166136261u);
  EXPECT_EQ(ringmail_type_id("a"), 0xe40c292cu);
  EXPECT_EQ(ringmail_type_id("foobar"), 0xbf9cf968u);
}

TEST(CAbi, every_code_has_a_text_of_its_own) {
  std::set<std::string> texts;
  for (int code = RINGMAIL_EFORKED; code <= 0; ++code) texts.insert(ringmail_strerror(code));
  EXPECT_EQ(texts.size(), 14u);
  EXPECT_STREQ(ringmail_strerror(-1000), "unknown error");
  EXPECT_STREQ(ringmail_strerror(1), ringmail_strerror(0));
}

}  // namespace
}  // namespace ringmail::transport::test

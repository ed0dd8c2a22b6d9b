// A peer whose host wants it exactly once: what goes into the batch of a message, when that is published, and what is refused meanwhile.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "abi_peer.hpp"
#include "deadline.hpp"
#include "shared_ring.hpp"
#include "test_host.hpp"

namespace ringmail::transport::test {
namespace {

/// Said by the peer, in memory that it shares with the test, when it has done something; and by the test when it has looked.
struct Stage {
  std::atomic<int> peer{0};
  std::atomic<int> host{0};
};

class CAbiExactlyOnce : public testing::Test {
 protected:
  static constexpr std::uint64_t ring_bytes = 4096;

  void start(const std::function<int(AbiPeer&, Stage&)>& body, bool pollable = false) {
    host.more_features |= exactly_once;
    host.spawn([this, body, pollable] {
      ringmail_options options = RINGMAIL_OPTIONS_INIT;
      options.pollable = pollable ? 1 : 0;
      AbiPeer peer(&options);
      PEER_EXPECT(peer.attached() == 0);
      return body(peer, stage);
    });
    ASSERT_TRUE(host.shake_hands());
    ASSERT_NE(host.hello().features & exactly_once, 0u);
  }
  bool await_peer(int step) {
    return until([&] { return stage.peer == step; });
  }
  static void reach(Stage& stage, int step) {
    stage.peer = step;
    until([&] { return stage.host >= step; });
  }
  std::vector<std::string> texts(const std::vector<Mail>& mail) {
    std::vector<std::string> all;
    for (const Mail& each : mail) all.push_back(each.text);
    return all;
  }

  TestHost host{2, ring_bytes};
  InSharedMemory<Stage> memory_;
  Stage& stage = memory_.renew();
};

int send(AbiPeer& peer, std::string_view text, std::uint32_t lane = 0) {
  return ringmail_send(peer, actor_on(lane), 1, text.data(), static_cast<std::uint32_t>(text.size()), -1);
}

TEST_F(CAbiExactlyOnce, publishes_what_a_message_led_to_when_it_is_released) {
  start([](AbiPeer& peer, Stage& at) {
    ringmail_message message{};
    PEER_EXPECT(send(peer, "before") == 0);
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(send(peer, "one") == 0 && send(peer, "two", 1) == 0);
    PEER_EXPECT(ringmail_reply(peer, &message, 1, "three", 5) == 0);
    PEER_EXPECT(ringmail_flush(peer) == 0);
    void* room = nullptr;
    PEER_EXPECT(ringmail_loan(peer, actor_on(1), 4, -1, &room) == 0);
    std::memcpy(room, "four", 4);
    PEER_EXPECT(ringmail_publish(peer, 1) == 0);
    reach(at, 1);
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(send(peer, "after", 1) == 0 && ringmail_flush(peer) == 0);
    return 0;
  });
  host.send("", {.correlation = 7, .sender = actor_on(0)});
  ASSERT_TRUE(await_peer(1));
  EXPECT_EQ(texts(host.drain()), std::vector<std::string>{"before"});
  stage.host = 1;
  EXPECT_EQ(host.join(), 0);
  const auto mail = host.drain();
  EXPECT_EQ(texts(mail), (std::vector<std::string>{"one", "two", "three", "four", "after"}));
  EXPECT_EQ(mail[1].head.target, actor_on(1));
  EXPECT_EQ(mail[2].head.kind, FrameKind::reply);
  EXPECT_EQ(mail[2].head.correlation, 7u);
  EXPECT_EQ(host.unfinished().messages, 0u);
}

TEST_F(CAbiExactlyOnce, publishes_nothing_of_a_message_that_is_not_released) {
  start([](AbiPeer& peer, Stage&) {
    ringmail_message message{};
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(send(peer, "half") == 0);
    PEER_EXPECT(ringmail_fail(peer, "it failed") == 0);
    return 0;
  });
  host.send("", {.sender = actor_on(0)});
  EXPECT_EQ(host.join(), 0);
  EXPECT_EQ(texts(host.drain()), std::vector<std::string>{});
  EXPECT_EQ(host.unfinished().messages, 1u);
}

TEST_F(CAbiExactlyOnce, refuses_a_question_while_a_message_is_in_hand) {
  start([](AbiPeer& peer, Stage&) {
    ringmail_message message{};
    std::uint32_t correlation = 0;
    PEER_EXPECT(ringmail_ask(peer, actor_on(0), 1, "?", 1, -1, &correlation) == 0);
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(ringmail_ask(peer, actor_on(0), 1, "?", 1, -1, &correlation) == RINGMAIL_EREFUSED);
    PEER_EXPECT(contains(peer.error(), "exactly once"));
    PEER_EXPECT(ringmail_ask_within(peer, actor_on(0), 1, "?", 1, -1, 1000, &correlation) == RINGMAIL_EREFUSED);
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(ringmail_ask(peer, actor_on(0), 1, "?", 1, -1, &correlation) == 0);
    PEER_EXPECT(ringmail_flush(peer) == 0);
    return 0;
  });
  host.send("", {.sender = actor_on(0)});
  EXPECT_EQ(host.join(), 0);
  EXPECT_EQ(host.drain().size(), 2u);
}

TEST_F(CAbiExactlyOnce, names_what_is_too_much_for_one_message_and_goes_on) {
  start([](AbiPeer& peer, Stage&) {
    ringmail_message message{};
    PEER_EXPECT(peer.next(message) == 1);
    const std::string text(32, 'x');  // a line with its header
    for (std::uint64_t bytes = 64; bytes + 64 <= ring_bytes / 4; bytes += 64) PEER_EXPECT(send(peer, text) == 0);
    PEER_EXPECT(send(peer, text) == RINGMAIL_ETOOLONG);
    PEER_EXPECT(contains(peer.error(), "a quarter of the ring"));
    PEER_EXPECT(ringmail_reply(peer, &message, 1, "", 0) == RINGMAIL_ETOOLONG);
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(send(peer, std::string(ring_bytes / 4, 'y')) == RINGMAIL_ETOOLONG);
    PEER_EXPECT(send(peer, "small") == 0);
    PEER_EXPECT(ringmail_release(peer) == 0);
    return 0;
  });
  host.send("", {.correlation = 3, .sender = actor_on(0)});
  host.send("", {.sender = actor_on(0)});
  EXPECT_EQ(host.join(), 0);
  const auto mail = host.drain();
  ASSERT_EQ(mail.size(), ring_bytes / 4 / 64 - 1 + 1);
  EXPECT_EQ(mail.back().text, "small");
  EXPECT_EQ(host.unfinished().messages, 0u);
}

TEST_F(CAbiExactlyOnce, does_not_count_a_loan_that_was_given_back) {
  start([](AbiPeer& peer, Stage&) {
    ringmail_message message{};
    PEER_EXPECT(peer.next(message) == 1);
    for (int i = 0; i < 20; ++i) {
      void* room = nullptr;
      PEER_EXPECT(ringmail_loan(peer, actor_on(0), 500, 0, &room) == 0);
      PEER_EXPECT(ringmail_cancel(peer) == 0);
    }
    PEER_EXPECT(send(peer, std::string(800, 'z')) == 0);
    PEER_EXPECT(ringmail_release(peer) == 0);
    return 0;
  });
  host.send("", {.sender = actor_on(0)});
  EXPECT_EQ(host.join(), 0);
  EXPECT_EQ(host.drain().size(), 1u);
}

TEST_F(CAbiExactlyOnce, waits_for_room_without_publishing_half_of_it) {
  start([](AbiPeer& peer, Stage& at) {
    ringmail_message message{};
    PEER_EXPECT(peer.next(message) == 1);
    while (ringmail_send(peer, actor_on(0), 1, "", 0, 0) == 0) {
    }
    // Of the first message as much as goes; it fills a quarter.
    PEER_EXPECT(ringmail_release(peer) == 0);
    void* room = nullptr;
    std::uint32_t filler = 0;
    while (ringmail_loan(peer, actor_on(0), 100, 0, &room) == 0) {
      PEER_EXPECT(ringmail_publish(peer, 2) == 0);
      ++filler;
    }
    PEER_EXPECT(filler > 0);
    PEER_EXPECT(peer.next(message) == 1);
    at.peer = 1;
    PEER_EXPECT(send(peer, std::string(300, 'a')) == 0 && send(peer, std::string(300, 'b')) == 0);
    reach(at, 2);
    PEER_EXPECT(ringmail_release(peer) == 0);
    return 0;
  });
  host.send("", {.sender = actor_on(0)});
  host.send("", {.sender = actor_on(0)});
  ASSERT_TRUE(await_peer(1));
  std::vector<Mail> mail;
  EXPECT_TRUE(until([&] {
    for (Mail& each : host.drain()) mail.push_back(std::move(each));
    return stage.peer == 2;
  }));
  for (Mail& each : host.drain()) mail.push_back(std::move(each));
  for (const Mail& each : mail) EXPECT_LE(each.text.size(), 100u);
  stage.host = 2;
  EXPECT_EQ(host.join(), 0);
  EXPECT_EQ(texts(host.drain()), (std::vector<std::string>{std::string(300, 'a'), std::string(300, 'b')}));
}

TEST_F(CAbiExactlyOnce, acknowledges_many_that_are_handled_by_one_call) {
  start([](AbiPeer& peer, Stage& at) {
    reach(at, 1);
    ringmail_message message{};
    std::uint32_t stride = 0;
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(ringmail_receive_more(peer, 10, &stride) == 4);
    PEER_EXPECT(send(peer, "of all") == 0);
    PEER_EXPECT(ringmail_receive_more(peer, 10, &stride) == RINGMAIL_EMISUSE);
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(send(peer, "of one") == 0);
    PEER_EXPECT(ringmail_receive_more(peer, 10, &stride) == 1);  // what was sent is of that alone
    at.peer = 2;
    while (true) pause();
  });
  ASSERT_TRUE(await_peer(1));
  for (int i = 0; i < 4; ++i) host.send("same", {.sender = actor_on(0)});
  host.send("longer than a line of 32 bytes is", {.sender = actor_on(0)});
  host.send("longer than a line of 32 bytes is", {.sender = actor_on(0)});
  stage.host = 1;
  ASSERT_TRUE(await_peer(2));
  host.kill();
  EXPECT_EQ(host.join(), -SIGKILL);
  EXPECT_EQ(texts(host.drain()), std::vector<std::string>{"of all"});
  EXPECT_EQ(host.unfinished().messages, 2u);
}

TEST_F(CAbiExactlyOnce, has_monitors_that_go_where_they_always_go) {
  start([](AbiPeer& peer, Stage&) {
    ringmail_message message{};
    std::uint64_t monitor = 0;
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(ringmail_monitor(peer, actor_on(1), -1, &monitor) == 0);
    PEER_EXPECT(send(peer, "sent") == 0);
    PEER_EXPECT(ringmail_release(peer) == 0);
    return 0;
  });
  host.send("", {.sender = actor_on(0)});
  EXPECT_EQ(host.join(), 0);
  const auto frame = host.lane(1).mail_in.peek();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->head.kind, FrameKind::signal);
  EXPECT_EQ(frame->head.target, actor_on(1));
  EXPECT_EQ(host.drain().size(), 2u);
}

TEST_F(CAbiExactlyOnce, in_a_loop_takes_answers_and_waits_for_room_with_a_message_in_hand) {
  start(
      [](AbiPeer& peer, Stage& at) {
        ringmail_message message{}, reply{};
        std::uint32_t correlation = 0;
        PEER_EXPECT(ringmail_ask(peer, actor_on(1), 1, "?", 1, 0, &correlation) == 0);
        while (ringmail_send(peer, actor_on(0), 2, "", 0, 0) == 0) {
        }
        while (ringmail_receive(peer, &message) == 0) {
        }
        PEER_EXPECT(message.kind == RINGMAIL_MESSAGE);
        PEER_EXPECT(ringmail_want_room(peer, actor_on(1), 100) == 0);
        reach(at, 1);
        int got = 0;
        PEER_EXPECT(until([&] { return (got = ringmail_receive_reply(peer, &reply)) != 0; }));
        PEER_EXPECT(got == 1 && reply.correlation == correlation);
        std::int64_t longest_ns = 0;
        PEER_EXPECT(until([&] { return ringmail_want_room(peer, actor_on(1), 100) == 1; }));
        PEER_EXPECT(ringmail_send(peer, actor_on(1), 1, "sent", 4, 0) == 0);
        PEER_EXPECT(ringmail_prepare(peer, 0, &longest_ns) >= 0);
        reach(at, 2);
        PEER_EXPECT(ringmail_release(peer) == 0);
        return 0;
      },
      true);
  host.send("", {.sender = actor_on(0)});
  ASSERT_TRUE(await_peer(1));
  const auto asked = host.drain();
  ASSERT_FALSE(asked.empty());
  const auto question = std::ranges::find_if(asked, [](const Mail& mail) { return mail.head.correlation != 0; });
  ASSERT_NE(question, asked.end());
  // A pong must not take along what is open.
  host.send_control("", {.kind = FrameKind::ping, .correlation = 1}, 0);
  host.send_control("!", {.kind = FrameKind::reply, .correlation = question->head.correlation}, 1);
  stage.host = 1;
  ASSERT_TRUE(await_peer(2));
  const auto pong = host.drain();
  ASSERT_EQ(pong.size(), 1u);
  EXPECT_EQ(pong[0].head.kind, FrameKind::pong);
  stage.host = 2;
  EXPECT_EQ(host.join(), 0);
  EXPECT_EQ(texts(host.drain()), std::vector<std::string>{"sent"});
}

TEST_F(CAbiExactlyOnce, passes_what_led_to_nothing_by_the_cursor_alone) {
  start([](AbiPeer& peer, Stage& at) {
    ringmail_message message{};
    for (int i = 0; i < 3; ++i) {
      PEER_EXPECT(peer.next(message) == 1);
      PEER_EXPECT(ringmail_release(peer) == 0);
    }
    PEER_EXPECT(ringmail_receive(peer, &message) == 0);
    reach(at, 1);
    return 0;
  });
  for (int i = 0; i < 3; ++i) host.send("", {.sender = actor_on(0)});
  ASSERT_TRUE(await_peer(1));
  EXPECT_TRUE(host.lane(0).mail_in.empty());
  EXPECT_TRUE(until([&] { return host.unfinished().messages == 0; }));
  stage.host = 1;
  EXPECT_EQ(host.join(), 0);
}

}  // namespace
}  // namespace ringmail::transport::test

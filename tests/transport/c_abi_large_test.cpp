// Messages with bodies through the C ABI: in both directions, kept, given back, waited for, and what a death leaves of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>

#include "abi_pair.hpp"
#include "deadline.hpp"
#include "sanitized.hpp"

namespace ringmail::transport::test {
namespace {

using testing::ElementsAre;
using testing::Field;

constexpr std::uint64_t arena_bytes = 64 * page_bytes;

/// A host with arenas, and a peer.
struct LargePair : Pair {
  template <class Body>
  explicit LargePair(Body body, std::uint64_t arena = arena_bytes) : Pair(body, 1, 4096, arena) {}
};

bool is_filled(const ringmail_body& body, std::uint64_t length, int fill) {
  const auto* const bytes = static_cast<const unsigned char*>(body.data);
  return body.length == length && std::all_of(bytes, bytes + length, [&](unsigned char byte) { return byte == fill; });
}

bool is_whole(TestHost& host) {
  ArenaProducer& bodies = host.bodies_out();
  std::byte* const all = bodies.try_loan(bodies.bytes(), host.lane().mail_out);
  if (all != nullptr) bodies.cancel(all);
  return all != nullptr;
}

TEST(CAbiLarge, a_body_comes_with_its_message_and_goes_with_its_release) {
  LargePair pair([](AbiPeer& peer) {
    ringmail_message message{};
    ringmail_body body{};
    PEER_EXPECT(ringmail_get_body(peer, &body) == 0);
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(message.kind == RINGMAIL_MESSAGE && message.type == 9 && text_of(message) == "shape");
    PEER_EXPECT(ringmail_get_body(peer, &body) == 1);
    PEER_EXPECT(is_filled(body, 100'000, 7));
    PEER_EXPECT(reinterpret_cast<std::uintptr_t>(body.data) % page_bytes == 0);
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(ringmail_get_body(peer, &body) == 0);
    PEER_EXPECT(peer.next(message) == 1 && text_of(message) == "small");
    PEER_EXPECT(ringmail_get_body(peer, &body) == 0);
    return ringmail_release(peer);
  });
  pair.host.send_large("shape", 100'000, std::byte{7}, {.type = 9});
  pair.host.send("small");
  EXPECT_EQ(pair.host.join(), 0);
  EXPECT_TRUE(is_whole(pair.host));
}

TEST(CAbiLarge, a_body_is_written_where_the_host_reads_it) {
  LargePair pair([](AbiPeer& peer) {
    ringmail_body body{};
    PEER_EXPECT(ringmail_loan_large(peer, host_actor, 50'000, 0, &body) == 0);
    PEER_EXPECT(body.length == 50'000);
    std::memset(body.data, 3, 50'000);
    PEER_EXPECT(send(peer, "before") == 0);
    PEER_EXPECT(ringmail_send_large(peer, host_actor, 11, "shape", 5, &body, 0) == 0);
    PEER_EXPECT(ringmail_send_large(peer, host_actor, 11, "shape", 5, &body, 0) == RINGMAIL_EMISUSE);
    std::uint32_t correlation = 0;
    PEER_EXPECT(ringmail_loan_large(peer, host_actor, 0, 0, &body) == 0);
    PEER_EXPECT(ringmail_ask_large(peer, host_actor, 12, nullptr, 0, &body, 0, 1'000'000'000'000, &correlation) == 0);
    PEER_EXPECT(correlation != 0);
    return ringmail_flush(peer);
  });
  const auto came = pair.host.drain_until(3);
  ASSERT_THAT(came, ElementsAre(Field(&Mail::text, "before"), Field(&Mail::text, "shape"), Field(&Mail::text, "")));
  ASSERT_TRUE(came[1].body);
  EXPECT_EQ(came[1].head.type, 11u);
  EXPECT_EQ(came[1].body->length, 50'000u);
  EXPECT_EQ(came[1].body->data[49'999], std::byte{3});
  ASSERT_TRUE(came[2].body);
  EXPECT_EQ(came[2].body->length, 0u);
  EXPECT_NE(came[2].head.correlation, 0u);
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiLarge, what_is_kept_outlives_its_message_and_the_link) {
  LargePair pair([](AbiPeer& peer) {
    ringmail_message message{};
    ringmail_body kept{}, other{};
    PEER_EXPECT(peer.next(message) == 1 && ringmail_keep(peer, &kept) == 1);
    PEER_EXPECT(ringmail_keep(peer, &other) == 0);
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(peer.next(message) == 1 && ringmail_keep(peer, &other) == 1 && ringmail_release(peer) == 0);
    PEER_EXPECT(is_filled(kept, 1000, 1) && is_filled(other, 2000, 2));
    PEER_EXPECT(step(peer) == 0);
    std::thread([&other] { ringmail_unkeep(&other); }).join();
    PEER_EXPECT(ringmail_unkeep(&other) == RINGMAIL_EMISUSE);
    PEER_EXPECT(step(peer) == 0);
    peer.detach();
    PEER_EXPECT(is_filled(kept, 1000, 1));
    PEER_EXPECT(ringmail_unkeep(&kept) == 0);
    return 0;
  });
  pair.host.send_large("", 1000, std::byte{1});
  pair.host.send_large("", 2000, std::byte{2});
  pair.wait_for_step();
  ArenaProducer& bodies = pair.host.bodies_out();
  EXPECT_FALSE(is_whole(pair.host));
  EXPECT_EQ(bodies.blocks(), 2u);
  pair.next_step();
  pair.wait_for_step();
  EXPECT_FALSE(is_whole(pair.host));
  EXPECT_EQ(bodies.blocks(), 1u);
  pair.next_step();
  EXPECT_EQ(pair.host.join(), 0);
  EXPECT_TRUE(is_whole(pair.host));
}

TEST(CAbiLarge, a_broken_rule_is_told_and_changes_nothing) {
  LargePair pair([](AbiPeer& peer) {
    ringmail_body body{}, none{};
    PEER_EXPECT(ringmail_loan_large(peer, host_actor, arena_bytes + 1, 0, &body) == RINGMAIL_ETOOLONG);
    PEER_EXPECT(ringmail_loan_large(peer, 0, 1, 0, &body) == RINGMAIL_ENOTFOUND);
    PEER_EXPECT(ringmail_loan_large(peer, actor_on(1), 1, 0, &body) == RINGMAIL_ENOTFOUND);
    PEER_EXPECT(ringmail_cancel_large(peer, &none) == RINGMAIL_EMISUSE);
    PEER_EXPECT(ringmail_send_large(peer, host_actor, 1, "", 0, &none, 0) == RINGMAIL_EMISUSE);
    PEER_EXPECT(ringmail_unkeep(&none) == RINGMAIL_EMISUSE);
    PEER_EXPECT(ringmail_want_large(peer, host_actor, 1) == RINGMAIL_EMISUSE);
    PEER_EXPECT(ringmail_loan_large(peer, host_actor, arena_bytes, 0, &body) == 0);
    const std::string most(2048 - 32 - 32, 'm');
    const auto length = static_cast<std::uint32_t>(most.size());
    PEER_EXPECT(ringmail_send_large(peer, host_actor, 1, most.data(), length + 1, &body, 0) == RINGMAIL_ETOOLONG);
    PEER_EXPECT(ringmail_cancel_large(peer, &body) == 0);
    PEER_EXPECT(ringmail_cancel_large(peer, &body) == RINGMAIL_EMISUSE);
    PEER_EXPECT(ringmail_loan_large(peer, host_actor, arena_bytes, 0, &body) == 0);
    PEER_EXPECT(ringmail_send_large(peer, host_actor, 1, most.data(), length, &body, 0) == 0);
    return ringmail_flush(peer);
  });
  EXPECT_THAT(pair.host.drain_until(1), ElementsAre(Field(&Mail::text, testing::SizeIs(2048 - 64))));
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiLarge, where_the_host_has_no_arena_there_are_no_bodies) {
  Pair pair([](AbiPeer& peer) {
    ringmail_body body{};
    PEER_EXPECT(ringmail_loan_large(peer, host_actor, 1, 0, &body) == RINGMAIL_ETOOLONG);
    PEER_EXPECT(peer.error() == "a body of 1 bytes is more than the host has room for (0)");
    return 0;
  });
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiLarge, a_full_arena_is_waited_for_as_long_as_was_said) {
  LargePair pair([](AbiPeer& peer) {
    ringmail_body body{};
    PEER_EXPECT(ringmail_loan_large(peer, host_actor, arena_bytes, 0, &body) == 0);
    std::memset(body.data, 1, body.length);
    PEER_EXPECT(ringmail_send_large(peer, host_actor, 1, "", 0, &body, 0) == 0);
    PEER_EXPECT(ringmail_loan_large(peer, host_actor, 1, 0, &body) == RINGMAIL_EFULL);
    PEER_EXPECT(peer.error() == "no room in the arena to the host");
    PEER_EXPECT(ringmail_loan_large(peer, host_actor, 1, 10'000'000, &body) == RINGMAIL_EFULL);
    // The ring has room all the while.
    PEER_EXPECT(send(peer, "asleep", 0) == 0);
    PEER_EXPECT(ringmail_loan_large(peer, host_actor, 1, -1, &body) == 0);
    return ringmail_cancel_large(peer, &body);
  });
  const auto came = pair.host.drain_until(2);
  ASSERT_EQ(came.size(), 2u);
  pair.host.await_parked();
  pair.host.bodies_in()->give_back(*came[0].body);
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiLarge, a_loop_is_woken_when_bodies_have_come_back) {
  TestHost host(1, 4096, arena_bytes);
  host.spawn([]() -> int {
    ringmail_options options = RINGMAIL_OPTIONS_INIT;
    options.pollable = 1;
    AbiPeer peer(&options);
    PEER_EXPECT(peer.attached() == 0);
    PEER_EXPECT(ringmail_want_large(peer, host_actor, arena_bytes) == 1);
    ringmail_body body{};
    PEER_EXPECT(ringmail_loan_large(peer, host_actor, arena_bytes, 0, &body) == 0);
    PEER_EXPECT(ringmail_send_large(peer, host_actor, 1, "", 0, &body, 0) == 0);
    int wanted = 0;
    while ((wanted = ringmail_want_large(peer, host_actor, 1)) == 0) {
      std::int64_t longest_ns = 0;
      const int looked = ringmail_prepare(peer, 1, &longest_ns);
      PEER_EXPECT(looked >= 0);
      if (looked != 0) continue;
      pollfd polled{ringmail_descriptor(peer), POLLIN, 0};
      PEER_EXPECT(poll(&polled, 1, -1) == 1);
      PEER_EXPECT(ringmail_resume(peer) == 0);
    }
    PEER_EXPECT(wanted == 1);
    return 0;
  });
  ASSERT_TRUE(host.shake_hands());
  const auto came = host.drain_until(1);
  ASSERT_EQ(came.size(), 1u);
  host.await_parked();
  host.bodies_in()->give_back(*came[0].body);
  EXPECT_EQ(host.join(), 0);
}

// --- Death

TEST(CAbiLarge, a_death_gives_back_what_was_kept_and_brings_the_rest_again) {
  LargePair pair([](AbiPeer& peer) {
    ringmail_message message{};
    ringmail_body body{};
    PEER_EXPECT(peer.next(message) == 1 && ringmail_keep(peer, &body) == 1 && ringmail_release(peer) == 0);
    PEER_EXPECT(peer.next(message) == 1 && ringmail_keep(peer, &body) == 1);  // the second is not finished
    ringmail_unkeep(&body);                                                   // and yet given back
    raise(SIGKILL);
    return 1;
  });
  pair.host.send_large("one", 1000, std::byte{1});
  pair.host.send_large("two", 2000, std::byte{2});
  pair.host.send_large("three", 3000, std::byte{3});
  EXPECT_EQ(pair.host.join(), -SIGKILL);
  EXPECT_EQ(pair.host.bodies_out().blocks(), 3u);
  ASSERT_TRUE(pair.host.respawn([]() -> int {
    AbiPeer peer;
    PEER_EXPECT(peer.attached() == 0);
    ringmail_message message{};
    ringmail_body body{};
    PEER_EXPECT(peer.next(message) == 1 && text_of(message) == "two" && message.redelivered != 0);
    PEER_EXPECT(ringmail_get_body(peer, &body) == 1 && is_filled(body, 2000, 2) && ringmail_release(peer) == 0);
    PEER_EXPECT(peer.next(message) == 1 && text_of(message) == "three");
    PEER_EXPECT(ringmail_get_body(peer, &body) == 1 && is_filled(body, 3000, 3) && ringmail_release(peer) == 0);
    PEER_EXPECT(peer.next(message) == 1 && text_of(message) == "four");
    PEER_EXPECT(ringmail_get_body(peer, &body) == 1 && is_filled(body, arena_bytes / 2, 4));
    return ringmail_release(peer);
  }));
  EXPECT_EQ(pair.host.bodies_out().blocks(), 2u) << "the first was finished";
  pair.host.send_large("four", arena_bytes / 2, std::byte{4});
  EXPECT_EQ(pair.host.join(), 0);
  EXPECT_TRUE(is_whole(pair.host));
}

TEST(CAbiLarge, a_body_outlives_the_peer_that_wrote_it) {
  LargePair pair([](AbiPeer& peer) {
    ringmail_body body{};
    PEER_EXPECT(ringmail_loan_large(peer, host_actor, 9000, 0, &body) == 0);
    std::memset(body.data, 5, body.length);
    PEER_EXPECT(ringmail_send_large(peer, host_actor, 1, "", 0, &body, 0) == 0 && ringmail_flush(peer) == 0);
    raise(SIGKILL);
    return 1;
  });
  EXPECT_EQ(pair.host.join(), -SIGKILL);
  const auto came = pair.host.drain();
  ASSERT_EQ(came.size(), 1u);
  const auto source = pair.host.bodies_in();
  ASSERT_TRUE(pair.host.respawn([]() -> int {
    AbiPeer peer;
    ringmail_body body{};
    PEER_EXPECT(ringmail_loan_large(peer, host_actor, arena_bytes, 0, &body) == 0);
    std::memset(body.data, 6, body.length);
    return 0;
  }));
  EXPECT_EQ(pair.host.join(), 0);
  EXPECT_EQ(came[0].body->data[8999], std::byte{5});
  source->give_back(*came[0].body);
}

// --- Hostile

TEST(CAbiLarge, a_host_that_sends_impossible_bodies_is_at_fault) {
  const auto error_after = [](BodyPlace place) {
    LargePair pair([](AbiPeer& peer) {
      ringmail_message message{};
      PEER_EXPECT(peer.next(message) == RINGMAIL_EPROTOCOL);
      PEER_EXPECT(contains(peer.error(), "the host broke the protocol: a body reaches past the end of its arena"));
      return 0;
    });
    pair.host.send({reinterpret_cast<const char*>(&place), sizeof place}, {.kind = FrameKind::large});
    return pair.host.join();
  };
  EXPECT_EQ(error_after({.offset = arena_bytes, .length = 1, .slot = 0, .serial = 1}), 0);
  EXPECT_EQ(error_after({.offset = 0, .length = UINT64_MAX, .slot = 0, .serial = 1}), 0);
}

// --- What it is for

/// What this process has for itself, in bytes: shared memory is not counted.
std::uint64_t anonymous_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::stoull(line.substr(8)) * 1024;
  }
  return 0;
}

TEST(CAbiLarge, gigabytes_go_through_and_are_not_copied) {
  if (sanitized) GTEST_SKIP() << "there the memory is the sanitizer's";
  constexpr std::uint64_t length = std::uint64_t{1} << 28;
  constexpr int rounds = 8;  // of as much each way
  constexpr std::uint64_t little = 16 << 20;
  LargePair pair(
      [](AbiPeer& peer) {
        const std::uint64_t before = anonymous_bytes();
        ringmail_message message{};
        ringmail_body in{}, out{};
        for (int i = 0; i < rounds; ++i) {
          PEER_EXPECT(peer.next(message) == 1 && ringmail_get_body(peer, &in) == 1 && in.length == length);
          PEER_EXPECT(ringmail_loan_large(peer, host_actor, length, -1, &out) == 0);
          auto* const written = static_cast<unsigned char*>(out.data);
          const auto* const read = static_cast<const unsigned char*>(in.data);
          for (std::uint64_t at = 0; at < length; at += page_bytes) {
            PEER_EXPECT(read[at] == i);
            written[at] = static_cast<unsigned char>(i + 1);
          }
          PEER_EXPECT(ringmail_send_large(peer, host_actor, 1, "", 0, &out, -1) == 0);
          PEER_EXPECT(ringmail_release(peer) == 0);
        }
        PEER_EXPECT(anonymous_bytes() < before + little);
        return 0;
      },
      length);
  const std::uint64_t before = anonymous_bytes();
  TestHost& host = pair.host;
  for (int i = 0; i < rounds; ++i) {
    std::byte* const block = host.loan_block(length);
    ASSERT_NE(block, nullptr);
    for (std::uint64_t at = 0; at < length; at += page_bytes) block[at] = static_cast<std::byte>(i);
    host.send_block(block);
    const auto came = host.drain_until(1);
    ASSERT_EQ(came.size(), 1u);
    ASSERT_TRUE(came[0].body);
    ASSERT_EQ(came[0].body->length, length);
    for (std::uint64_t at = 0; at < length; at += page_bytes) {
      ASSERT_EQ(came[0].body->data[at], static_cast<std::byte>(i + 1));
    }
    host.bodies_in()->give_back(*came[0].body);
  }
  EXPECT_LT(anonymous_bytes(), before + little);
  EXPECT_EQ(host.join(), 0);
}

}  // namespace
}  // namespace ringmail::transport::test

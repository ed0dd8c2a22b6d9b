// Mistakes that others made in rings like these; docs/traps.md says which, and names the tests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "abi_pair.hpp"
#include "test_ring.hpp"

namespace ringmail::transport::test {
namespace {

using testing::ElementsAre;

constexpr std::uint64_t lines = page_bytes / line_bytes;

// A loan that did not fit before the end has moved past it. Given back, the room before the end must be there again, and the
// batch that was open must not have lost its place.
TEST(Traps, a_loan_across_the_wrap_is_rolled_back_to_where_it_began) {
  for (std::uint64_t left = 2; left < 20; ++left) {
    SCOPED_TRACE(left);
    TestRing ring;
    auto producer = ring.producer();
    auto consumer = ring.consumer();
    for (std::uint64_t line = 0; line < lines - left; ++line) {
      ASSERT_TRUE(send(producer, ""));
      ASSERT_TRUE(consumer.peek());
      consumer.advance();
    }
    consumer.store_cursor();

    ASSERT_TRUE(commit(producer, "open"));
    for (int again = 0; again < 3; ++again) {
      const auto length = static_cast<std::uint32_t>(left * line_bytes);
      std::byte* const room = producer.try_loan(length);
      ASSERT_NE(room, nullptr);
      ASSERT_LT(room, ring.data.get() + page_bytes / 2) << "this loan does not cross the end";
      std::memset(room, 0xff, length);
      producer.cancel();
    }
    ASSERT_TRUE(commit(producer, "next"));
    producer.publish();
    auto frame = consumer.peek();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->position, page_bytes - left * line_bytes);
    consumer.advance();
    frame = consumer.peek();
    ASSERT_TRUE(frame);
    EXPECT_EQ(text_of(*frame), "next");
    EXPECT_EQ(frame->position, page_bytes - (left - 1) * line_bytes) << "the room before the end is lost";
    consumer.advance();

    // And on, over what the loan wrote.
    for (std::uint64_t line = 0; line < 2 * lines; ++line) {
      ASSERT_TRUE(send(producer, std::to_string(line)));
      frame = consumer.peek();
      ASSERT_TRUE(frame) << to_string(consumer.fault());
      ASSERT_EQ(text_of(*frame), std::to_string(line));
      consumer.advance();
      consumer.store_cursor();
    }
  }
}

// A cursor that is told only after so many messages leaves a ring that looks full to its producer and is empty to its
// consumer: both wait, and both are in good health.
TEST(Traps, two_idle_ends_do_not_wait_for_each_other_over_an_empty_ring) {
  constexpr int rounds = 100;
  Pair pair([](AbiPeer& peer) {
    ringmail_message message{};
    for (int count = 0; count < 2 * rounds; ++count) {
      PEER_EXPECT(peer.next(message) == 1);
      PEER_EXPECT(ringmail_release(peer) == 0);
    }
    return 0;
  });
  // Less than any quarter, and then half the ring, which needs all that was told and all that was not.
  const std::string half(pair.host.lane().mail_out.max_payload(), 'h');
  for (int round = 0; round < rounds; ++round) {
    pair.host.send("little");
    pair.host.send(half);
    if (HasFatalFailure()) break;
  }
  EXPECT_EQ(pair.host.join(), 0);
}

// It would wait for room that no consumer can make.
TEST(Traps, a_message_of_more_than_half_the_ring_is_refused_at_once_and_by_name) {
  Pair pair([](AbiPeer& peer) {
    const std::uint32_t most = 4096 / 2 - 32;
    const std::string text(most + 1, 'x');
    void* room = nullptr;
    PEER_EXPECT(send(peer, text) == RINGMAIL_ETOOLONG);
    PEER_EXPECT(contains(peer.error(), "2017 bytes is more than half a ring (2016)"));
    PEER_EXPECT(ringmail_loan(peer, host_actor, most + 1, -1, &room) == RINGMAIL_ETOOLONG);
    PEER_EXPECT(ringmail_loan(peer, host_actor, UINT32_MAX, -1, &room) == RINGMAIL_ETOOLONG);
    PEER_EXPECT(send(peer, std::string_view(text).substr(1)) == 0);
    PEER_EXPECT(ringmail_flush(peer) == 0);
    return step(peer);
  });
  pair.wait_for_step();
  const auto came = pair.host.drain();
  ASSERT_EQ(came.size(), 1u);
  EXPECT_EQ(came[0].text.size(), 2016u);
  pair.next_step();
  EXPECT_EQ(pair.host.join(), 0);
}

}  // namespace
}  // namespace ringmail::transport::test

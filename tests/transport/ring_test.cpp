#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "deadline.hpp"
#include "test_ring.hpp"

namespace ringmail::transport::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t lines = page_bytes / line_bytes;

TEST(Ring, a_frame_arrives_with_its_head_and_payload) {
  TestRing ring;
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  ASSERT_TRUE(send(producer, "one", {.kind = FrameKind::reply, .type = 2, .correlation = 3, .target = 4, .sender = 5}));

  const auto frame = consumer.peek();
  ASSERT_TRUE(frame);
  EXPECT_EQ(text_of(*frame), "one");
  EXPECT_EQ(frame->head.kind, FrameKind::reply);
  EXPECT_EQ(frame->head.type, 2u);
  EXPECT_EQ(frame->head.correlation, 3u);
  EXPECT_EQ(frame->head.target, 4u);
  EXPECT_EQ(frame->head.sender, 5u);
  EXPECT_EQ(frame->position, 0u);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(frame->payload) % 32, 0u);
  consumer.advance();
  EXPECT_FALSE(consumer.peek());
  EXPECT_EQ(consumer.fault(), RingFault::none);
}

TEST(Ring, a_committed_frame_is_seen_only_once_it_is_published) {
  TestRing ring;
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  EXPECT_FALSE(producer.publish());
  ASSERT_TRUE(commit(producer, "one"));
  EXPECT_TRUE(producer.has_open_batch());
  EXPECT_TRUE(consumer.empty());
  EXPECT_FALSE(consumer.peek());
  EXPECT_EQ(producer.published_messages(), 0u);
  EXPECT_TRUE(producer.publish());
  EXPECT_FALSE(producer.has_open_batch());
  EXPECT_FALSE(consumer.empty());
  EXPECT_THAT(drain(consumer), ElementsAre("one"));
  EXPECT_EQ(producer.published_messages(), 1u);
}

TEST(Ring, one_store_publishes_a_batch) {
  TestRing ring;
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  for (const char* text : {"one", "two", "three"}) ASSERT_TRUE(commit(producer, text));
  // The commit words of the later frames stand already; who polls for the first cannot reach them.
  EXPECT_EQ(ring.word(0), 0u);
  EXPECT_NE(ring.word(line_bytes), 0u);
  EXPECT_NE(ring.word(2 * line_bytes), 0u);
  EXPECT_EQ(ring.word(3 * line_bytes), 0u);
  EXPECT_THAT(drain(consumer), IsEmpty());
  producer.publish();
  EXPECT_THAT(drain(consumer), ElementsAre("one", "two", "three"));
}

TEST(Ring, an_empty_message_is_a_message) {
  TestRing ring;
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  ASSERT_TRUE(send(producer, ""));
  ASSERT_TRUE(send(producer, ""));
  EXPECT_THAT(drain(consumer), ElementsAre("", ""));
}

TEST(Ring, a_full_ring_refuses_a_loan_until_the_cursor_is_stored) {
  TestRing ring;
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  // One line stays free: the terminator's.
  for (std::uint64_t line = 0; line + 1 < lines; ++line) ASSERT_TRUE(send(producer, "x")) << line;
  EXPECT_FALSE(send(producer, "x"));
  EXPECT_EQ(ring.word(page_bytes - line_bytes), 0u);

  ASSERT_TRUE(consumer.peek());
  consumer.advance();
  EXPECT_FALSE(send(producer, "x")) << "finished, but nobody has said so";
  consumer.store_cursor();
  EXPECT_TRUE(send(producer, "y"));
  EXPECT_FALSE(send(producer, "y"));
  EXPECT_EQ(producer.fault(), RingFault::none);
  EXPECT_EQ(drain(consumer).size(), lines - 1);
}

TEST(Ring, padding_is_published_together_with_its_message) {
  TestRing ring;
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  skip_lines(producer, consumer, lines - 2);
  const std::string text(3 * line_bytes, 'm');
  const std::uint64_t padding_at = page_bytes - 2 * line_bytes;

  ASSERT_TRUE(commit(producer, text));
  EXPECT_EQ(ring.word(padding_at), 0u);
  EXPECT_NE(ring.word(0), 0u) << "the message stands behind its padding, out of reach";
  EXPECT_FALSE(consumer.peek());
  producer.publish();
  EXPECT_EQ(std::bit_cast<CommitWord>(ring.word(padding_at)).kind, FrameKind::padding);

  const auto frame = consumer.peek();
  ASSERT_TRUE(frame);
  EXPECT_EQ(text_of(*frame), text);
  EXPECT_EQ(frame->position, page_bytes);
  EXPECT_EQ(producer.published_messages(), lines - 1) << "padding is no message";
}

TEST(Ring, a_message_of_half_the_ring_fits_an_empty_ring_at_every_offset) {
  for (std::uint64_t offset = 0; offset < lines; ++offset) {
    TestRing ring;
    auto producer = ring.producer();
    auto consumer = ring.consumer();
    skip_lines(producer, consumer, offset);
    const std::string text(producer.max_payload(), static_cast<char>('a' + offset % 26));
    ASSERT_TRUE(send(producer, text)) << "at line " << offset;
    ASSERT_THAT(drain(consumer), ElementsAre(text)) << "at line " << offset;
  }
}

TEST(Ring, a_cancelled_loan_leaves_no_trace) {
  for (std::uint64_t offset = 0; offset < lines; ++offset) {
    TestRing ring;
    auto producer = ring.producer();
    auto consumer = ring.consumer();
    skip_lines(producer, consumer, offset);
    std::byte* room = producer.try_loan(producer.max_payload());
    ASSERT_NE(room, nullptr);
    std::memset(room, 0xff, producer.max_payload());
    producer.cancel();
    EXPECT_FALSE(producer.publish());
    EXPECT_FALSE(consumer.peek());
    // The bytes of the loan stand where the next commit words are looked for.
    for (const char* text : {"one", "two"}) {
      ASSERT_TRUE(send(producer, text));
      ASSERT_THAT(drain(consumer), ElementsAre(text)) << "at line " << offset;
      ASSERT_EQ(consumer.fault(), RingFault::none);
    }
  }
}

TEST(Ring, a_cancelled_loan_does_not_touch_the_open_batch) {
  TestRing ring;
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  ASSERT_TRUE(commit(producer, "one"));
  ASSERT_NE(producer.try_loan(100), nullptr);
  producer.publish();
  EXPECT_THAT(drain(consumer), ElementsAre("one"));
  producer.cancel();
  ASSERT_TRUE(send(producer, "two"));
  EXPECT_THAT(drain(consumer), ElementsAre("two"));
}

// Some terminators are written ahead of time, after a publish. Wherever the next frame ends, one stands there before it is
// published: the open loan keeps those of the same publish away.
TEST(Ring, a_frame_of_any_length_ends_in_front_of_a_terminator) {
  for (std::uint64_t length = 1; length <= lines / 2; ++length) {
    TestRing ring;
    std::memset(ring.data.get(), 0xff, ring.capacity);
    std::memset(ring.data.get(), 0, sizeof(CommitWord));
    auto producer = ring.producer();
    auto consumer = ring.consumer();
    send(producer, "");
    drain(consumer);
    const std::string text(length * line_bytes - sizeof(FrameHeader), 'x');
    ASSERT_TRUE(commit(producer, text));
    ASSERT_NE(producer.try_loan(0), nullptr);
    producer.publish();
    EXPECT_EQ(ring.word(producer.tail()), 0u) << "behind " << length << " lines";
    EXPECT_THAT(drain(consumer), ElementsAre(text));
  }
}

TEST(Ring, publishing_does_not_touch_the_open_loan) {
  TestRing ring;
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  ASSERT_TRUE(commit(producer, "one"));
  const std::string text(10 * line_bytes, 'x');
  std::byte* room = producer.try_loan(static_cast<std::uint32_t>(text.size()));
  ASSERT_NE(room, nullptr);
  std::memcpy(room, text.data(), text.size());
  producer.publish();
  EXPECT_THAT(drain(consumer), ElementsAre("one"));
  producer.commit({});
  producer.publish();
  EXPECT_THAT(drain(consumer), ElementsAre(text));
}

TEST(Ring, the_sequence_number_wraps) {
  TestRing ring;
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  for (std::uint32_t i = 0; i < 2 * 65536 + 10; ++i) {
    ASSERT_TRUE(send(producer, "x"));
    ASSERT_TRUE(consumer.peek()) << i;
    consumer.advance();
    consumer.store_cursor();
  }
  EXPECT_EQ(consumer.fault(), RingFault::none);
}

TEST(Ring, peek_gives_the_same_frame_until_advance) {
  TestRing ring;
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  send(producer, "one");
  send(producer, "two");
  EXPECT_EQ(text_of(*consumer.peek()), "one");
  EXPECT_EQ(text_of(*consumer.peek()), "one");
  consumer.advance();
  EXPECT_EQ(text_of(*consumer.peek()), "two");
}

TEST(Ring, a_cursor_is_due_when_a_quarter_of_the_ring_is_finished) {
  TestRing ring;
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  for (std::uint64_t line = 0; line < lines / 4; ++line) {
    EXPECT_FALSE(consumer.cursor_due()) << line;
    ASSERT_TRUE(send(producer, ""));
    ASSERT_TRUE(consumer.peek());
    consumer.advance();
  }
  EXPECT_TRUE(consumer.cursor_due());
  consumer.store_cursor();
  EXPECT_FALSE(consumer.cursor_due());
}

TEST(Ring, a_stored_cursor_tells_whether_the_producer_wants_room) {
  TestRing ring;
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  const auto finish_one = [&] {
    send(producer, "x");
    static_cast<void>(consumer.peek());
    consumer.advance();
  };
  finish_one();
  EXPECT_FALSE(consumer.store_cursor());
  producer.want_room(true);
  EXPECT_FALSE(consumer.store_cursor()) << "a cursor that did not move makes no room";
  finish_one();
  EXPECT_TRUE(consumer.store_cursor());
  producer.want_room(false);
  finish_one();
  EXPECT_FALSE(consumer.store_cursor());
}

TEST(Ring, the_frame_in_hand_is_told_from_none) {
  TestRing ring;
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  send(producer, "one");
  send(producer, "two");
  EXPECT_EQ(producer.in_hand() % line_bytes, line_bytes - 1) << "no frame starts there";
  for (const std::uint64_t position : {std::uint64_t{0}, line_bytes}) {
    ASSERT_TRUE(consumer.peek());
    consumer.begin();
    EXPECT_EQ(producer.in_hand(), position);
    consumer.advance();
  }
}

TEST(Ring, the_producer_sees_the_cold_mark) {
  TestRing ring;
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  EXPECT_EQ(producer.cold_mark(), 0u);
  consumer.mark_cold(7);
  EXPECT_EQ(producer.cold_mark(), 7u);
  consumer.mark_cold(0);
  EXPECT_EQ(producer.cold_mark(), 0u);
}

TEST(Ring, a_frame_is_laid_out_as_the_specification_says) {
  TestRing ring;
  auto producer = ring.producer();
  std::memset(ring.data.get() + 8, 0xee, 2 * line_bytes);
  ASSERT_TRUE(
      send(producer, "hello", {.type = 0x11223344, .correlation = 9, .target = 0x0010'0000'0000'0001, .sender = 2}));
  constexpr unsigned char expected[] = {0x05, 0,   0,   0,   2,  0, 0,    0, 0x44, 0x33, 0x22, 0x11, 9, 0, 0, 0,  //
                                        1,    0,   0,   0,   0,  0, 0x10, 0, 2,    0,    0,    0,    0, 0, 0, 0,  //
                                        'h',  'e', 'l', 'l', 'o'};
  EXPECT_EQ(std::memcmp(ring.data.get(), expected, sizeof expected), 0);
  EXPECT_EQ(ring.word(line_bytes), 0u);
}

// Every length at every offset, against a queue: what goes in comes out, in order, and nothing else.
TEST(Ring, behaves_as_a_queue) {
  std::mt19937_64 random(seed());
  TestRing ring(2 * page_bytes);
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  std::deque<std::string> model;
  std::uint64_t refused = 0;
  for (int step = 0; step < 60'000; ++step) {
    if (random() % 2 == 0) {
      const std::size_t most = random() % 8 == 0 ? producer.max_payload() : 200;
      const std::string text(random() % (most + 1), static_cast<char>('a' + step % 26));
      if (commit(producer, text)) {
        model.push_back(text);
      } else {
        ++refused;
      }
      if (random() % 3 == 0) producer.publish();
    } else if (random() % 4 == 0) {
      producer.publish();
      for (std::uint64_t count = random() % 20; count > 0 && !model.empty(); --count) {
        const auto frame = consumer.peek();
        ASSERT_TRUE(frame);
        ASSERT_EQ(text_of(*frame), model.front());
        model.pop_front();
        consumer.advance();
      }
      if (random() % 2 == 0) consumer.store_cursor();
    }
  }
  producer.publish();
  EXPECT_THAT(drain(consumer), testing::ElementsAreArray(model));
  EXPECT_GT(refused, 0u) << "the ring was never full";
  EXPECT_EQ(producer.fault(), RingFault::none);
}

}  // namespace
}  // namespace ringmail::transport::test

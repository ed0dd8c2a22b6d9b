// Acknowledgements as the producer of the mail sees them: which count, and what is wrong with the others.
#include "ringmail/transport/acknowledged.hpp"

#include <gtest/gtest.h>

#include "test_ring.hpp"

namespace ringmail::transport::test {
namespace {

class AcknowledgedTest : public testing::Test {
 protected:
  /// One of a line, one of three, one of two.
  AcknowledgedTest() {
    for (const std::uint32_t length : {8u, 150u, 80u}) {
      EXPECT_TRUE(send(producer, std::string(length, 'x')));
      ends.push_back(producer.tail());
    }
  }

  TestRing ring;
  RingProducer producer = ring.producer();
  RingConsumer consumer = ring.consumer();
  std::vector<std::uint64_t> ends;
  Acknowledged acknowledged;
};

TEST_F(AcknowledgedTest, positions_behind_messages_count) {
  for (const std::uint64_t end : ends) {
    EXPECT_EQ(acknowledged.take(end, producer), RingFault::none);
    EXPECT_EQ(acknowledged.position(), end);
  }
}

TEST_F(AcknowledgedTest, several_messages_may_be_acknowledged_at_once) {
  EXPECT_EQ(acknowledged.take(ends[1], producer), RingFault::none);
  EXPECT_EQ(producer.unfinished(acknowledged.position()).messages, 1u);
  EXPECT_EQ(producer.unfinished().messages, 3u);
}

TEST_F(AcknowledgedTest, every_other_position_has_a_name_and_does_not_count) {
  ASSERT_EQ(acknowledged.take(ends[0], producer), RingFault::none);
  EXPECT_EQ(acknowledged.take(ends[0] + 8, producer), RingFault::acknowledgement_unaligned);
  EXPECT_EQ(acknowledged.take(ends[0] + 64, producer), RingFault::acknowledgement_unaligned) << "inside a frame";
  EXPECT_EQ(acknowledged.take(ends[1] - 64, producer), RingFault::acknowledgement_unaligned) << "inside a frame";
  EXPECT_EQ(acknowledged.take(ends[0], producer), RingFault::acknowledgement_backwards);
  EXPECT_EQ(acknowledged.take(0, producer), RingFault::acknowledgement_backwards);
  EXPECT_EQ(acknowledged.take(ends[2] + 64, producer), RingFault::acknowledgement_past_tail);
  EXPECT_EQ(acknowledged.take(~std::uint64_t{63}, producer), RingFault::acknowledgement_past_tail);
  EXPECT_EQ(acknowledged.position(), ends[0]);
}

TEST_F(AcknowledgedTest, what_is_not_published_cannot_be_acknowledged) {
  ASSERT_TRUE(commit(producer, "open"));
  EXPECT_EQ(acknowledged.take(producer.end(), producer), RingFault::acknowledgement_past_tail);
}

TEST_F(AcknowledgedTest, one_that_comes_when_the_cursor_has_passed_it_and_its_frame_is_overwritten_counts_for_nothing) {
  // The cursor was stored behind the acknowledgement, and is seen before it.
  while (consumer.peek()) consumer.advance();
  consumer.store_cursor();
  std::uint64_t sent = 0;
  while (send(producer, std::string(80, 'y'))) ++sent;
  ASSERT_GT(producer.cursor(), 0u);
  EXPECT_EQ(acknowledged.take(ends[0], producer), RingFault::none);
  EXPECT_EQ(acknowledged.take(ends[1], producer), RingFault::none);
  EXPECT_EQ(producer.unfinished(acknowledged.position()).messages, sent);
  const std::uint64_t first = producer.cursor();
  EXPECT_EQ(acknowledged.take(first + 64, producer), RingFault::acknowledgement_unaligned);
  EXPECT_EQ(acknowledged.take(first + 128, producer), RingFault::none);
  EXPECT_EQ(producer.unfinished(acknowledged.position()).messages, sent - 1);
}

TEST_F(AcknowledgedTest, over_the_end_of_the_ring_padding_is_passed_with_what_is_before_or_behind_it) {
  while (consumer.peek()) consumer.advance();
  consumer.store_cursor();
  const std::uint64_t line = page_bytes - 64;
  while (producer.tail() < line) ASSERT_TRUE(send(producer, std::string(32, 'z')));
  while (consumer.peek()) consumer.advance();
  consumer.store_cursor();
  ASSERT_EQ(producer.tail(), line);
  ASSERT_TRUE(send(producer, std::string(100, 'p')));  // behind a line of padding
  ASSERT_EQ(producer.tail(), page_bytes + 192);
  ASSERT_TRUE(send(producer, "last"));
  EXPECT_EQ(acknowledged.take(page_bytes + 64, producer), RingFault::acknowledgement_unaligned);
  EXPECT_EQ(acknowledged.take(page_bytes + 192, producer), RingFault::none);
  EXPECT_EQ(producer.unfinished(acknowledged.position()).messages, 1u);
}

TEST_F(AcknowledgedTest, a_cursor_that_is_impossible_does_not_undo_it) {
  ASSERT_EQ(acknowledged.take(ends[1], producer), RingFault::none);
  ring.consumer_block.cursor = 8;
  const auto left = producer.unfinished(acknowledged.position());
  EXPECT_EQ(producer.fault(), RingFault::cursor_unaligned);
  EXPECT_EQ(left.cursor, ends[1]);
  EXPECT_EQ(left.messages, 1u);
}

}  // namespace
}  // namespace ringmail::transport::test

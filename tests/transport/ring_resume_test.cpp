// A consumer is gone: what it has not finished, and how the next one takes up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deadline.hpp"
#include "test_ring.hpp"

namespace ringmail::transport::test {
namespace {

using testing::ElementsAre;

constexpr std::uint64_t lines = page_bytes / line_bytes;

void finish(RingConsumer& consumer, int messages) {
  for (; messages > 0; --messages) {
    ASSERT_TRUE(consumer.peek());
    consumer.advance();
  }
}

TEST(RingResume, what_is_behind_the_stored_cursor_is_unfinished) {
  TestRing ring;
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  EXPECT_EQ(producer.unfinished().messages, 0u);
  for (const char* text : {"one", "two", "three"}) send(producer, text);
  finish(consumer, 1);
  EXPECT_EQ(producer.unfinished().messages, 3u) << "finished, but the cursor does not say so";
  consumer.store_cursor();
  const auto found = producer.unfinished();
  EXPECT_EQ(found.messages, 2u);
  EXPECT_EQ(found.cursor, line_bytes);
  EXPECT_EQ(found.sequence, 1u);
  drain(consumer);
  EXPECT_EQ(producer.unfinished().messages, 0u);
  EXPECT_EQ(producer.unfinished().sequence, 3u);
  EXPECT_EQ(producer.fault(), RingFault::none);
}

TEST(RingResume, the_next_consumer_gets_exactly_what_is_unfinished) {
  TestRing ring;
  auto producer = ring.producer();
  auto first = ring.consumer();
  for (const char* text : {"one", "two", "three"}) send(producer, text);
  finish(first, 1);
  first.store_cursor();
  finish(first, 1);

  ConsumerBlock block;
  resume(block, producer);
  auto second = ring.consumer(block);
  EXPECT_THAT(drain(second), ElementsAre("two", "three"));
  EXPECT_EQ(second.fault(), RingFault::none);
  ASSERT_TRUE(send(producer, "four"));
  EXPECT_THAT(drain(second), ElementsAre("four"));
  EXPECT_EQ(producer.unfinished().messages, 0u);
}

TEST(RingResume, a_stray_consumer_moves_nothing) {
  TestRing ring;
  auto producer = ring.producer();
  auto first = ring.consumer();
  for (const char* text : {"one", "two"}) send(producer, text);
  ConsumerBlock block;
  resume(block, producer);
  drain(first);
  EXPECT_EQ(producer.unfinished().messages, 2u);
}

TEST(RingResume, what_is_said_after_the_last_words_does_not_count) {
  TestRing ring;
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  for (const char* text : {"one", "two", "three"}) send(producer, text);
  finish(consumer, 1);
  consumer.store_cursor();
  ASSERT_TRUE(consumer.peek());
  consumer.begin();
  ConsumerBlock last_words;
  producer.freeze_consumer(last_words);
  drain(consumer);
  ASSERT_TRUE(send(producer, "four"));
  const auto found = producer.unfinished();
  EXPECT_EQ(found.messages, 3u);
  ASSERT_TRUE(found.in_hand);
  EXPECT_EQ(found.in_hand->position, found.cursor);
  ConsumerBlock block;
  resume(block, producer);
  auto second = ring.consumer(block);
  EXPECT_THAT(drain(second), ElementsAre("two", "three", "four"));
  EXPECT_EQ(producer.unfinished().messages, 0u);
}

TEST(RingResume, only_what_a_predecessor_may_have_seen_is_marked) {
  TestRing ring;
  auto producer = ring.producer();
  for (const char* text : {"one", "two"}) send(producer, text);
  ConsumerBlock block;
  resume(block, producer);
  send(producer, "three");
  auto consumer = ring.consumer(block);
  for (const bool seen : {true, true, false}) {
    ASSERT_TRUE(consumer.peek());
    EXPECT_EQ(consumer.redelivers(), seen);
    consumer.advance();
  }
}

TEST(RingResume, attempts_are_counted_against_the_first_message_alone) {
  TestRing ring;
  auto producer = ring.producer();
  auto before = ring.consumer();
  skip_lines(producer, before, lines - 1);
  // The message at the cursor has padding in front of it.
  const std::string text(3 * line_bytes, 'a');
  send(producer, text);
  send(producer, "two");
  ConsumerBlock block;
  resume(block, producer, 2);
  auto consumer = ring.consumer(block);
  ASSERT_TRUE(consumer.peek());
  EXPECT_EQ(consumer.attempt(), 2u);
  consumer.advance();
  ASSERT_TRUE(consumer.peek());
  EXPECT_EQ(consumer.attempt(), 0u);
}

TEST(RingResume, what_was_in_hand_is_found_behind_its_padding) {
  TestRing ring;
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  skip_lines(producer, consumer, lines - 1);
  send(producer, std::string(3 * line_bytes, 'a'));
  EXPECT_NE(producer.in_hand(), producer.unfinished().cursor) << "before a handler has begun";
  ASSERT_TRUE(consumer.peek());
  consumer.begin();
  EXPECT_EQ(producer.unfinished().messages, 1u);
  EXPECT_EQ(producer.in_hand(), producer.unfinished().cursor);
}

TEST(RingResume, what_is_in_hand_is_shown_as_its_producer_wrote_it_and_can_be_left_out_with_all_before_it) {
  TestRing ring;
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  for (const char* text : {"one", "two", "three"}) send(producer, text);
  EXPECT_FALSE(producer.unfinished().in_hand) << "before a handler has begun";
  ASSERT_TRUE(consumer.peek());
  consumer.begin();
  consumer.advance();  // and its cursor is not stored yet
  ASSERT_TRUE(consumer.peek());
  consumer.begin();
  const auto left = producer.unfinished();
  EXPECT_EQ(left.messages, 3u);
  ASSERT_TRUE(left.in_hand);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(left.in_hand->payload), left.in_hand->length), "two");

  const auto rest = producer.leave_out_through(*left.in_hand);
  EXPECT_EQ(rest.messages, 1u);
  ConsumerBlock block;
  block.cursor = rest.cursor;
  block.resume_sequence = rest.sequence;
  producer.switch_consumer(&block);
  auto next = ring.consumer(block);
  const auto frame = next.peek();
  ASSERT_TRUE(frame) << to_string(next.fault());
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(frame->payload), frame->length), "three");
  EXPECT_FALSE(next.redelivers());
}

TEST(RingResume, what_is_said_to_be_in_hand_and_is_no_frame_is_nothing) {
  TestRing ring;
  auto producer = ring.producer();
  send(producer, std::string(3 * line_bytes, 'a'));
  ConsumerBlock liar;
  producer.switch_consumer(&liar);
  for (const std::uint64_t said :
       {std::uint64_t{0}, std::uint64_t{2}, line_bytes + 1, 100 * line_bytes + 1, ~std::uint64_t{0}}) {
    liar.in_hand = said;
    EXPECT_FALSE(producer.unfinished().in_hand) << said;
  }
  liar.in_hand = 1;
  EXPECT_TRUE(producer.unfinished().in_hand);
}

TEST(RingResume, a_cursor_is_due_after_each_message_that_may_be_a_repetition) {
  TestRing ring;
  auto producer = ring.producer();
  for (const char* text : {"one", "two"}) send(producer, text);
  ConsumerBlock block;
  resume(block, producer);
  send(producer, "three");
  auto consumer = ring.consumer(block);
  for (const bool due : {true, true, false}) {
    EXPECT_FALSE(consumer.cursor_due());
    finish(consumer, 1);
    EXPECT_EQ(consumer.cursor_due(), due);
    if (due) consumer.store_cursor();
  }
}

TEST(RingResume, a_cursor_inside_a_frame_counts_as_the_last_good_one) {
  TestRing ring;
  auto producer = ring.producer();
  auto first = ring.consumer();
  send(producer, "one");
  drain(first);
  ASSERT_TRUE(producer.refresh_cursor());
  const std::string text(3 * line_bytes, 'a');
  send(producer, text);
  send(producer, "three");
  ring.consumer_block.cursor.store(2 * line_bytes);

  ConsumerBlock block;
  resume(block, producer);
  auto second = ring.consumer(block);
  EXPECT_THAT(drain(second), ElementsAre(text, "three"));
  // And the fault went with the one who was at fault.
  EXPECT_EQ(producer.fault(), RingFault::none);
  EXPECT_TRUE(producer.refresh_cursor());
}

TEST(RingResume, every_bad_cursor_is_reported) {
  for (const auto& [cursor, fault] : {std::pair(2 * line_bytes, RingFault::cursor_unaligned),
                                      {line_bytes + 8, RingFault::cursor_unaligned},
                                      {line_bytes * 60, RingFault::cursor_past_tail}}) {
    TestRing ring;
    auto producer = ring.producer();
    send(producer, "one");
    send(producer, std::string(3 * line_bytes, 'a'));
    ring.consumer_block.cursor.store(cursor);
    const auto found = producer.unfinished();
    EXPECT_EQ(producer.fault(), fault) << cursor;
    EXPECT_EQ(found.cursor, 0u);
    EXPECT_EQ(found.messages, 2u);
  }
}

TEST(RingResume, a_cursor_that_lied_while_the_ring_was_full_costs_its_own_link_alone) {
  TestRing ring;
  auto producer = ring.producer();
  const std::string text(3 * line_bytes, '\1');
  while (send(producer, text)) {
  }
  ring.consumer_block.cursor.store(18 * line_bytes);  // inside a frame, and believed: the room behind it is used
  ASSERT_TRUE(send(producer, text));
  ConsumerBlock block;
  const auto found = producer.unfinished();
  EXPECT_EQ(producer.fault(), RingFault::cursor_unaligned);
  EXPECT_EQ(found.cursor, producer.tail());
  EXPECT_EQ(found.messages, 0u);
  resume(block, producer);
  auto consumer = ring.consumer(block);
  ASSERT_TRUE(send(producer, "good"));
  EXPECT_THAT(drain(consumer), ElementsAre("good"));
  EXPECT_EQ(consumer.fault(), RingFault::none);
}

// Consumers that die at any point, one after another: what each finished and said so, and what it left, add up.
TEST(RingResume, nothing_is_lost_over_many_lives) {
  std::mt19937_64 random(seed());
  TestRing ring;
  auto producer = ring.producer();
  std::uint64_t sent = 0;
  std::uint64_t finished = 0;  // as the cursors say
  auto block = std::make_unique<ConsumerBlock>();
  producer.switch_consumer(block.get());
  for (int life = 0; life < 4000; ++life) {
    auto consumer = ring.consumer(*block);
    std::uint64_t next = finished;
    for (std::uint64_t steps = random() % 40; steps > 0; --steps) {
      std::string text(8 + random() % 400, 'x');
      std::memcpy(text.data(), &sent, sizeof sent);
      if (send(producer, text)) ++sent;
      if (random() % 2 == 0) continue;
      if (const auto frame = consumer.peek()) {
        std::uint64_t number = 0;
        std::memcpy(&number, frame->payload, sizeof number);
        ASSERT_EQ(number, next);
        consumer.advance();
        ++next;
      }
      if (consumer.cursor_due() || random() % 4 == 0) {
        consumer.store_cursor();
        finished = next;
      }
      ASSERT_EQ(consumer.fault(), RingFault::none);
    }
    auto following = std::make_unique<ConsumerBlock>();
    ASSERT_EQ(producer.unfinished().messages, sent - finished);
    resume(*following, producer);
    ASSERT_EQ(producer.fault(), RingFault::none);
    block = std::move(following);
  }
  auto last = ring.consumer(*block);
  EXPECT_EQ(drain(last).size(), sent - finished);
  EXPECT_EQ(producer.published_messages(), sent);
}

}  // namespace
}  // namespace ringmail::transport::test

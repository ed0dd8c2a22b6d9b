// What the other side of a ring wrote is wrong: each way has a name, and none reaches past the ring.
#include <gtest/gtest.h>

#include <ostream>

#include "deadline.hpp"
#include "test_ring.hpp"

namespace ringmail::transport::test {
namespace {

constexpr std::uint64_t lines = page_bytes / line_bytes;
constexpr auto half_ring = static_cast<std::uint32_t>(page_bytes / 2 - sizeof(FrameHeader));

struct Forged {
  const char* name;
  std::uint64_t lines_before;  ///< how far both ends have come
  CommitWord commit;           ///< its sequence is added to what is due
  RingFault fault;
};

void PrintTo(const Forged& forged, std::ostream* out) { *out << forged.name; }

class RingFrameFault : public testing::TestWithParam<Forged> {};

TEST_P(RingFrameFault, is_named_and_final) {
  TestRing ring;
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  skip_lines(producer, consumer, GetParam().lines_before);
  const std::uint64_t at = producer.tail();
  CommitWord commit = GetParam().commit;
  commit.sequence = static_cast<std::uint16_t>(commit.sequence + GetParam().lines_before);
  ring.forge(at, commit);
  EXPECT_FALSE(consumer.peek());
  EXPECT_EQ(consumer.fault(), GetParam().fault) << to_string(consumer.fault());

  // What was once wrong stays wrong, whatever is written afterwards.
  const RingFault first = consumer.fault();
  ASSERT_TRUE(send(producer, "good"));
  EXPECT_FALSE(consumer.peek());
  EXPECT_EQ(consumer.fault(), first);
}

TEST_P(RingFrameFault, would_be_a_frame_if_it_were_not_for_that) {
  TestRing ring;
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  skip_lines(producer, consumer, GetParam().lines_before);
  ring.forge(
      producer.tail(),
      {.length = 0, .kind = FrameKind::message, .sequence = static_cast<std::uint16_t>(GetParam().lines_before)});
  EXPECT_TRUE(consumer.peek());
  EXPECT_EQ(consumer.fault(), RingFault::none);
}

constexpr auto kind(unsigned number) { return static_cast<FrameKind>(number); }

INSTANTIATE_TEST_SUITE_P(
    ,
    RingFrameFault,
    testing::Values(Forged{"longer_than_half", 0, {half_ring + 1, FrameKind::message, 0}, RingFault::frame_too_long},
                    Forged{"longest_length", 0, {UINT32_MAX, FrameKind::message, 0}, RingFault::frame_too_long},
                    Forged{"past_end", lines - 2, {2 * line_bytes, FrameKind::message, 0}, RingFault::frame_past_end},
                    Forged{"kind_0", 0, {8, kind(0), 0}, RingFault::unknown_kind},
                    Forged{"kind_after_the_last", 0, {8, kind(10), 0}, RingFault::unknown_kind},
                    Forged{"local_kind", 0, {8, FrameKind::local, 0}, RingFault::unknown_kind},
                    Forged{"local_control_kind", 0, {8, FrameKind::local_control, 0}, RingFault::unknown_kind},
                    Forged{"largest_kind", 0, {8, kind(0xffff), 0}, RingFault::unknown_kind},
                    Forged{"sequence_ahead", 0, {8, FrameKind::message, 1}, RingFault::sequence_gap},
                    Forged{"sequence_behind", 3, {8, FrameKind::message, 0xffff}, RingFault::sequence_gap},
                    Forged{"padding_in_the_middle", 0, {0, FrameKind::padding, 0}, RingFault::padding_length},
                    Forged{"padding_too_short", lines - 2, {0, FrameKind::padding, 0}, RingFault::padding_length}),
    testing::PrintToStringParamName());

TEST(RingFault, a_local_ring_knows_its_own_kinds_and_no_others) {
  for (const auto& [number, good] :
       {std::pair(0x100u, true), {0x101u, true}, {0x102u, false}, {0xffu, false}, {10u, false}}) {
    TestRing ring;
    auto consumer = ring.consumer(RingKind::local);
    ring.forge(0, {.length = 0, .kind = kind(number), .sequence = 0});
    EXPECT_EQ(consumer.peek().has_value(), good) << number;
    EXPECT_EQ(consumer.fault(), good ? RingFault::none : RingFault::unknown_kind) << number;
  }
}

TEST(RingFault, no_word_reaches_past_the_ring) {
  std::mt19937_64 random(seed());
  for (int round = 0; round < 20'000; ++round) {
    TestRing ring;
    for (std::uint64_t position = 0; position < page_bytes; position += line_bytes) {
      // Near enough to the truth to pass some of the checks.
      ring.forge(position, {.length = static_cast<std::uint32_t>(random() >> (random() % 40 + 24)),
                            .kind = kind(static_cast<unsigned>(random() % 10)),
                            .sequence = static_cast<std::uint16_t>(position / line_bytes)});
    }
    auto consumer = ring.consumer();
    while (const auto frame = consumer.peek()) {
      ASSERT_GE(frame->payload, ring.data.get());
      ASSERT_LE(frame->payload + frame->length, ring.data.get() + page_bytes);
      consumer.advance();
    }
  }
}

/// A producer that finds its ring full, and so has to look at a cursor that says `cursor`. The last it knew is 2 lines.
RingProducer who_must_read(TestRing& ring, std::uint64_t cursor) {
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  skip_lines(producer, consumer, 2);
  EXPECT_TRUE(producer.refresh_cursor());
  while (send(producer, "x")) {
  }
  ring.consumer_block.cursor.store(cursor);
  EXPECT_FALSE(send(producer, "x"));
  return producer;
}

TEST(RingFault, a_cursor_off_a_line_is_refused) {
  TestRing ring;
  EXPECT_EQ(who_must_read(ring, 3 * line_bytes + 8).fault(), RingFault::cursor_unaligned);
}

TEST(RingFault, a_cursor_past_the_tail_is_refused) {
  TestRing ring;
  EXPECT_EQ(who_must_read(ring, page_bytes * 3).fault(), RingFault::cursor_past_tail);
}

TEST(RingFault, a_cursor_that_moves_backwards_is_refused) {
  TestRing ring;
  EXPECT_EQ(who_must_read(ring, line_bytes).fault(), RingFault::cursor_backwards);
}

TEST(RingFault, a_producer_that_saw_a_bad_cursor_believes_no_later_one) {
  TestRing ring;
  auto producer = who_must_read(ring, line_bytes);
  ring.consumer_block.cursor.store(producer.tail());
  EXPECT_FALSE(send(producer, "x"));
  EXPECT_FALSE(producer.refresh_cursor());
}

TEST(RingFault, a_cursor_may_not_pass_what_is_committed_and_not_published) {
  TestRing ring;
  auto producer = ring.producer();
  ASSERT_TRUE(send(producer, "x"));
  ASSERT_TRUE(commit(producer, "y"));
  ring.consumer_block.cursor.store(2 * line_bytes);
  EXPECT_FALSE(producer.refresh_cursor());
  EXPECT_EQ(producer.fault(), RingFault::cursor_past_tail);
}

TEST(RingFault, every_fault_has_a_text_of_its_own) {
  std::vector<std::string_view> texts;
  for (int number = 0; number <= static_cast<int>(RingFault::cursor_backwards); ++number) {
    texts.push_back(to_string(static_cast<RingFault>(number)));
  }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    for (std::size_t j = i + 1; j < texts.size(); ++j) EXPECT_NE(texts[i], texts[j]);
  }
}

}  // namespace
}  // namespace ringmail::transport::test

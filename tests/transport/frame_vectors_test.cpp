// What bindings/vectors/frames.txt says of rings: read, written, and found out.
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>

#include "../vectors.hpp"
#include "ringmail/transport/arena.hpp"
#include "test_ring.hpp"

namespace ringmail::transport::test {

using namespace ringmail::test;

namespace {

std::string name_of(RingFault fault) {
  switch (fault) {
    case RingFault::none: return "none";
    case RingFault::frame_too_long: return "frame_too_long";
    case RingFault::frame_past_end: return "frame_past_end";
    case RingFault::unknown_kind: return "unknown_kind";
    case RingFault::sequence_gap: return "sequence_gap";
    case RingFault::padding_length: return "padding_length";
    case RingFault::cursor_unaligned: return "cursor_unaligned";
    case RingFault::cursor_past_tail: return "cursor_past_tail";
    case RingFault::cursor_backwards: return "cursor_backwards";
    case RingFault::acknowledgement_unaligned: return "acknowledgement_unaligned";
    case RingFault::acknowledgement_past_tail: return "acknowledgement_past_tail";
    case RingFault::acknowledgement_backwards: return "acknowledgement_backwards";
    case RingFault::body_not_described: return "body_not_described";
    case RingFault::body_past_end: return "body_past_end";
    case RingFault::body_sent_twice: return "body_sent_twice";
    case RingFault::body_returned_wrongly: return "body_returned_wrongly";
  }
  return "unknown";
}

struct VectorFrame {
  FrameHead head;
  std::string payload;
  bool operator==(const VectorFrame& other) const {
    const auto words = [](const FrameHead& h) { return std::tuple(h.kind, h.type, h.correlation, h.target, h.sender); };
    return words(head) == words(other.head) && payload == other.payload;
  }
};

std::vector<VectorFrame> frames_of(const Vector& vector, std::size_t first) {
  std::vector<VectorFrame> frames;
  for (std::size_t i = first; i < vector.words.size(); ++i) {
    const auto parts = split(vector.words[i], ':');
    frames.push_back({{.kind = static_cast<FrameKind>(number_of<unsigned>(parts.at(0))),
                       .type = number_of<std::uint32_t>(parts.at(1), 16),
                       .correlation = number_of<std::uint32_t>(parts.at(2), 16),
                       .target = number_of<std::uint64_t>(parts.at(3), 16),
                       .sender = number_of<std::uint64_t>(parts.at(4), 16)},
                      bytes_of(parts.at(5))});
  }
  return frames;
}

std::uint64_t start_of(const Vector& vector) { return number_of<std::uint64_t>(vector.words.at(0)); }

std::byte& at(TestRing& ring, std::uint64_t position) { return ring.data.get()[position & (ring.capacity - 1)]; }

void read(const Vector& vector) {
  const bool is_bad = vector.verb == "bad";
  TestRing ring;
  std::memset(ring.data.get(), 0xee, ring.capacity);
  const std::uint64_t start = start_of(vector) * line_bytes;
  const std::string bytes = bytes_of(vector.words.at(1), '\xee');
  for (std::size_t i = 0; i < bytes.size(); ++i) at(ring, start + i) = static_cast<std::byte>(bytes[i]);
  ring.consumer_block.cursor = start;
  ring.consumer_block.resume_sequence = static_cast<std::uint16_t>(start_of(vector));
  auto consumer = ring.consumer();
  std::vector<VectorFrame> frames;
  while (const auto frame = consumer.peek()) {
    frames.push_back({frame->head, text_of(*frame)});
    consumer.advance();
  }
  EXPECT_EQ(frames, frames_of(vector, is_bad ? 3 : 2));
  EXPECT_EQ(name_of(consumer.fault()), is_bad ? vector.words.at(2) : "none");
}

/// A producer that has published so many messages of a line each, which have been finished.
RingProducer producer_behind(TestRing& ring, std::uint64_t lines, bool is_finished = true) {
  std::memset(ring.data.get(), 0xee, ring.capacity);
  auto producer = ring.producer();
  for (std::uint64_t line = 0; line < lines; ++line) {
    EXPECT_TRUE(send(producer, ""));
    if (is_finished) ring.consumer_block.cursor = producer.tail();
  }
  return producer;
}

void write(const Vector& vector) {
  TestRing ring;
  auto producer = producer_behind(ring, start_of(vector));
  const std::uint64_t start = producer.tail();
  for (const VectorFrame& frame : frames_of(vector, 2)) ASSERT_TRUE(commit(producer, frame.payload, frame.head));
  ASSERT_TRUE(producer.publish());
  // What does not matter is what either filling has.
  const std::string bytes = bytes_of(vector.words.at(1), '\0');
  const std::string other = bytes_of(vector.words.at(1), '\1');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != other[i]) continue;
    ASSERT_EQ(at(ring, start + i), static_cast<std::byte>(bytes[i])) << "byte " << i;
  }
}

void find_room(const Vector& vector) {
  TestRing ring;
  auto producer = producer_behind(ring, start_of(vector), false);
  bool has_room = false;
  for (const std::string& cursor : split(vector.words.at(1), ',')) {
    ring.consumer_block.cursor = number_of<std::uint64_t>(cursor);
    has_room = producer.try_loan(producer.max_payload()) != nullptr;
    if (has_room) producer.cancel();
  }
  const bool is_fault = producer.fault() != RingFault::none;
  EXPECT_EQ(is_fault ? name_of(producer.fault()) : has_room ? "room" : "no_room", vector.words.at(2));
}

void take_bodies(const Vector& vector) {
  const std::vector<std::byte> memory(number_of<std::size_t>(vector.words.at(0)));
  ReturnsBlock returns;
  ProducerBlock mail;
  ArenaConsumer consumer(memory, &returns, &mail);
  std::string last;
  for (const std::string& word : split(vector.words.at(1), ',')) {
    const std::string payload = bytes_of(word);
    alignas(8) std::array<std::byte, 64> aligned{};
    std::memcpy(aligned.data(), payload.data(), payload.size());
    const auto taken = consumer.take(std::span(aligned).first(payload.size()));
    last = taken ? "taken" : name_of(taken.error());
  }
  EXPECT_EQ(last, vector.words.at(2));
}

TEST(FrameVectors, are_read_written_and_found_out) {
  for (const Vector& vector : vectors_of("frames.txt")) {
    SCOPED_TRACE(vector.name);
    if (vector.verb == "room") {
      find_room(vector);
    } else if (vector.verb == "body") {
      take_bodies(vector);
    } else {
      read(vector);
      if (vector.verb == "good") write(vector);
    }
  }
}

}  // namespace
}  // namespace ringmail::transport::test

// A ring in ordinary memory, with both its ends in reach, and what tests do to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "ringmail/transport/ring_consumer.hpp"
#include "ringmail/transport/ring_producer.hpp"

namespace ringmail::transport::test {

struct TestRing {
  explicit TestRing(std::uint64_t bytes = page_bytes)
      : capacity(bytes), data(static_cast<std::byte*>(::operator new(bytes, std::align_val_t{page_bytes}))) {
    std::memset(data.get(), 0, bytes);
  }

  RingProducer producer() {
    return RingProducer({.data = data.get(), .capacity = capacity, .own = &producer_block, .other = &consumer_block});
  }
  RingConsumer consumer(RingKind kind = RingKind::between_processes) { return consumer(consumer_block, kind); }
  RingConsumer consumer(ConsumerBlock& block, RingKind kind = RingKind::between_processes) {
    return RingConsumer({.data = data.get(), .capacity = capacity, .other = &producer_block, .own = &block}, kind);
  }

  std::uint64_t word(std::uint64_t position) {
    return detail::word_at(data.get(), position & (capacity - 1)).load(std::memory_order_relaxed);
  }
  void forge(std::uint64_t position, CommitWord commit) {
    detail::word_at(data.get(), position & (capacity - 1))
        .store(std::bit_cast<std::uint64_t>(commit), std::memory_order_relaxed);
  }

  struct Free {
    void operator()(std::byte* memory) const { ::operator delete(memory, std::align_val_t{page_bytes}); }
  };
  std::uint64_t capacity;
  std::unique_ptr<std::byte, Free> data;
  ProducerBlock producer_block;
  ConsumerBlock consumer_block;
};

/// Commits a message without publishing it. False: no room.
inline bool commit(RingProducer& producer, std::string_view text, FrameHead head = {}) {
  std::byte* room = producer.try_loan(static_cast<std::uint32_t>(text.size()));
  if (room == nullptr) return false;
  std::memcpy(room, text.data(), text.size());
  producer.commit(head);
  return true;
}

inline bool send(RingProducer& producer, std::string_view text, FrameHead head = {}) {
  return commit(producer, text, head) && producer.publish();
}

inline std::string text_of(const Frame& frame) { return {reinterpret_cast<const char*>(frame.payload), frame.length}; }

/// Takes everything that is there, and stores the cursor.
inline std::vector<std::string> drain(RingConsumer& consumer) {
  std::vector<std::string> texts;
  while (const auto frame = consumer.peek()) {
    texts.push_back(text_of(*frame));
    consumer.advance();
  }
  consumer.store_cursor();
  return texts;
}

/// The block of the next consumer, as the host writes it before that one starts.
inline void resume(ConsumerBlock& block, RingProducer& producer, std::uint32_t attempt = 0) {
  const auto unfinished = producer.unfinished();
  block.cursor.store(unfinished.cursor);
  block.resume_tail = producer.tail();
  block.resume_sequence = unfinished.sequence;
  block.attempt = attempt;
  producer.switch_consumer(&block);
}

/// Moves both ends of an empty ring on by so many lines.
inline void skip_lines(RingProducer& producer, RingConsumer& consumer, std::uint64_t lines) {
  for (std::uint64_t line = 0; line < lines; ++line) {
    send(producer, "");
    drain(consumer);
  }
}

}  // namespace ringmail::transport::test

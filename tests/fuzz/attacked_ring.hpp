// A ring between guard pages, and an input read as the words that its other side writes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <source_location>
#include <span>

#include "guarded.hpp"
#include "ringmail/transport/layout.hpp"

namespace ringmail::fuzz {

using namespace transport;

inline void check(bool holds, const std::source_location& where = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "line %u does not hold\n", static_cast<unsigned>(where.line()));
  std::abort();
}

/// The input, read as numbers. At its end they are 0.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : left_(data, size) {}

  bool is_empty() const { return left_.empty(); }
  template <class T>
  T take() {
    T value{};
    const std::size_t bytes = std::min(sizeof value, left_.size());
    if (bytes != 0) std::memcpy(&value, left_.data(), bytes);
    left_ = left_.subspan(bytes);
    return value;
  }
  std::uint64_t below(std::uint64_t bound) { return take<std::uint16_t>() % bound; }

 private:
  std::span<const std::uint8_t> left_;
};

/// Of one ring: its data and both its blocks, zero at first. The data fills its pages, so that there is a guard at both of
/// its ends; the blocks lie at one end of theirs.
struct Memory {
  Memory(std::uint64_t capacity, bool at_end)
      : data(zeroed(capacity == page_bytes ? small_ring : large_ring, capacity)),
        producer(block<ProducerBlock>(at_end ? producer_behind : producer_in_front)),
        consumer(block<ConsumerBlock>(at_end ? consumer_behind : consumer_in_front)),
        next(block<ConsumerBlock>(next_behind)) {}

  std::span<std::byte> data;
  ProducerBlock* producer;
  ConsumerBlock* consumer;
  ConsumerBlock* next;

 private:
  static std::span<std::byte> zeroed(Guarded& memory, std::size_t bytes) {
    const auto room = memory.bytes(bytes);
    std::memset(room.data(), 0, room.size());
    return room;
  }
  template <class Block>
  static Block* block(Guarded& memory) {
    return reinterpret_cast<Block*>(zeroed(memory, sizeof(Block)).data());
  }

  static inline Guarded small_ring{Guarded::Page::behind}, large_ring{Guarded::Page::behind};
  static inline Guarded producer_behind{Guarded::Page::behind}, producer_in_front{Guarded::Page::in_front};
  static inline Guarded consumer_behind{Guarded::Page::behind}, consumer_in_front{Guarded::Page::in_front};
  static inline Guarded next_behind{Guarded::Page::behind};
};

/// A number near `truth`, or near where numbers end.
inline std::uint64_t odd(Input& input, std::uint64_t truth) {
  switch (input.below(9)) {
    case 0: return truth;
    case 1: return truth + 1;
    case 2: return truth - 1;
    case 3: return truth + line_bytes * input.below(256);
    case 4: return truth - line_bytes * input.below(256);
    case 5: return truth ^ std::uint64_t{1} << input.below(64);
    case 6: return UINT32_MAX;
    case 7: return std::uint64_t{1} << 63;
    default: return input.take<std::uint64_t>();
  }
}

}  // namespace ringmail::fuzz

// Messages of which the number says the length and every byte, so that either end can make them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "shared_ring.hpp"

namespace ringmail::transport::test {

/// Five of them, one of each length, take twelve lines.
inline std::uint32_t length_of(std::uint64_t number) { return static_cast<std::uint32_t>(8 + number % 5 * 40); }

inline std::byte fill_of(std::uint64_t number) { return std::byte(number * 37 + 1); }

/// Commits the message without publishing it. False: no room.
inline bool commit_number(RingProducer& producer, std::uint64_t number) {
  std::byte* room = producer.try_loan(length_of(number));
  if (room == nullptr) return false;
  std::memset(room, std::to_integer<int>(fill_of(number)), length_of(number));
  std::memcpy(room, &number, sizeof number);
  producer.commit({.type = static_cast<std::uint32_t>(number)});
  return true;
}

inline bool send_number(RingProducer& producer, std::uint64_t number) {
  return commit_number(producer, number) && producer.publish();
}

inline bool is_intact(const Frame& frame, std::uint64_t number) {
  return frame.length == length_of(number) && frame.head.type == static_cast<std::uint32_t>(number) &&
         std::memcmp(frame.payload, &number, sizeof number) == 0 &&
         std::all_of(frame.payload + sizeof number, frame.payload + frame.length,
                     [&](std::byte byte) { return byte == fill_of(number); });
}

/// Where the next messages lie: in the first case they need padding before the end of the ring, in both the ring is full of what
/// went before.
inline constexpr std::uint64_t padded = 26;
inline constexpr std::uint64_t second_lap = 32;

/// Both ends of the ring, at message `number`.
struct Ends {
  RingProducer producer;
  RingConsumer consumer;

  Ends(SharedRing<page_bytes>& ring, std::uint64_t number, Ordering ordering)
      : producer(ring.producer()), consumer(ring.consumer()) {
    producer.order(ordering);
    for (std::uint64_t sent = 0; sent < number; ++sent) {
      EXPECT_TRUE(send_number(producer, sent));
      EXPECT_TRUE(consumer.peek());
      consumer.advance();
      consumer.store_cursor();
    }
  }
};

/// Takes what is there, from message `next` on, and checks every byte.
inline void drain(RingConsumer& consumer, std::uint64_t& next) {
  while (const auto frame = consumer.peek()) {
    EXPECT_TRUE(is_intact(*frame, next)) << next;
    consumer.advance();
    ++next;
  }
  EXPECT_EQ(consumer.fault(), RingFault::none) << to_string(consumer.fault());
}

}  // namespace ringmail::transport::test

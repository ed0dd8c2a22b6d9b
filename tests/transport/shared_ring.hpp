// A ring and the doorbells of its two ends, in memory that processes can share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include "ringmail/transport/memory.hpp"
#include "ringmail/transport/park.hpp"
#include "ringmail/transport/ring_consumer.hpp"
#include "ringmail/transport/ring_producer.hpp"

namespace ringmail::transport::test {

template <std::uint64_t bytes>
struct SharedRing {
  static constexpr std::uint64_t capacity = bytes;

  Bell consumer_bell;
  Bell producer_bell;
  ConsumerBlock consumer_block;
  ProducerBlock producer_block;
  alignas(page_bytes) std::byte data[capacity]{};

  RingProducer producer() {
    return RingProducer({.data = data, .capacity = capacity, .own = &producer_block, .other = &consumer_block});
  }
  RingConsumer consumer() { return consumer(consumer_block); }
  RingConsumer consumer(ConsumerBlock& block) {
    return RingConsumer({.data = data, .capacity = capacity, .other = &producer_block, .own = &block});
  }
};

/// One of something in a mapping that a forked child shares.
template <class Thing>
class InSharedMemory {
 public:
  InSharedMemory() {
    constexpr std::uint64_t bytes = (sizeof(Thing) + page_bytes - 1) & ~(page_bytes - 1);
    segment_ = std::move(*Segment::create("ringmail.test", bytes));
    mapping_ = std::move(*segment_.map(Mapping::Access::write));
    renew();
  }
  /// As when it was new.
  Thing& renew() { return *new (mapping_.data()) Thing(); }
  Thing& operator*() { return *mapping_.at<Thing>(0); }

 private:
  Segment segment_;
  Mapping mapping_;
};

}  // namespace ringmail::transport::test

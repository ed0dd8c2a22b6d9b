// What lies in a ring whose consumer or producer has died: where the messages begin that are not finished, and where they end.
#pragma once

#include <cstdint>
#include <optional>

#include "ringmail/transport/ring.hpp"

namespace ringmail::transport {

struct RingSurvey {
  std::uint64_t cursor = 0;         ///< of the consumer
  std::uint16_t sequence = 0;       ///< of the frame there
  std::uint64_t first = 0;          ///< where the first message starts, behind its padding; the tail if there is none
  std::uint64_t tail = 0;           ///< the end of what is published
  std::uint16_t tail_sequence = 0;  ///< of the next frame
  std::uint64_t messages = 0;       ///< from the cursor to the tail
};

/// Of a ring of which the consumer, or the producer, runs no more; its consumer stores sequences (RingConsumer::store_cursor()).
/// Nothing: what lies there is none.
std::optional<RingSurvey> survey(const std::byte* data, std::uint64_t capacity, const ConsumerBlock& consumer);

}  // namespace ringmail::transport

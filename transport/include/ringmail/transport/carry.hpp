// What lies unfinished in a ring is put into a fresh one: its producer, or its consumer, is another process from now on.
//
// Frames keep their order, heads and payloads, but for the correlation: who asked is no more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <vector>

#include "ringmail/transport/ring_producer.hpp"
#include "ringmail/transport/ring_survey.hpp"

namespace ringmail::transport {

/// Of a ring whose producer runs no more.
struct LeftFrames {
  const std::byte* data = nullptr;
  std::uint64_t capacity = 0;
  RingSurvey where{};

  /// Not the first message, whose padding was left out before. Precondition: there is one.
  void leave_out_first();
};

/// Where a frame lay, and where it ends now.
struct CarriedFrame {
  std::uint64_t from = 0;
  std::uint64_t end = 0;
  std::uint16_t next_sequence = 0;  ///< of the frame at `end`
};

/// Into the open batch of `to`, which has room for what a ring of its size can hold, if it is new. A fault: something lies there that
/// is no frame, or it does not fit (frame_too_long).
std::expected<std::vector<CarriedFrame>, RingFault> carry(const LeftFrames& left, RingProducer& to);

}  // namespace ringmail::transport

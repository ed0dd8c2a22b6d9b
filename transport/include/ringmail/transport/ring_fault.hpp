// What can be wrong with what the other side of a ring wrote. Each ends the link that it is seen on.
#pragma once

#include <cstdint>
#include <string_view>

namespace ringmail::transport {

enum class RingFault : std::uint8_t {
  none,
  frame_too_long,
  frame_past_end,
  unknown_kind,
  sequence_gap,
  padding_length,
  cursor_unaligned,
  cursor_past_tail,
  cursor_backwards,
  acknowledgement_unaligned,
  acknowledgement_past_tail,
  acknowledgement_backwards,
  body_not_described,
  body_past_end,
  body_sent_twice,
  body_returned_wrongly,
};

constexpr std::string_view to_string(RingFault fault) {
  switch (fault) {
    case RingFault::none: return "no fault";
    case RingFault::frame_too_long: return "a frame is longer than half the ring";
    case RingFault::frame_past_end: return "a frame reaches past the end of the ring";
    case RingFault::unknown_kind: return "a frame has an unknown kind";
    case RingFault::sequence_gap: return "a frame is out of sequence";
    case RingFault::padding_length: return "a padding frame does not end where the ring ends";
    case RingFault::cursor_unaligned: return "the cursor is not on a frame boundary";
    case RingFault::cursor_past_tail: return "the cursor is past the last published frame";
    case RingFault::cursor_backwards: return "the cursor moved backwards";
    case RingFault::acknowledgement_unaligned: return "an acknowledgement is not on a frame boundary";
    case RingFault::acknowledgement_past_tail: return "an acknowledgement is past the last published frame";
    case RingFault::acknowledgement_backwards: return "an acknowledgement is of what was acknowledged before";
    case RingFault::body_not_described: return "a message with a body does not say where it is";
    case RingFault::body_past_end: return "a body reaches past the end of its arena";
    case RingFault::body_sent_twice: return "a body was sent again before it was given back";
    case RingFault::body_returned_wrongly: return "a body was given back that was not sent";
  }
  return "unknown fault";
}

}  // namespace ringmail::transport

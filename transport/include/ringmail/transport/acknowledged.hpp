// Exactly once: what a peer sends for a message is one batch with the word that the message is finished.
//
// The cursor alone cannot say so. A peer that dies after it has published what it sent, and before it has stored its cursor, leaves
// the message to the next one, which sends all of it again. With `exactly_once` the position behind the message goes along as an
// acknowledgement, and one store publishes both. The host takes everything that the dead peer has published, and the next one
// starts behind the last acknowledgement, where that is further than the cursor. The cursor alone says what may be overwritten;
// so it may pass what led to nothing without an acknowledgement, and what was acknowledged only after that is published.
#pragma once

#include <algorithm>

#include "ringmail/transport/ring_producer.hpp"

namespace ringmail::transport {

/// The type of a FrameKind::signal: the mail is finished up to the u64 position in the payload.
inline constexpr std::uint32_t signal_acknowledge = 8;

/// Of the mail of one lane, over all incarnations of the peer. Belongs to the thread that writes that mail.
class Acknowledged {
 public:
  /// What is wrong with the position, if something is: then it does not count.
  RingFault take(std::uint64_t position, const RingProducer& mail) {
    if (position % line_bytes != 0) return RingFault::acknowledgement_unaligned;
    if (position <= position_) return RingFault::acknowledgement_backwards;
    if (position > mail.tail()) return RingFault::acknowledgement_past_tail;
    // What lies before the cursor may be overwritten already, and where it starts is not asked any more.
    const std::uint64_t known = std::max(position_, mail.cursor());
    if (position > known && !mail.is_boundary(position, known)) return RingFault::acknowledgement_unaligned;
    position_ = position;
    return RingFault::none;
  }

  std::uint64_t position() const { return position_; }

 private:
  std::uint64_t position_ = 0;
};

}  // namespace ringmail::transport

#include "peer_watch.hpp"

#include "peer_os.hpp"
#include "ringmail/transport/park.hpp"
#include "ringmail/transport/ring.hpp"

namespace ringmail::runtime {
namespace {

/// It says that it wants room, and what it has written before is not read. Without the second a word that is never cleared would
/// pass for this host's fault.
bool is_blocked(const transport::Incarnation::Shown& shown, std::uint64_t capacity) {
  // Relaxed, both: for a report, and true a moment ago at best.
  if (shown.mail_to_host.want.load(std::memory_order_relaxed) == 0) return false;
  const std::uint64_t cursor = shown.host_of_that_mail.cursor.load(std::memory_order_relaxed);
  return transport::detail::word_at(shown.mail_to_host_data, cursor & (capacity - 1)).load(std::memory_order_relaxed) !=
         0;
}

}  // namespace

PeerWatch::Sight PeerWatch::look(const transport::Incarnation& memory, int pid, std::uint64_t now_ns) {
  Sight sight;
  for (std::uint32_t i = 0; i < lanes_.size(); ++i) {
    if (is_blocked(memory.shown(i), memory.layout().mail_to_host_bytes)) sight.blocked_on = i;
  }
  if (pid != 0) sight.suspended_by = suspension_of(pid);

  for (std::uint32_t i = 0; i < lanes_.size(); ++i) {
    Lane& lane = lanes_[i];
    const auto& words = memory.shown(i).mail;
    // Relaxed, both, and in this order: a handler that ends in between looks like one that has ended, or like another one.
    const std::uint64_t in_hand = words.in_hand.load(std::memory_order_relaxed);
    const std::uint64_t cursor = words.cursor.load(std::memory_order_relaxed);
    const bool holds = in_hand != 0 && in_hand - 1 >= cursor;
    if (!holds || lane.looked_ns == 0 || in_hand != lane.in_hand || cursor != lane.cursor) {
      lane = {.cursor = cursor, .in_hand = in_hand, .looked_ns = holds ? now_ns : 0};
    } else {
      // What it could not do anything about is not held against it.
      if (sight.suspended_by.empty() && !sight.blocked_on) {
        lane.held += std::chrono::nanoseconds(now_ns - lane.looked_ns);
      }
      lane.looked_ns = now_ns;
    }
    if (holds && (!sight.held_lane || lane.held > sight.held_for)) {
      sight.held_lane = i;
      sight.held_for = lane.held;
    }
  }

  const std::uint32_t park = memory.bell()->bell[0].park.load(std::memory_order_relaxed);
  const bool asleep = transport::ParkWord::state(park) == transport::ParkState::parked;
  sight.activity = !sight.suspended_by.empty() ? PeerActivity::suspended
                   : sight.blocked_on          ? PeerActivity::blocked
                   : sight.held_lane           ? (asleep ? PeerActivity::waiting : PeerActivity::busy)
                   : asleep                    ? PeerActivity::parked
                                               : PeerActivity::idle;
  return sight;
}

}  // namespace ringmail::runtime

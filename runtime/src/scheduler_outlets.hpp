// What every frame out of a scheduler goes through, inline: a call costs as much as what it would do.
#pragma once

#include "outlet.hpp"
#include "ringmail/runtime/scheduler.hpp"

namespace ringmail::runtime {

inline void Scheduler::mark_dirty(Outlet& outlet) {
  if (outlet.dirty) return;
  outlet.dirty = true;
  dirty_.push_back(&outlet);
}

inline void Scheduler::publish(Outlet& outlet) {
  if (outlet.ring->publish()) outlet.bell->ring(outlet.ring->cold_mark());
}

/// Null: there is no room, or others wait for it already.
inline std::byte* Scheduler::room_now(Outlet& outlet, std::uint32_t bytes) {
  if (outlet.state != Outlet::State::open || !outlet.overflow.empty() || bytes > outlet.ring->max_payload())
    return nullptr;
  std::byte* const place = outlet.ring->try_loan(bytes);
  if (place == nullptr) [[unlikely]]
    look_for_fault(outlet);
  return place;
}

/// As room_now(), but who finds none stands in line. In a handler.
inline std::expected<std::byte*, SendError> Scheduler::room(Outlet& outlet, std::uint32_t bytes, Deadline& deadline) {
  if (outlet.line.empty()) [[likely]] {
    if (std::byte* const place = room_now(outlet, bytes)) [[likely]]
      return place;
  }
  return wait_for_room(outlet, bytes, deadline);
}

inline void Scheduler::commit(Outlet& outlet, const transport::FrameHead& head) {
  outlet.ring->commit(head);
  mark_dirty(outlet);
}

}  // namespace ringmail::runtime

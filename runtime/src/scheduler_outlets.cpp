// Rings out of a scheduler: waiting for room, writing later. Writing now is inline; the rules stand in outlet.hpp.
#include "scheduler_outlets.hpp"

#include <cassert>

#include "remote_lane.hpp"
#include "stored_object.hpp"

namespace ringmail::runtime {

using transport::FrameHead;

/// Of a peer that asks and does not read the answers. More than its ring of questions holds.
constexpr std::size_t most_waiting_for_a_peer = 1 << 16;

void Scheduler::mark_crowded(Outlet& outlet) {
  if (outlet.crowded) return;
  outlet.crowded = true;
  crowded_.push_back(&outlet);
  // SYNC(want): before has_work() looks at the cursor, so before this thread sleeps.
  if (outlet.state == Outlet::State::open) outlet.ring->want_room(true);
}

void Scheduler::publish_all_dirty() {
  for (Outlet* outlet : dirty_) {
    outlet->dirty = false;
    publish(*outlet);
  }
  dirty_.clear();
}

void Scheduler::look_for_fault(Outlet& outlet) {
  if (outlet.is_faulted()) report_fault(*outlet.lane, std::string(to_string(outlet.ring->fault())));
}

// --- When there is room: handlers, who stand in line

std::expected<std::byte*, SendError> Scheduler::wait_for_room(Outlet& outlet, std::uint32_t bytes, Deadline& deadline) {
  // The consumer cannot make room by reading what it has not been shown.
  publish(outlet);
  Waiter waiter;
  waiter.what = WaitFor::room;
  waiter.whom = {outlet.lane != nullptr ? outlet.lane->link : 0, {}};
  outlet.line.line_up(waiter);
  mark_crowded(outlet);
  std::expected<std::byte*, SendError> result = std::unexpected(SendError::full);
  while (true) {
    // The ring of a closed outlet may be gone.
    if (outlet.state == Outlet::State::closed) {
      result = std::unexpected(SendError::unreachable);
      break;
    }
    if (outlet.state == Outlet::State::open && bytes > outlet.ring->max_payload()) {
      result = std::unexpected(SendError::too_long);
      break;
    }
    const Wake woken = wait(waiter, deadline.at_ns());
    if (woken == Wake::stopped) result = std::unexpected(SendError::stopped);
    if (woken != Wake::ready) break;
    if (std::byte* place = room_now(outlet, bytes)) {
      result = place;
      break;
    }
  }
  outlet.line.leave(waiter);
  next_in_line(outlet);
  return result;
}

void Scheduler::next_in_line(Outlet& outlet) {
  if (!outlet.line.empty()) wake(*outlet.line.first, Wake::ready);
}

// --- Later: what may not wait

void Scheduler::write_later(Outlet& outlet,
                            std::uint32_t bytes,
                            const FrameHead& head,
                            MoveOnlyFunction<void(std::byte*)> write) {
  assert(outlet.state != Outlet::State::closed);
  if (outlet.lane != nullptr && outlet.lane->connected && outlet.overflow.size() >= most_waiting_for_a_peer) {
    report_fault(*outlet.lane, "it does not read what it is sent");
    return;
  }
  outlet.overflow.push_back({.bytes = bytes, .head = head, .write = std::move(write)});
  mark_crowded(outlet);
}

void Scheduler::retry_overflow(Outlet& outlet) {
  while (!outlet.overflow.empty() && outlet.state == Outlet::State::open) {
    Outlet::Pending& next = outlet.overflow.front();
    std::byte* place = outlet.ring->try_loan(next.bytes);
    if (place == nullptr) return look_for_fault(outlet);
    next.write(place);
    commit(outlet, next.head);
    outlet.overflow.pop_front();
    busy_ = true;
  }
}

void Scheduler::write_object(Outlet& outlet, const FrameHead& head, const MessageType& type, void* object) {
  if (std::byte* place = room_now(outlet, type.size)) {
    type.relocate(place, object);
    commit(outlet, head);
    return;
  }
  write_later(outlet, type.size, head,
              [stored = StoredObject(type, object)](std::byte* place) mutable { stored.move_to(place); });
}

void Scheduler::write_wire(Outlet& outlet, const FrameHead& head, const MessageType& type, void* object) {
  const std::uint32_t length = type.length_between_processes(object);
  if (std::byte* place = room_now(outlet, length)) {
    type.move_to_wire(place, object);
    commit(outlet, head);
    return;
  }
  write_later(outlet, length, head, [stored = StoredObject(type, object)](std::byte* place) mutable {
    stored.hand_to([&](void* waiting) { stored.type().move_to_wire(place, waiting); });
  });
}

void Scheduler::write_word(Outlet& outlet, const FrameHead& head, std::uint64_t word) {
  if (std::byte* place = room_now(outlet, sizeof word)) {
    std::memcpy(place, &word, sizeof word);
    commit(outlet, head);
    return;
  }
  write_later(outlet, sizeof word, head, [word](std::byte* place) { std::memcpy(place, &word, sizeof word); });
}

// --- Life

void Scheduler::open(Outlet& outlet) {
  outlet.state = Outlet::State::open;
  // SYNC(want): the consumer's next cursor is not the one that was looked at last.
  if (outlet.crowded) outlet.ring->want_room(true);
  // Its cursor may stand where there is room and never move again: nobody else would wake who waits.
  next_in_line(outlet);
}

/// Nobody touches its ring after this.
void Scheduler::close(Outlet& outlet) {
  outlet.state = Outlet::State::closed;
  outlet.dirty = outlet.crowded = false;
  std::erase(dirty_, &outlet);
  std::erase(crowded_, &outlet);
  discard_overflow(outlet);
  next_in_line(outlet);
}

void Scheduler::discard_overflow(Outlet& outlet) {
  while (!outlet.overflow.empty()) {
    const Outlet::Pending& next = outlet.overflow.front();
    if (next.is_message()) {
      // What was sent in no handler asks nothing.
      Message message{.length = next.bytes,
                      .type = next.message_type(),
                      .asker = {.address = {0, ActorId(next.head.sender)}},
                      .target = ActorId(next.head.target)};
      bury(message, "it found no room until the end");
    }
    outlet.overflow.pop_front();
  }
}

}  // namespace ringmail::runtime

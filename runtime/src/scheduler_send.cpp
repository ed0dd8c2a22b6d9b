// Sending: to an actor of this scheduler, of another one, behind a link; and what to do without room. Rules in outlet.hpp.
#include <cassert>

#include "envelope.hpp"
#include "local_ring.hpp"
#include "outlet.hpp"
#include "remote_lane.hpp"
#include "ringmail/runtime/scheduler.hpp"

namespace ringmail::runtime {
namespace {

using transport::FrameHead;
using transport::FrameKind;

/// An object that waits for room in a ring.
class StoredObject {
 public:
  StoredObject(const MessageType& type, void* object) : type_(&type), envelope_(EnvelopePool::make(type.size)) {
    type.relocate(envelope_->message.payload, object);
  }
  StoredObject(StoredObject&& other) noexcept : type_(other.type_), envelope_(std::exchange(other.envelope_, nullptr)) {}
  StoredObject& operator=(StoredObject&&) = delete;
  ~StoredObject() {
    if (envelope_ == nullptr) return;
    if (type_->destroy != nullptr) type_->destroy(envelope_->message.payload);
    EnvelopePool::free(envelope_);
  }

  void move_to(void* place) {
    type_->relocate(place, envelope_->message.payload);
    EnvelopePool::free(std::exchange(envelope_, nullptr));
  }

 private:
  const MessageType* type_;
  Envelope* envelope_;
};

void destroy(const MessageType& type, void* object) {
  if (type.destroy != nullptr) type.destroy(object);
}

AskError ask_error(transport::NoReply reason) {
  switch (reason) {
    case transport::NoReply::no_handler: return AskError::no_handler;
    case transport::NoReply::failed: return AskError::failed;
    case transport::NoReply::stopped: return AskError::unreachable;
  }
  return AskError::failed;
}

}  // namespace

// --- Outlets

void Scheduler::mark_dirty(Outlet& outlet) {
  if (outlet.dirty) return;
  outlet.dirty = true;
  dirty_.push_back(&outlet);
}

void Scheduler::mark_crowded(Outlet& outlet) {
  if (outlet.crowded) return;
  outlet.crowded = true;
  crowded_.push_back(&outlet);
  // SYNC(want): before has_work() looks at the cursor, so before this thread sleeps.
  outlet.ring->want_room(true);
}

void Scheduler::publish(Outlet& outlet) {
  if (outlet.ring->publish()) outlet.bell->ring(outlet.ring->cold_mark());
}

void Scheduler::publish_dirty() {
  for (Outlet* outlet : dirty_) {
    outlet->dirty = false;
    publish(*outlet);
  }
  dirty_.clear();
}

void Scheduler::retry_overflow(Outlet& outlet) {
  while (!outlet.overflow.empty() && outlet.overflow.front()()) {
    busy_ = true;
    outlet.overflow.pop_front();
  }
}

void Scheduler::wake_room_waiters(Outlet& outlet, Wake result) {
  Waiter* waiter = std::exchange(outlet.first, nullptr);
  outlet.last = nullptr;
  while (waiter != nullptr) {
    Waiter* next = std::exchange(waiter->next, nullptr);
    wake(*waiter, result);
    waiter = next;
  }
}

std::expected<std::byte*, SendError> Scheduler::room(Outlet& outlet, std::uint32_t bytes, std::uint64_t deadline_ns) {
  while (true) {
    if (outlet.overflow.empty()) {
      if (std::byte* place = outlet.ring->try_loan(bytes)) return place;
      if (outlet.ring->fault() != transport::RingFault::none) return std::unexpected(SendError::unreachable);
    }
    // The consumer cannot make room by reading what it has not been shown.
    publish(outlet);
    if (current_cell_ == nullptr) return std::unexpected(SendError::full);
    Waiter waiter;
    (outlet.first == nullptr ? outlet.first : outlet.last->next) = &waiter;
    outlet.last = &waiter;
    mark_crowded(outlet);
    const Wake woken = wait(waiter, deadline_ns);
    if (woken == Wake::ready) continue;
    // Not woken for room, so still in the list.
    for (Waiter **link = &outlet.first, *previous = nullptr; *link != nullptr; previous = *link, link = &(*link)->next) {
      if (*link != &waiter) continue;
      *link = waiter.next;
      if (outlet.last == &waiter) outlet.last = previous;
      break;
    }
    return std::unexpected(woken == Wake::stopped ? SendError::stopped : SendError::full);
  }
}

std::byte* Scheduler::room_now(Outlet& outlet, std::uint32_t bytes) {
  return outlet.overflow.empty() ? outlet.ring->try_loan(bytes) : nullptr;
}

void Scheduler::commit(Outlet& outlet, const FrameHead& head) {
  outlet.ring->commit(head);
  mark_dirty(outlet);
}

void Scheduler::write_later(Outlet& outlet, std::uint32_t bytes, const FrameHead& head,
                            std::move_only_function<void(std::byte*)> write) {
  outlet.overflow.push_back([this, &outlet, bytes, head, write = std::move(write)]() mutable {
    std::byte* place = outlet.ring->try_loan(bytes);
    if (place == nullptr) return false;
    write(place);
    commit(outlet, head);
    return true;
  });
  mark_crowded(outlet);
}

void Scheduler::write_object(Outlet& outlet, const FrameHead& head, const MessageType& type, const void* word,
                             void* object) {
  // Between processes the object is the payload; within one a pointer to what it is stands before it.
  const std::uint32_t offset = word != nullptr ? LocalPayload::object_offset(type) : 0;
  const auto put_word = [word](std::byte* place) {
    if (word != nullptr) std::memcpy(place, &word, sizeof word);
  };
  if (std::byte* place = room_now(outlet, offset + type.size)) {
    put_word(place);
    type.relocate(place + offset, object);
    commit(outlet, head);
    return;
  }
  write_later(outlet, offset + type.size, head,
              [stored = StoredObject(type, object), put_word, offset](std::byte* place) mutable {
                put_word(place);
                stored.move_to(place + offset);
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

LocalOutlet* Scheduler::outlet_to(ActorId actor) const {
  return actor.thread() < outlets_.size() ? outlets_[actor.thread()].get() : nullptr;
}

// --- Messages

std::expected<void, SendError> Scheduler::send(const Address& to, const Binding& binding, void* object,
                                               std::uint64_t deadline_ns) {
  return send(to, binding, object, 0, deadline_ns);
}

std::expected<void, SendError> Scheduler::send(const Address& to, const Binding& binding, void* object,
                                               std::uint32_t correlation, std::uint64_t deadline_ns) {
  if (!to.is_local()) return send_remote(to, binding, object, correlation, deadline_ns);
  if (to.actor.thread() == index_) return send_here(to.actor, binding, object, correlation);
  return send_local(to.actor, binding, object, correlation, deadline_ns);
}

std::expected<void, SendError> Scheduler::send_here(ActorId to, const Binding& binding, void* object,
                                                    std::uint32_t correlation) {
  const MessageType& type = *binding.type;
  Envelope* envelope = EnvelopePool::make(type.size);
  Message& message = envelope->message;
  message.binding = &binding;
  message.type = type.id;
  message.asker = {.address = self(), .correlation = correlation};
  message.target = to;
  type.relocate(message.payload, object);
  Cell* cell = find(to);
  if (cell == nullptr) {
    Message undeliverable = message;
    dead_letter(undeliverable, "there is no such actor");
  } else if (cell->waiter_ != nullptr && cell->waiter_->wanted != nullptr && message_is(message, *cell->waiter_->wanted)) {
    Message handed = message;
    hand_over(*cell->waiter_, handed);
  } else {
    append(*cell, *envelope);
  }
  return {};
}

std::expected<void, SendError> Scheduler::send_local(ActorId to, const Binding& binding, void* object,
                                                     std::uint32_t correlation, std::uint64_t deadline_ns) {
  const MessageType& type = *binding.type;
  LocalOutlet* outlet = outlet_to(to);
  if (outlet == nullptr) {
    destroy(type, object);
    return std::unexpected(SendError::unreachable);
  }
  const FrameHead head{.kind = FrameKind::local,
                       .type = type.id,
                       .correlation = correlation,
                       .target = to.value(),
                       .sender = self().actor.value()};
  if (current_cell_ == nullptr) {
    write_object(*outlet, head, type, &binding, object);
    return {};
  }
  const auto place = room(*outlet, LocalPayload::bytes(type), deadline_ns);
  if (!place) {
    destroy(type, object);
    return std::unexpected(place.error());
  }
  const Binding* word = &binding;
  std::memcpy(*place, &word, sizeof word);
  type.relocate(*place + LocalPayload::object_offset(type), object);
  commit(*outlet, head);
  return {};
}

std::expected<void, SendError> Scheduler::send_remote(const Address& to, const Binding& binding, void* object,
                                                      std::uint32_t correlation, std::uint64_t deadline_ns) {
  const MessageType& type = *binding.type;
  if (type.id == 0) {
    destroy(type, object);
    return std::unexpected(SendError::not_wire);
  }
  // A type with an id is bytes: nothing to destroy from here on.
  RemoteLane* lane = lane_of(to.link);
  if (lane == nullptr || !lane->open || lane->stopping) return std::unexpected(SendError::unreachable);
  if (type.size > lane->mail.ring->max_payload()) return std::unexpected(SendError::too_long);
  const Address sender = self();
  const FrameHead head{.kind = FrameKind::message,
                       .type = type.id,
                       .correlation = correlation,
                       .target = to.actor.value(),
                       .sender = sender.actor.value()};
  lane->let_in(sender.actor.value());
  if (current_cell_ == nullptr) {
    write_object(lane->mail, head, type, nullptr, object);
    return {};
  }
  const auto place = room(lane->mail, type.size, deadline_ns);
  if (!place) return std::unexpected(place.error());
  if (!lane->open || lane->stopping) {
    lane->mail.ring->cancel();
    return std::unexpected(SendError::unreachable);
  }
  std::memcpy(*place, object, type.size);
  commit(lane->mail, head);
  return {};
}

/// From the runtime itself: never waits.
void Scheduler::send_system(ActorId to, const Binding& binding, void* object) {
  Cell* const sender = std::exchange(current_cell_, nullptr);
  static_cast<void>(send({0, to}, binding, object, 0, no_deadline));
  current_cell_ = sender;
}

// --- Answers, stop, monitors

void Scheduler::reply(const Asker& asker, const MessageType& type, void* object) {
  if (!asker) {
    destroy(type, object);
  } else if (!asker.address.is_local()) {
    RemoteLane* lane = lane_of(asker.address.link);
    if (lane == nullptr || !lane->open) {
      destroy(type, object);
    } else if (type.id == 0 || type.size > lane->control.ring->max_payload()) {
      destroy(type, object);
      refuse(asker, transport::NoReply::failed);
    } else {
      const FrameHead head{.kind = FrameKind::reply,
                           .type = type.id,
                           .correlation = asker.correlation,
                           .target = asker.address.actor.value(),
                           .sender = self().actor.value()};
      write_object(lane->control, head, type, nullptr, object);
    }
  } else if (asker.address.actor.thread() == index_) {
    complete(asker.correlation, 0, type, object);
  } else if (LocalOutlet* outlet = outlet_to(asker.address.actor)) {
    const FrameHead head{.kind = FrameKind::local_control,
                         .type = static_cast<std::uint32_t>(Operation::reply),
                         .correlation = asker.correlation};
    write_object(*outlet, head, type, &type, object);
  } else {
    destroy(type, object);
  }
}

void Scheduler::refuse(const Asker& asker, transport::NoReply reason) {
  if (!asker) return;
  if (!asker.address.is_local()) {
    RemoteLane* lane = lane_of(asker.address.link);
    if (lane == nullptr || !lane->open) return;
    const FrameHead head{.kind = FrameKind::no_reply,
                         .type = static_cast<std::uint32_t>(reason),
                         .correlation = asker.correlation,
                         .target = asker.address.actor.value()};
    write_word(lane->control, head, 0);
  } else if (asker.address.actor.thread() == index_) {
    complete_refused(asker.correlation, 0, ask_error(reason));
  } else if (LocalOutlet* outlet = outlet_to(asker.address.actor)) {
    const FrameHead head{.kind = FrameKind::local_control,
                         .type = static_cast<std::uint32_t>(Operation::refuse),
                         .correlation = asker.correlation,
                         .target = static_cast<std::uint64_t>(ask_error(reason))};
    write_word(*outlet, head, 0);
  }
}

void Scheduler::stop(const Address& whom) {
  if (!whom.is_local()) {
    if (on_stop_peer) on_stop_peer(whom.link);
  } else if (whom.actor.thread() == index_) {
    if (Cell* cell = find(whom.actor)) request_stop(*cell);
  } else if (LocalOutlet* outlet = outlet_to(whom.actor)) {
    const FrameHead head{.kind = FrameKind::local_control,
                         .type = static_cast<std::uint32_t>(Operation::stop),
                         .target = whom.actor.value()};
    write_word(*outlet, head, 0);
  }
}

void Scheduler::monitor_elsewhere(ActorId whom, ActorId watcher, const Binding& down) {
  LocalOutlet* outlet = outlet_to(whom);
  if (outlet == nullptr) return;
  const FrameHead head{.kind = FrameKind::local_control,
                       .type = static_cast<std::uint32_t>(Operation::monitor),
                       .target = whom.value(),
                       .sender = watcher.value()};
  write_word(*outlet, head, reinterpret_cast<std::uint64_t>(&down));
}

void Scheduler::demonitor_elsewhere(ActorId whom, ActorId watcher) {
  LocalOutlet* outlet = outlet_to(whom);
  if (outlet == nullptr) return;
  const FrameHead head{.kind = FrameKind::local_control,
                       .type = static_cast<std::uint32_t>(Operation::demonitor),
                       .target = whom.value(),
                       .sender = watcher.value()};
  write_word(*outlet, head, 0);
}

}  // namespace ringmail::runtime

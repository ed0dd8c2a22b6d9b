// Sending: to an actor of this scheduler, of another one, behind a link; answers, stop, and what else schedulers tell each other.
#include <cassert>

#include "ask_table.hpp"
#include "envelope.hpp"
#include "farewell.hpp"
#include "local_ring.hpp"
#include "outlet.hpp"
#include "own_lanes.hpp"
#include "remote_lane.hpp"
#include "ringmail/runtime/scheduler.hpp"
#include "scheduler_cells.hpp"
#include "scheduler_outlets.hpp"
#include "signal_bytes.hpp"

namespace ringmail::runtime {
namespace {

using transport::FrameHead;
using transport::FrameKind;

/// Sends of one turn between two looks at how much waits. Each time that it steps aside a message is handled at least, so when
/// it has done so as often, as many are.
constexpr std::uint32_t sends_per_step = 64;

void destroy(const MessageType& type, void* object) {
  if (type.destroy != nullptr) type.destroy(object);
}

}  // namespace

inline LocalOutlet* Scheduler::outlet_to(std::uint32_t thread, std::uint32_t lane) const {
  const std::size_t place = thread << ActorId::lane_bits | lane;
  return place < outlets_.size() ? outlets_[place].get() : nullptr;
}

/// What is not mail goes by the lane that all share.
LocalOutlet* Scheduler::outlet_to(ActorId actor) const { return outlet_to(actor.thread(), 0); }

inline LocalOutlet* Scheduler::mail_outlet_to(ActorId actor) {
  LocalOutlet* const outlet = outlet_to(actor.thread(), actor.lane());
  if (outlet != nullptr || actor.lane() == 0) [[likely]]
    return outlet;
  return own_lanes_ != nullptr && own_lanes_->open(index_, actor) ? outlet_to(actor.thread(), actor.lane()) : nullptr;
}

// --- Messages

std::expected<void, SendError> Scheduler::send(const Address& to,
                                               const Binding& binding,
                                               void* object,
                                               Deadline deadline) {
  return send(to, binding, object, 0, Admission::limited, deadline);
}

std::expected<void, SendError> Scheduler::send(const Address& to,
                                               const Binding& binding,
                                               void* object,
                                               std::uint32_t correlation,
                                               Admission admission,
                                               Deadline& deadline) {
  if (!to.is_local()) return send_remote(to, binding, object, correlation, deadline);
  if (to.actor.needs_credit() && admission == Admission::limited) [[unlikely]] {
    if (const auto taken = take_credit(to.actor, deadline); !taken) {
      destroy(*binding.type, object);
      return taken;
    }
    admission = Admission::credited;
  }
  if (to.actor.thread() == index_) {
    send_here(to.actor, binding, object, correlation, admission);
    return {};
  }
  auto sent = send_local(to.actor, binding, object, correlation, admission, deadline);
  if (!sent && admission == Admission::credited) keep_credit(to.actor);
  return sent;
}

void Scheduler::send_here(
    ActorId to, const Binding& binding, void* object, std::uint32_t correlation, Admission admission) {
  const MessageType& type = *binding.type;
  ++counters_.sent;
  Envelope* const envelope = EnvelopePool::node(type.size);
  std::byte* const place = EnvelopePool::object(envelope);
  envelope->message = {.binding = &binding,
                       .payload = place,
                       .length = type.size,
                       .type = type.id,
                       .asker = {.address = self(), .correlation = correlation},
                       .target = to,
                       .admission = admission,
                       .envelope = envelope};
  Message& message = envelope->message;
  type.relocate(place, object);
  Cell* cell = find(to);
  if (admission == Admission::credited && cell != nullptr) [[unlikely]]
    --cell->bound_->promised;
  // Where it is taken here it takes its envelope, and so itself, with it.
  if (cell == nullptr) {
    dead_letter(message, "there is no such actor");
  } else if (!hand_over(*cell, message)) {
    append(*cell, *envelope);
  }
  if (++sends_in_turn_ % sends_per_step == 0) [[unlikely]]
    step_aside();
}

/// Nobody else runs here while a handler does: one that sends faster than can be handled would fill the memory, and who has to
/// handle it never comes to it. Not where it waits for whom nobody can help: messages at a suspended cell are no backlog.
void Scheduler::step_aside() {
  for (std::uint32_t i = 0; i < sends_per_step && backlog_ >= most_backlog && current_cell_ != nullptr; ++i) {
    static_cast<void>(yield());
  }
}

[[gnu::always_inline]] inline std::expected<void, SendError> Scheduler::send_local(ActorId to,
                                                                                   const Binding& binding,
                                                                                   void* object,
                                                                                   std::uint32_t correlation,
                                                                                   Admission admission,
                                                                                   Deadline& deadline) {
  const MessageType& type = *binding.type;
  LocalOutlet* outlet = mail_outlet_to(to);
  if (outlet == nullptr) {
    destroy(type, object);
    return std::unexpected(SendError::unreachable);
  }
  const FrameHead head = LocalFrame::head(binding, admission, to, self().actor);
  if (current_cell_ == nullptr) {
    assert(correlation == 0 && "only a handler asks");
    if (type.size > outlet->ring->max_payload()) {
      destroy(type, object);
      return std::unexpected(SendError::too_long);
    }
    ++counters_.sent;
    write_object(*outlet, head, type, object);
    return {};
  }
  const auto place = room(*outlet, LocalFrame::bytes(type, correlation), deadline);
  if (!place) {
    destroy(type, object);
    return std::unexpected(place.error());
  }
  ++counters_.sent;
  type.relocate(*place, object);
  LocalFrame::put_correlation(type, *place, correlation);
  commit(*outlet, head);
  return {};
}

std::expected<void, SendError> Scheduler::send_remote(
    const Address& to, const Binding& binding, void* object, std::uint32_t correlation, Deadline& deadline) {
  const MessageType& type = *binding.type;
  if (type.id == 0) {
    destroy(type, object);
    return std::unexpected(SendError::not_wire);
  }
  const auto refused = [&](SendError error) {
    destroy(type, object);
    return std::unexpected(error);
  };
  RemoteLane* lane = lane_to(to.link);
  if (lane == nullptr || lane->mail.state == Outlet::State::closed) return refused(SendError::unreachable);
  const std::uint32_t length = type.length_between_processes(object);
  const Address sender = self();
  const FrameHead head{.kind = FrameKind::message,
                       .type = type.id,
                       .correlation = correlation,
                       .target = to.actor.value(),
                       .sender = sender.actor.value()};
  if (current_cell_ == nullptr) {
    if (lane->mail.state != Outlet::State::open) return refused(SendError::full);
    if (length > lane->mail.ring->max_payload()) return refused(SendError::too_long);
    write_wire(lane->mail, head, type, object);
    return {};
  }
  const auto place = room(lane->mail, length, deadline);
  if (!place) return refused(place.error());
  lane->let_in(sender.actor.value());
  current_cell_->exported_ = true;
  type.move_to_wire(*place, object);
  commit(lane->mail, head);
  return {};
}

void Scheduler::send_system(const Address& to, const Binding& binding, void* object) {
  Cell* const sender = std::exchange(current_cell_, nullptr);
  Deadline deadline = no_deadline;
  static_cast<void>(send(to, binding, object, 0, Admission::exempt, deadline));
  current_cell_ = sender;
}

// --- Answers, stop, words between schedulers

void Scheduler::reply(const Asker& asker, const MessageType& type, void* object) {
  if (!asker) {
    destroy(type, object);
  } else if (!asker.address.is_local()) {
    RemoteLane* lane = lane_of(asker);
    if (lane == nullptr) {
      destroy(type, object);
    } else if (type.id == 0 || type.length_between_processes(object) > lane->control.ring->max_payload()) {
      destroy(type, object);
      refuse(asker, transport::NoReply::failed);
    } else {
      const FrameHead head{.kind = FrameKind::reply,
                           .type = type.id,
                           .correlation = asker.correlation,
                           .target = asker.address.actor.value(),
                           .sender = self().actor.value()};
      write_wire(lane->control, head, type, object);
    }
  } else if (asker.address.actor.thread() == index_) {
    complete(asker.correlation, 0, type, object);
  } else if (LocalOutlet* outlet = outlet_to(asker.address.actor)) {
    if (type.size > outlet->ring->max_payload()) {
      destroy(type, object);
      refuse(asker, transport::NoReply::failed);
      return;
    }
    const FrameHead head{.kind = FrameKind::local_control,
                         .type = static_cast<std::uint32_t>(Operation::reply),
                         .correlation = asker.correlation,
                         .sender = object_word(type)};
    write_object(*outlet, head, type, object);
  } else {
    destroy(type, object);
  }
}

void Scheduler::refuse(const Asker& asker, transport::NoReply reason) {
  if (!asker) return;
  if (!asker.address.is_local()) {
    RemoteLane* lane = lane_of(asker);
    if (lane == nullptr) return;
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
    RemoteLane* const lane = whom.actor ? lane_of(whom.link) : nullptr;
    if (lane != nullptr && lane->system != nullptr) {
      send_signal(*lane, Signal::stop, whom.actor, self().actor);
    } else if (on_stop_peer) {
      on_stop_peer(whom.link);
    }
  } else if (whom.actor.thread() == index_) {
    if (Cell* cell = find(whom.actor)) request_stop(*cell);
  } else {
    tell_elsewhere(whom.actor, Operation::stop, ActorId());
  }
}

bool Scheduler::tell_elsewhere(ActorId target, Operation operation, ActorId sender, std::uint64_t word) {
  LocalOutlet* outlet = outlet_to(target);
  if (outlet == nullptr) return false;
  const FrameHead head{.kind = FrameKind::local_control,
                       .type = static_cast<std::uint32_t>(operation),
                       .target = target.value(),
                       .sender = sender.value()};
  write_word(*outlet, head, word);
  return true;
}

void Scheduler::tell_elsewhere(ActorId target, Operation operation, Farewell farewell) {
  LocalOutlet* outlet = outlet_to(target);
  if (outlet == nullptr) return;
  // write_object() destroys what it moves from.
  alignas(Farewell) std::byte room[sizeof(Farewell)];
  const FrameHead head{.kind = FrameKind::local_control,
                       .type = static_cast<std::uint32_t>(operation),
                       .target = target.value(),
                       .sender = object_word(farewell_type)};
  write_object(*outlet, head, farewell_type, ::new (room) Farewell(std::move(farewell)));
}

}  // namespace ringmail::runtime

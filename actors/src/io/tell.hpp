// From the reactor to an actor: a message that nobody sent.
#pragma once

#include "ringmail/actors/message_type.hpp"
#include "ringmail/runtime/scheduler.hpp"

namespace ringmail::io::detail {

/// On the actor's scheduler. False: it has ended.
template <class M>
bool tell(runtime::Scheduler& scheduler, runtime::ActorId actor, const runtime::Binding& binding, M&& message) {
  static_assert(!std::is_reference_v<M> && std::is_same_v<Carrier<M>, M>);
  if (!scheduler.is_live(actor)) return false;
  ringmail::detail::Room<M> room;
  ::new (room.place()) M(std::move(message));
  // Outside of a handler it never waits, and on one scheduler nothing is refused. The credits bound how many there are.
  scheduler.send_system({0, actor}, binding, room.place());
  return true;
}

}  // namespace ringmail::io::detail

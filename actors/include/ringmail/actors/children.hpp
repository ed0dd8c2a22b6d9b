// Actors that own others, and actors that fail together.
//
// A child ends with its parent: when the parent is to end, whatever for, its children are told to stop, and its own stopped()
// runs when they have ended. What becomes of a child is not told to its parent unless it monitors or links it; for restarts
// there are supervisors (supervisor.hpp).
//
// Links go both ways. When one side ends for another reason than `normal`, the other ends with the reason `linked`, whose cause
// is the first one's; an actor that traps exits gets Exit{who, reason} as a message instead, of normal ends too. A link is over
// when either side has ended once, restarted or not, and so is a monitor.
//
// Threads: as this_actor.hpp.
#pragma once

#include <concepts>
#include <expected>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "ringmail/actors/actor.hpp"
#include "ringmail/actors/system.hpp"
#include "ringmail/actors/this_actor.hpp"

namespace ringmail {

namespace detail {
runtime::ActorId spawn_child(std::unique_ptr<runtime::Cell> cell, runtime::Placement where, bool linked);
void adopt(const runtime::Address& child);
void link(const runtime::Address& whom);
void unlink(const runtime::Address& whom);
}  // namespace detail

namespace this_actor {

/// A child of this actor on scheduler number `where`, modulo how many there are, or wherever another Placement says.
template <std::derived_from<Actor> A, class... Arguments>
Mailbox<A> spawn_on(Placement where, Arguments&&... arguments) {
  auto cell = std::make_unique<detail::ActorCell<A>>(std::forward<Arguments>(arguments)...);
  return {detail::this_system(), {0, detail::spawn_child(std::move(cell), where, false)}};
}

/// A child of this actor, as the options say.
template <std::derived_from<Actor> A, class... Arguments>
Mailbox<A> spawn_with(const SpawnOptions& options, Arguments&&... arguments) {
  auto cell = detail::make_cell<A>(options, std::forward<Arguments>(arguments)...);
  return {detail::this_system(), {0, detail::spawn_child(std::move(cell), options.scheduler, false)}};
}

/// A child of this actor, on the next scheduler in turn.
template <std::derived_from<Actor> A, class... Arguments>
Mailbox<A> spawn(Arguments&&... arguments) {
  return spawn_on<A>(runtime::System::any_scheduler, std::forward<Arguments>(arguments)...);
}
template <class... Functions>
  requires(sizeof...(Functions) > 0 && (!std::derived_from<std::remove_cvref_t<Functions>, Actor> && ...))
auto spawn(Functions... functions) {
  return spawn_on<FunctionActor<Functions...>>(runtime::System::any_scheduler, std::move(functions)...);
}

/// As spawn(), and linked from its first moment.
template <std::derived_from<Actor> A, class... Arguments>
Mailbox<A> spawn_linked(Arguments&&... arguments) {
  auto cell = std::make_unique<detail::ActorCell<A>>(std::forward<Arguments>(arguments)...);
  return {detail::this_system(), {0, detail::spawn_child(std::move(cell), runtime::System::any_scheduler, true)}};
}
template <class... Functions>
  requires(sizeof...(Functions) > 0 && (!std::derived_from<std::remove_cvref_t<Functions>, Actor> && ...))
auto spawn_linked(Functions... functions) {
  return spawn_linked<FunctionActor<Functions...>>(std::move(functions)...);
}

/// As System::spawn_peer(); the process is stopped when this actor ends, which waits for that.
template <class P>
std::expected<Mailbox<P>, std::string> spawn_peer(PeerOptions options) {
  auto peer = detail::spawn_peer<P>(detail::this_system(), std::move(options));
  if (peer) detail::adopt(peer->address());
  return peer;
}

/// With an actor or a peer process. One that has ended already, or never was, counts as failed: `unreachable`. A peer that is
/// linked to an actor that fails is stopped in order.
template <class A>
void link(const Mailbox<A>& whom) {
  detail::link(whom.address());
}
/// When it returns, no end of `whom` ends this actor any more.
template <class A>
void unlink(const Mailbox<A>& whom) {
  detail::unlink(whom.address());
}

/// Whether ends of those this actor is linked with come as messages. It must have on(const Exit&): else std::logic_error.
void trap_exits(bool trap);

}  // namespace this_actor
}  // namespace ringmail

// What a handler can do to or with its own actor, as std::this_thread does for threads.
//
// Threads: in a handler, started() included. Elsewhere there is no this_actor: an assertion.
#pragma once

#include <chrono>
#include <expected>

#include "ringmail/actors/actor.hpp"
#include "ringmail/actors/mailbox.hpp"

namespace ringmail {

enum class WaitError : std::uint8_t {
  timed_out,
  stopped,   ///< the actor was told to stop: leave the handler soon
  no_stack,  ///< too many handlers are suspended, or memory is short: there was no wait
};

namespace detail {
runtime::System& this_system();
runtime::Address this_address();
runtime::Address this_sender();
std::expected<void, WaitError> receive(const runtime::MessageType& type, void* to, std::chrono::nanoseconds timeout);
void monitor(const runtime::Address& whom);
void demonitor(const runtime::Address& whom);
}  // namespace detail

namespace this_actor {

/// Its own mailbox. A is the class that runs, or the protocol it follows.
template <class A>
Mailbox<A> mailbox() {
  return Mailbox<A>(detail::this_system(), detail::this_address());
}

/// Who sent the message that is being handled, by a protocol it is known to follow. Nobody's if it was sent by no actor.
template <class A>
Mailbox<A> sender() {
  const runtime::Address address = detail::this_sender();
  return address ? Mailbox<A>(detail::this_system(), address) : Mailbox<A>();
}

/// Suspends the handler. An error: stopped, or no_stack.
std::expected<void, WaitError> sleep_for(std::chrono::nanoseconds duration);

/// The next M sent to this actor, past whatever else waits; what waits keeps its order. Suspends until it is there.
template <class M>
std::expected<M, WaitError> receive(std::chrono::nanoseconds timeout) {
  detail::Room<Carrier<M>> room;
  const auto received = detail::receive(message_type<Carrier<M>>, room.place(), timeout);
  if (!received) return std::unexpected(received.error());
  room.filled();
  return std::move(detail::carried<M>(room.get()));
}

/// Lets the other actors of this scheduler run first.
void yield();

/// Ends this actor when the handler returns.
void stop();

/// Asks for one Down message when `whom` ends: an actor that ends, or a peer process that dies, each time anew. This actor
/// must have on(const Down&).
template <class A>
void monitor(const Mailbox<A>& whom) {
  detail::monitor(whom.address());
}
template <class A>
void demonitor(const Mailbox<A>& whom) {
  detail::demonitor(whom.address());
}

}  // namespace this_actor
}  // namespace ringmail

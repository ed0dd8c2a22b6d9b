// What an actor accepts, worked out at compile time from its `on` overloads.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

#include "ringmail/actors/message_type.hpp"
#include "ringmail/runtime/scheduler.hpp"

namespace ringmail {

/// What `ringmail gen` writes for a protocol: `on` declared for each message, never defined.
template <class A>
concept Protocol = requires {
  { A::ringmail_protocol } -> std::convertible_to<std::string_view>;
  typename A::ringmail_accepts;
};

namespace detail {
template <class M, class Tuple>
inline constexpr bool is_among = false;
template <class M, class... Ms>
inline constexpr bool is_among<M, std::tuple<Ms...>> = (std::is_same_v<M, Ms> || ...);
}  // namespace detail

/// Whether an A handles an M: it has on(const M&), or the protocol A names M.
template <class A, class M>
concept Accepts = (!Protocol<A> && requires(A& actor, const M& message) { actor.on(message); }) || (Protocol<A> && [] {
                    if constexpr (Protocol<A>) return detail::is_among<M, typename A::ringmail_accepts>;
                    return false;
                  }());

namespace detail {
template <class A, class M>
struct ReplyOf {};
template <class A, class M>
  requires requires(A& actor, const M& message) { actor.on(message); }
struct ReplyOf<A, M> {
  using type = std::remove_cvref_t<decltype(std::declval<A&>().on(std::declval<const M&>()))>;
};
}  // namespace detail

/// What A's handler of M returns: the reply. void: it is answered with Done.
template <class A, class M>
using Reply = typename detail::ReplyOf<A, M>::type;

template <class R>
using ReplyMessage = std::conditional_t<std::is_void_v<R>, Done, R>;

namespace detail {

template <class A>
class ActorCell;  // actor.hpp

/// Takes the message, runs A's handler, answers. The message is taken first: it stays good while the handler is suspended,
/// and its place in the ring is free for others.
template <class A, class M>
void handle(runtime::Cell& cell, runtime::Message& message) {
  A& actor = static_cast<ActorCell<A>&>(cell).actor();
  runtime::Scheduler& scheduler = cell.scheduler();
  const runtime::Asker asker = message.asker;
  Room<Carrier<M>> room;
  message.take(message_type<Carrier<M>>, room.place());
  room.filled();
  const M& value = carried<M>(room.get());
  using R = Reply<A, M>;
  if constexpr (std::is_void_v<R>) {
    actor.on(value);
    Done done;
    if (asker) scheduler.reply(asker, message_type<Done>, &done);
  } else {
    Room<Carrier<R>> answer;
    ::new (answer.place()) Carrier<R>(carry<R>(actor.on(value)));
    answer.filled();
    if (asker) {
      scheduler.reply(asker, message_type<Carrier<R>>, answer.place());
      answer.moved_from();
    }
  }
}

/// Of a message to an A whose class the sender knows. To a protocol the handler is null: the actor's own is looked up.
template <class A, class M>
inline constexpr runtime::Binding binding_of{.type = &message_type<Carrier<M>>, .handler = [] {
                                               if constexpr (Protocol<A>) {
                                                 return runtime::Handler(nullptr);
                                               } else {
                                                 return runtime::Handler(&handle<A, M>);
                                               }
                                             }()};

/// A's handlers of the messages of protocol P, by type id.
template <class A, class P>
struct ProtocolTable {
  static const runtime::Binding* find(std::uint32_t type) noexcept {
    return find(type, static_cast<typename P::ringmail_accepts*>(nullptr));
  }

 private:
  template <class... Ms>
  static const runtime::Binding* find(std::uint32_t type, std::tuple<Ms...>*) noexcept {
    const runtime::Binding* found = nullptr;
    static_cast<void>(((type == Ms::ringmail_type ? (found = binding<Ms>(), true) : false) || ...));
    return found;
  }

  template <class M>
  static const runtime::Binding* binding() noexcept {
    static_assert(Accepts<A, M>,
                  "this actor says that it follows a protocol, and has no on(const M&) for one of its messages");
    if constexpr (Accepts<A, M>) {
      static_assert(std::is_same_v<Reply<A, M>, Reply<P, M>>,
                    "this actor's on(const M&) does not return what its protocol says");
    }
    return &binding_of<A, M>;
  }
};

}  // namespace detail
}  // namespace ringmail

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

/// A's handlers as one function.
template <class A>
struct HandlersOf {
  A& actor;

  // Its type is said, so that whoever only wants to know needs no definition: a protocol has none.
  template <class M, class Actor = A>
  auto operator()(const M& message) const -> decltype(std::declval<Actor&>().on(message)) {
    return actor.on(message);
  }
};

/// A ringmail::View of a message of variable length. It is no message: nobody knows how long what it shows stays.
template <class V>
concept IsView = requires { typename V::ringmail_message; };

/// What a function is called with for an M: an M or, where it takes none, a View<M>.
template <class On, class M>
struct TakenBy {
  using type = M;
};
template <class On, class M>
  requires(!std::invocable<On&, const M&>) && std::invocable<On&, const typename M::ringmail_view&>
struct TakenBy<On, M> {
  using type = typename M::ringmail_view;
};

template <class On, class M>
using Taken = typename TakenBy<On, M>::type;

template <class A, class M>
concept Handles = !IsView<M> && std::invocable<HandlersOf<A>&, const Taken<HandlersOf<A>, M>&>;
}  // namespace detail

/// Whether an A handles an M: it has on(const M&) or on(const View<M>&), or the protocol A names M, or what M is without its body.
template <class A, class M>
concept Accepts = (!Protocol<A> && detail::Handles<A, M>) || (Protocol<A> && [] {
                    if constexpr (Protocol<A>) {
                      using Named = typename detail::WithoutBody<M>::type;
                      return detail::is_among<Named, typename A::ringmail_accepts>;
                    }
                    return false;
                  }());

/// What a handler returns that answers with an R, but not by returning: by a promise, or through an actor that it hands the
/// question on to.
template <class R>
struct Later {};

namespace detail {
template <class A, class M>
using HandlerResult = std::remove_cvref_t<std::invoke_result_t<HandlersOf<A>&, const Taken<HandlersOf<A>, M>&>>;

template <class R>
struct Answer {
  using type = R;
  static constexpr bool is_later = false;
};
template <class R>
struct Answer<Later<R>> {
  using type = R;
  static constexpr bool is_later = true;
};

template <class A, class M>
struct ReplyOf {};
template <class A, class M>
  requires Handles<A, M>
struct ReplyOf<A, M> : Answer<HandlerResult<A, M>> {};
template <Protocol A, class M>
struct ReplyOf<A, Large<M>> : ReplyOf<A, M> {};
}  // namespace detail

/// What A's handler of M answers with. void: it is answered with Done.
template <class A, class M>
using Reply = typename detail::ReplyOf<A, M>::type;

template <class R>
using ReplyMessage = std::conditional_t<std::is_void_v<R>, Done, R>;

namespace detail {

template <class A>
class ActorCell;  // actor.hpp

/// Calls `on` with the message or a view of it, and answers whoever has not been answered meanwhile.
template <class Value, class On>
void call_and_answer(runtime::Cell& cell, const Value& value, On& on) {
  runtime::Scheduler& scheduler = cell.scheduler();
  using R = std::remove_cvref_t<std::invoke_result_t<On&, const Value&>>;
  if constexpr (std::is_void_v<R>) {
    on(value);
    if (!cell.is_asked()) return;
    Done done;
    scheduler.reply(cell.take_asker(), message_type<Done>, &done);
  } else if constexpr (Answer<R>::is_later) {
    on(value);
    // Neither promised nor handed on: nobody could answer it any more.
    scheduler.refuse(cell.take_asker(), transport::NoReply::failed);
  } else {
    Room<Carrier<R>> answer;
    ::new (answer.place()) Carrier<R>(carry<R>(on(value)));
    answer.filled();
    if (const runtime::Asker asker = cell.take_asker()) {
      scheduler.reply(asker, message_type<Carrier<R>>, answer.place());
      answer.moved_from();
    }
  }
}

/// The message is taken first: it stays good while the handler is suspended, and its place in the ring is free for others. Bytes of
/// which the handler wants a view stay where they were copied to.
template <class M, class On>
void take_and_answer(runtime::Cell& cell, runtime::Message& message, On on) {
  if constexpr (IsView<Taken<On, M>>) {
    if (message.binding == nullptr) {
      const runtime::HeldMessage held(message);
      // It has been found to be one, in this very copy.
      call_and_answer(cell, *Taken<On, M>::ringmail_read(held.bytes()), on);
      return;
    }
  }
  Room<Carrier<M>> room;
  message.take(message_type<Carrier<M>>, room.place());
  room.filled();
  if constexpr (IsView<Taken<On, M>>) {
    call_and_answer(cell, carried<M>(room.get()).ringmail_borrow(), on);
  } else {
    call_and_answer(cell, carried<M>(room.get()), on);
  }
}

template <class A, class M>
void handle(runtime::Cell& cell, runtime::Message& message) {
  take_and_answer<M>(cell, message, HandlersOf<A>{static_cast<ActorCell<A>&>(cell).actor()});
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
    // With a body or without, it is one message.
    using Handled = std::conditional_t<Accepts<A, Large<M>>, Large<M>, M>;
    static_assert(Accepts<A, Handled>,
                  "this actor says that it follows a protocol, and has no on(const M&) for one of its messages");
    if constexpr (Accepts<A, Handled>) {
      static_assert(std::is_same_v<Reply<A, Handled>, Reply<P, M>>,
                    "this actor's on(const M&) does not return what its protocol says");
    }
    return &binding_of<A, Handled>;
  }
};

}  // namespace detail
}  // namespace ringmail

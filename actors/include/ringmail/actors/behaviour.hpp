// What an actor does from now on: behaviours, put on top of the handlers of its class, and messages put aside until then.
//
//     void on(const Connect&) {
//       this_actor::become<Session>([this](const Data& data) { take(data); });   // a Session that is connected
//       this_actor::unstash_all();                                               // the Data that came too early
//     }
//     void on(const Data& data) { if (!this_actor::stash(data)) drop(data); }    // not connected yet
//
// Threads: in a handler, as all of this_actor.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "ringmail/actors/accepts.hpp"
#include "ringmail/actors/this_actor.hpp"

namespace ringmail {

namespace detail {

template <class>
struct ArgumentOf;
template <class F, class R, class M>
struct ArgumentOf<R (F::*)(M)> {
  using type = std::remove_cvref_t<M>;
};
template <class F, class R, class M>
struct ArgumentOf<R (F::*)(M) const> : ArgumentOf<R (F::*)(M)> {};

template <class V>
struct Shown {
  using type = V;
};
template <IsView V>
struct Shown<V> {
  using type = typename V::ringmail_message;
};

/// The message that a function of one argument takes, or a view of it.
template <class F>
using MessageOf = typename Shown<typename ArgumentOf<decltype(&F::operator())>::type>::type;

/// What a function answers an M with.
template <class F, class M>
using ResultOf = typename Answer<std::invoke_result_t<F&, const Taken<F, M>&>>::type;

/// Functions that stand in for some of A's handlers.
template <class A, class... Functions>
class BehaviourOf final : public runtime::Behaviour {
 public:
  explicit BehaviourOf(Functions... functions) : functions_(std::move(functions)...) {}

  const runtime::Binding* find(const runtime::Message& message) const noexcept override {
    return find(message, std::index_sequence_for<Functions...>());
  }

 private:
  template <std::size_t i>
  using Function = std::tuple_element_t<i, std::tuple<Functions...>>;

  template <std::size_t i>
  static void handle(runtime::Cell& cell, runtime::Message& message) {
    // It stays as long as this turn, even if the function takes it off.
    auto& function = std::get<i>(static_cast<BehaviourOf&>(cell.behaviour()).functions_);
    take_and_answer<MessageOf<Function<i>>>(cell, message, std::ref(function));
  }

  template <std::size_t i>
  static constexpr runtime::Binding binding{.type = &message_type<Carrier<MessageOf<Function<i>>>>,
                                            .handler = &handle<i>};

  template <std::size_t i>
  static bool is_for(const runtime::Message& message) {
    using M = MessageOf<Function<i>>;
    static_assert(Accepts<A, M>,
                  "a behaviour is for messages that its actor accepts: the class has no on(const M&) for this");
    static_assert(std::is_same_v<ResultOf<Function<i>, M>, Reply<A, M>>,
                  "a behaviour answers as its actor's own handler does");
    if (message.binding != nullptr) return message.binding->type == &message_type<Carrier<M>>;
    if constexpr (WireMessage<M> || is_large<M>) return message.type == M::ringmail_type;
    return false;
  }

  template <std::size_t... i>
  static const runtime::Binding* find(const runtime::Message& message, std::index_sequence<i...>) noexcept {
    const runtime::Binding* found = nullptr;
    static_cast<void>(((is_for<i>(message) ? (found = &binding<i>, true) : false) || ...));
    return found;
  }

  std::tuple<Functions...> functions_;
};

void become(std::unique_ptr<runtime::Behaviour> behaviour);
void become_stacked(std::unique_ptr<runtime::Behaviour> behaviour);
bool can_stash(std::size_t capacity);
void stash(const runtime::MessageType& type, void* object);

}  // namespace detail

namespace this_actor {

/// From the next message on, these functions handle what they take, in place of those put on last. A is this actor's class: it
/// handles what none of them takes. Each function takes one `const M&` that A accepts, or a `const View<M>&`, and answers as A does.
template <class A, class... Functions>
void become(Functions... functions) {
  detail::become(std::make_unique<detail::BehaviourOf<A, Functions...>>(std::move(functions)...));
}
/// The same, on top of those put on last, which unbecome() brings back.
template <class A, class... Functions>
void become_stacked(Functions... functions) {
  detail::become_stacked(std::make_unique<detail::BehaviourOf<A, Functions...>>(std::move(functions)...));
}
/// Takes off what was put on last. Without effect where nothing was.
void unbecome();

inline constexpr std::size_t default_stash_capacity = 1000;

/// Puts the message that is being handled aside until unstash_all(). Who waits for its answer goes on waiting: what this handler
/// returns goes nowhere. Of a view a copy is put aside. False, and nothing happens: so many are aside already. What is aside when the
/// actor ends becomes dead letters.
template <class M>
[[nodiscard]] bool stash(const M& message, std::size_t capacity = default_stash_capacity) {
  if constexpr (detail::IsView<M>) {
    return stash(message.ringmail_copy(), capacity);
  } else {
    if (!detail::can_stash(capacity)) return false;
    detail::Room<Carrier<M>> room;
    ::new (room.place()) Carrier<M>(detail::carry<M>(message));
    detail::stash(message_type<Carrier<M>>, room.place());
    return true;
  }
}
/// They come before all that waits, in the order in which they were put aside.
void unstash_all();

}  // namespace this_actor
}  // namespace ringmail

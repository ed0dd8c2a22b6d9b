// Messages that are sent later, once or again and again.
//
// They end with the actor that made them. They come from nobody (this_actor::sender() is empty), and never before their time.
//
// Threads: in a handler, as all of this_actor; a Timer is of use to the actor that has it, and may be copied.
#pragma once

#include <chrono>
#include <concepts>
#include <type_traits>

#include "ringmail/actors/mailbox.hpp"
#include "ringmail/actors/this_actor.hpp"

namespace ringmail {

/// One that is made by default is none.
class Timer {
 public:
  Timer() = default;
  explicit Timer(runtime::SendTimer timer) : timer_(timer) {}

  /// True: nothing is sent any more. False: it has been sent, and is perhaps not handled yet; or it was cancelled before.
  bool cancel();

 private:
  runtime::SendTimer timer_;
};

namespace detail {
Timer send_later(const runtime::Address& to,
                 const runtime::Binding& binding,
                 void* object,
                 std::chrono::nanoseconds delay,
                 std::chrono::nanoseconds period,
                 runtime::CopyObject copy);
}  // namespace detail

namespace this_actor {

/// A negative delay counts as none.
template <class A, class M>
  requires Accepts<A, std::remove_cvref_t<M>>
Timer send_after(std::chrono::nanoseconds delay, const Mailbox<A>& to, M&& message) {
  using Message = std::remove_cvref_t<M>;
  detail::Room<Carrier<Message>> room;
  ::new (room.place()) Carrier<Message>(detail::carry<Message>(std::forward<M>(message)));
  return detail::send_later(to.address(), detail::binding_of<A, Message>, room.place(), delay, {}, nullptr);
}

/// A copy of the message each period, the first after one. The times do not drift. Where some were missed, because the thread was
/// busy, one is sent for all of them. Precondition: period > 0.
template <class A, class M>
  requires Accepts<A, M> && std::copy_constructible<M>
Timer send_every(std::chrono::nanoseconds period, const Mailbox<A>& to, const M& message) {
  detail::Room<Carrier<M>> room;
  ::new (room.place()) Carrier<M>(detail::carry<M>(message));
  const auto copy = [](void* target, const void* source) {
    // Where the carrier points to the message, it is the message that is copied.
    auto& carrier = *const_cast<Carrier<M>*>(static_cast<const Carrier<M>*>(source));
    ::new (target) Carrier<M>(detail::carry<M>(static_cast<const M&>(detail::carried<M>(carrier))));
  };
  return detail::send_later(to.address(), detail::binding_of<A, M>, room.place(), period, period, copy);
}

}  // namespace this_actor
}  // namespace ringmail

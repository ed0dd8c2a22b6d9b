// Process groups and topics: actors and peers that are sent to by what they have in common.
//
//     auto ticks = system.topic<market::Tick>("ticks");
//     ticks.subscribe(pricer);                             // an actor or a peer that accepts a Tick
//     ticks.publish(market::Tick{...});                    // to each of them
//
// Names match exactly. Who has ended is no member any more; a peer that is restarted remains one.
//
// Threads: a Topic or Group belongs to the actor or thread that has it; copies are cheap, and each has its own view of the members,
// which is looked at anew when it has changed. In steady state that is one load: no lock and no allocation.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "ringmail/actors/mailbox.hpp"
#include "ringmail/runtime/dead_letter.hpp"
#include "ringmail/runtime/groups.hpp"

namespace ringmail {

using runtime::DeadLetter;

namespace detail {
/// Calls `each` for every member where what is sent to it leaves from: in a handler here; on a plain thread on the schedulers that
/// speak for it, once on each. Not for those for which nobody speaks any more.
void for_each_member(runtime::System& system,
                     const runtime::Group::Members& members,
                     void (*each)(void* context, const runtime::Member& member),
                     void* context);
}  // namespace detail

template <class M>
class Topic {
 public:
  Topic(runtime::System& system, runtime::Group& group) : system_(&system), group_(&group), view_(group) {}

  /// False: it has subscribed already, or it has ended.
  template <class A>
    requires Accepts<A, M>
  bool subscribe(const Mailbox<A>& mailbox) {
    return system_->join(*group_, {mailbox.address(), &detail::binding_of<A, M>});
  }
  template <class A>
  bool unsubscribe(const Mailbox<A>& mailbox) {
    return group_->leave(mailbox.address());
  }

  struct Published {
    std::size_t sent = 0;
    std::size_t missed = 0;  ///< subscribers that had no room in time, or have just ended
  };

  /// A copy to each subscriber, in the order in which they subscribed. As with a send, a handler suspends while a ring has no room,
  /// for each at most `timeout`: 0 passes over those that are behind. Each subscriber's ring is written once, and who sleeps
  /// is woken once, when the handler returns. A plain thread blocks, and has each scheduler with subscribers do this for its own.
  Published publish(const M& message, std::chrono::nanoseconds timeout = default_send_timeout) {
    struct Publication {
      runtime::System& system;
      const M& message;
      std::chrono::nanoseconds timeout;
      std::size_t sent = 0;
    };
    Publication publication{.system = *system_, .message = message, .timeout = timeout};
    // Kept: while this waits for room, the handler of another message may look at a new list.
    const auto members = view_.members();
    detail::for_each_member(
        *system_, *members,
        [](void* context, const runtime::Member& member) {
          auto& self = *static_cast<Publication*>(context);
          detail::Room<Carrier<M>> room;
          ::new (room.place()) Carrier<M>(detail::carry<M>(self.message));
          if (detail::send(self.system, member.address, *member.binding, room.place(), self.timeout)) ++self.sent;
        },
        &publication);
    return {.sent = publication.sent, .missed = members->size() - publication.sent};
  }

  std::size_t subscribers() { return view_.members()->size(); }

 private:
  runtime::System* system_;
  runtime::Group* group_;
  runtime::GroupView view_;
};

/// Actors or peers of one class or protocol.
template <class A>
class Group {
 public:
  Group(runtime::System& system, runtime::Group& group) : system_(&system), group_(&group), view_(group) {}

  /// False: it is a member already, or it has ended.
  bool join(const Mailbox<A>& mailbox) { return system_->join(*group_, {mailbox.address(), nullptr}); }
  bool leave(const Mailbox<A>& mailbox) { return group_->leave(mailbox.address()); }

  std::size_t size() { return view_.members()->size(); }
  /// In the order in which they joined.
  Mailbox<A> at(std::size_t index) { return {*system_, (*view_.members())[index].address}; }
  std::vector<Mailbox<A>> members() {
    std::vector<Mailbox<A>> members;
    for (const runtime::Member& member : *view_.members()) members.emplace_back(*system_, member.address);
    return members;
  }

 private:
  runtime::System* system_;
  runtime::Group* group_;
  runtime::GroupView view_;
};

namespace detail {
/// Its address tells groups of A from others.
template <class A>
inline constexpr char group_kind = 0;
}  // namespace detail

}  // namespace ringmail

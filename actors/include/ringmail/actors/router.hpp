// A router in front of a pool: each message goes to one of a group, or to all.
//
//     ringmail::Router workers(system.group<Worker>("workers"), ringmail::Route::round_robin);
//     workers.send(Job{...});
//     workers.send_by(order.customer, order);        // the same key goes to the same member
//
// Members come and go; a router without members fails with `unreachable`.
//
// Threads: belongs to the actor or thread that has it.
#pragma once

#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <utility>

#include "ringmail/actors/answer.hpp"
#include "ringmail/actors/group.hpp"

namespace ringmail {

enum class Route : std::uint8_t {
  round_robin,
  least_loaded,  ///< whoever has the fewest questions of this router unanswered; among equals, and for sends, in turn
  broadcast,     ///< a send goes to all
};

template <class A>
class Router {
 public:
  explicit Router(Group<A> group, Route route = Route::round_robin) : group_(std::move(group)), route_(route) {}

  /// To a member, or to all. An error of a broadcast: that of the last member that could not be sent to.
  template <class M>
    requires Accepts<A, M>
  std::expected<void, SendError> send(const M& message, std::chrono::nanoseconds timeout = default_send_timeout) {
    if (route_ == Route::broadcast) return broadcast(message, timeout);
    const std::size_t count = group_.size();
    return count == 0 ? std::unexpected(SendError::unreachable) : next(count).send(M(message), timeout);
  }

  /// To the member that this key belongs to, whatever the route. When a member joins or leaves, only keys that it gets or had move
  /// (rendezvous hashing).
  template <class Key, class M>
    requires Accepts<A, M>
  std::expected<void, SendError> send_by(const Key& key,
                                         const M& message,
                                         std::chrono::nanoseconds timeout = default_send_timeout) {
    const Mailbox<A> member = of(key);
    return member ? member.send(M(message), timeout) : std::unexpected(SendError::unreachable);
  }

  /// Waits for the answer of a member. Precondition: the route is not broadcast; ask_all(group.members(), ...) does that.
  template <class M>
    requires Accepts<A, M>
  AnswerTo<A, M> ask(const M& message, std::chrono::nanoseconds timeout) {
    assert(route_ != Route::broadcast);
    const std::size_t count = group_.size();
    if (count == 0) return std::unexpected(AskError::unreachable);
    const Mailbox<A> member = next(count);
    ++unanswered_[member];
    AnswerTo<A, M> answer = ringmail::ask(member, M(message), timeout);
    answered(member);
    return answer;
  }

  /// As this_actor::ask_then; the router belongs to the actor that calls, and is there as long as it.
  template <class M, class Then>
    requires Accepts<A, M>
  void ask_then(const M& message, std::chrono::nanoseconds timeout, Then then) {
    assert(route_ != Route::broadcast);
    const std::size_t count = group_.size();
    const Mailbox<A> member = count == 0 ? Mailbox<A>() : next(count);
    ++unanswered_[member];
    this_actor::ask_then(member, M(message), timeout,
                         [this, member, then = std::move(then)](AnswerTo<A, M> answer) mutable {
                           answered(member);
                           then(std::move(answer));
                         });
  }

  /// Whom a key belongs to. Nobody, if there is no member.
  template <class Key>
  Mailbox<A> of(const Key& key) {
    const std::uint64_t hash = std::hash<Key>{}(key);
    Mailbox<A> best;
    std::uint64_t best_weight = 0;
    const std::size_t count = group_.size();
    for (std::size_t i = 0; i < count; ++i) {
      const Mailbox<A> member = group_.at(i);
      const std::uint64_t weight = mix(hash ^ std::hash<Mailbox<A>>{}(member));
      if (!best || weight > best_weight) {
        best = member;
        best_weight = weight;
      }
    }
    return best;
  }

 private:
  Mailbox<A> next(std::size_t count) {
    if (route_ != Route::least_loaded) return group_.at(turn_++ % count);
    Mailbox<A> least;
    std::size_t least_load = SIZE_MAX;
    for (std::size_t i = 0; i < count && least_load != 0; ++i) {
      const Mailbox<A> member = group_.at((turn_ + i) % count);
      const auto found = unanswered_.find(member);
      const std::size_t load = found != unanswered_.end() ? found->second : 0;
      if (load >= least_load) continue;
      least_load = load;
      least = member;
    }
    ++turn_;
    return least;
  }

  template <class M>
  std::expected<void, SendError> broadcast(const M& message, std::chrono::nanoseconds timeout) {
    const auto members = group_.members();
    std::optional<SendError> error;
    if (members.empty()) error = SendError::unreachable;
    for (const Mailbox<A>& member : members) {
      if (const auto sent = member.send(M(message), timeout); !sent) error = sent.error();
    }
    if (error) return std::unexpected(*error);
    return {};
  }

  void answered(const Mailbox<A>& member) {
    const auto load = unanswered_.find(member);
    if (--load->second == 0) unanswered_.erase(load);
  }

  /// Spreads the bits of a hash that may be the identity (the finalizer of SplitMix64).
  static std::uint64_t mix(std::uint64_t bits) {
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
    return bits ^ (bits >> 31);
  }

  Group<A> group_;
  Route route_;
  std::size_t turn_ = 0;
  std::unordered_map<Mailbox<A>, std::size_t> unanswered_;
};

}  // namespace ringmail

// What actors are made of: a class with handlers, or a set of functions.
//
//     class Counter : public ringmail::Actor {
//      public:
//       void on(const Add& add) { total_ += add.n; }
//       long on(const Get&) { return total_; }        // what it returns is the reply
//      private:
//       long total_ = 0;
//     };
//
// One message at a time. Any handler may suspend (ask, this_actor::sleep_for, this_actor::receive, a send that waits for
// room); while it is suspended its actor takes no other message, and its thread runs other actors. A `const M&` is good for
// the whole handler, and so is a `const View<M>&`, which a message of variable length can be taken as. An exception that leaves a
// handler ends the actor, and its monitors are told why.
#pragma once

#include <concepts>
#include <memory>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "ringmail/actors/accepts.hpp"
#include "ringmail/runtime/cell.hpp"
#include "ringmail/runtime/mailbox_limit.hpp"
#include "ringmail/runtime/placement.hpp"

namespace ringmail {

using runtime::Down;
using runtime::Exit;
using runtime::ExitReason;
using runtime::MailboxLimit;
using runtime::Overflow;
using runtime::Placement;

struct SpawnOptions {
  Placement scheduler = Placement::round_robin();  ///< where it is to live
  MailboxLimit mailbox{};                          ///< what may wait at it
  /// It takes messages while handlers of it are suspended. Their order is then that in which they began, no longer that in which
  /// they end, and what a handler knows of its actor's state may be otherwise after each wait.
  bool reentrant = false;
  /// What it is sent from other schedulers waits behind nothing that others are sent: neither for room nor to be read.
  bool own_lane = false;
};

/// Base of actors that are classes. An actor that peers may send to names the protocol that they know it by:
/// `using Protocol = market::Pricer;`.
class Actor {
 public:
  Actor() = default;
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;
  virtual ~Actor() = default;

  /// Before the first message; may suspend. What arrives meanwhile waits.
  virtual void started() {}
  /// After the last message, whatever the reason; even where started() did not run, for the actor was stopped before. Must
  /// not suspend.
  virtual void stopped(const ExitReason&) {}
};

namespace detail {
template <class... Functions>
struct Overloads : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Overloads(Functions...) -> Overloads<Functions...>;
}  // namespace detail

/// An actor of functions: each takes `const M&`, and what it returns is the reply.
template <class... Functions>
class FunctionActor : public Actor {
 public:
  explicit FunctionActor(Functions... functions) : functions_{std::move(functions)...} {}

  template <class M>
    requires std::invocable<detail::Overloads<Functions...>&, const M&>
  decltype(auto) on(const M& message) {
    return functions_(message);
  }

 private:
  detail::Overloads<Functions...> functions_;
};

namespace detail {

template <class A>
concept FollowsProtocol = requires { typename A::Protocol; };

template <class A>
class ActorCell : public runtime::Cell {
 public:
  template <class... Arguments>
  explicit ActorCell(Arguments&&... arguments) : actor_(std::forward<Arguments>(arguments)...), made_(true) {}
  ~ActorCell() override {
    if (made_) actor_.~A();
  }

  A& actor() { return actor_; }

  const char* class_name() const noexcept override { return typeid(A).name(); }
  void start() override { actor_.started(); }
  void stopped(const ExitReason& reason) override {
    if (made_) actor_.stopped(reason);
  }

  const runtime::Binding* find(std::uint32_t type) const noexcept override {
    if constexpr (FollowsProtocol<A>) {
      return ProtocolTable<A, typename A::Protocol>::find(type);
    } else {
      return nullptr;
    }
  }

  const runtime::Binding* down() const noexcept override {
    if constexpr (Accepts<A, Down>) {
      return &binding_of<A, Down>;
    } else {
      return nullptr;
    }
  }

  const runtime::Binding* exit() const noexcept override {
    if constexpr (Accepts<A, Exit>) {
      return &binding_of<A, Exit>;
    } else {
      return nullptr;
    }
  }

 protected:
  /// Without an actor, for which construct() comes later.
  struct Later {};
  explicit ActorCell(Later) {}
  /// Of one that is always there.
  template <class... Arguments>
  explicit ActorCell(Supervising role, Arguments&&... arguments)
      : Cell(role), actor_(std::forward<Arguments>(arguments)...), made_(true) {}

  template <class... Arguments>
  void construct(Arguments&&... arguments) {
    ::new (static_cast<void*>(&actor_)) A(std::forward<Arguments>(arguments)...);
    made_ = true;
  }
  void destruct() noexcept {
    if (std::exchange(made_, false)) actor_.~A();
  }

 private:
  union {
    A actor_;
  };
  bool made_ = false;
};

template <std::derived_from<Actor> A, class... Arguments>
std::unique_ptr<runtime::Cell> make_cell(const SpawnOptions& options, Arguments&&... arguments) {
  auto cell = std::make_unique<ActorCell<A>>(std::forward<Arguments>(arguments)...);
  cell->limit_mailbox(options.mailbox);
  if (options.reentrant) cell->make_reentrant();
  if (options.own_lane) cell->give_own_lane();
  return cell;
}

}  // namespace detail
}  // namespace ringmail

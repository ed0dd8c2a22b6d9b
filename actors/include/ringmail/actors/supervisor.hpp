// Supervisors: who restarts actors and peer processes when they end, and gives up when that does not help.
//
//     auto tree  = ringmail::supervise(system, {.strategy = ringmail::Strategy::rest_for_one});
//     auto store = tree.child<Store>({.name = "store"}, "/var/lib/prices");
//     auto cache = tree.child<Cache>({.name = "cache", .restart = ringmail::Restart::transient}, store);
//     auto quotes = tree.peer<market::Pricer>({.name = "pricer"}, {.command = {"python3", "pricer.py"}});
//     ringmail::Mailbox<ringmail::Supervisor> supervisor = tree.start();
//
// A child's mailbox is good before the child has started, and stays good over its restarts: what is sent meanwhile waits. Each
// life of an actor is a new object, made by its scheduler from copies of the arguments; the old one is destroyed when it ends,
// after stopped(). Children are started as they were declared, each when started() of the one before has returned (a peer: when
// it is ready), and stopped the other way round, each when the one before has ended or stop_timeout is over: nothing can be
// taken from a handler by force, so the supervisor ends when the last of them has.
//
// To add children to one that runs, and to end and restart them by name: running_supervisor.hpp.
//
// A supervisor is an actor: it can be monitored, linked and stopped, and can be the child of another one. Mailbox::stop() on a
// child ends that life, and the policy decides on the next. stop() on the supervisor ends all of it, and it for `normal`.
#pragma once

#include <concepts>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "ringmail/actors/actor.hpp"
#include "ringmail/actors/answer.hpp"
#include "ringmail/actors/supervisor_messages.hpp"
#include "ringmail/actors/supervisor_options.hpp"
#include "ringmail/actors/system.hpp"

namespace ringmail {

namespace detail {
class SupervisorCell;
struct SupervisorSpec;
}  // namespace detail

/// What is behind the mailbox of a supervisor.
class Supervisor : public Actor {
 public:
  /// Made by SupervisorBuilder alone.
  explicit Supervisor(detail::SupervisorCell& cell) : cell_(cell) {}
  std::vector<ChildInfo> on(const WhichChildren&) const;
  ChildCounts on(const CountChildren&) const;
  Later<ChildOutcome> on(const detail::StartChild& start);
  Later<ChildOutcome> on(const detail::TerminateChild& terminate);
  Later<ChildOutcome> on(const detail::RestartChild& restart);
  ChildOutcome on(const detail::DeleteChild& remove);

 private:
  detail::SupervisorCell& cell_;
};

namespace detail {

/// Makes its actor anew for each life.
template <class A, class... Arguments>
class RestartableCell final : public ActorCell<A> {
 public:
  template <class... Given>
  explicit RestartableCell(std::in_place_t, Given&&... given)
      : ActorCell<A>(typename ActorCell<A>::Later{}), arguments_(std::forward<Given>(given)...) {}

  void make() override {
    std::apply([this](const Arguments&... arguments) { this->construct(arguments...); }, arguments_);
  }
  void unmake() noexcept override { this->destruct(); }

 private:
  std::tuple<Arguments...> arguments_;
};

}  // namespace detail

/// Declares the children of one supervisor. One thread at a time, any; not after start(). One that goes without it takes its
/// children along. After System::shutdown() its mailboxes are nobody's. It must go before the System does: it refers to it.
class SupervisorBuilder {
 public:
  SupervisorBuilder(runtime::System& system,
                    const SupervisorOptions& options,
                    const runtime::Scheduler::Role& role = {});
  SupervisorBuilder(SupervisorBuilder&& other) noexcept;
  SupervisorBuilder& operator=(SupervisorBuilder&&) = delete;
  ~SupervisorBuilder();

  /// An actor of class A, made from copies of `arguments` in each of its lives.
  template <std::derived_from<Actor> A, class... Arguments>
    requires std::constructible_from<A, const std::decay_t<Arguments>&...>
  Mailbox<A> child(ChildOptions options, Arguments&&... arguments) {
    using Cell = detail::RestartableCell<A, std::decay_t<Arguments>...>;
    auto cell = std::make_unique<Cell>(std::in_place, std::forward<Arguments>(arguments)...);
    return {*system_, add(std::move(options), std::move(cell))};
  }

  /// An actor of functions, copied for each of its lives.
  template <class... Functions>
    requires(sizeof...(Functions) > 0 && (!std::derived_from<std::remove_cvref_t<Functions>, Actor> && ...))
  auto child(ChildOptions options, Functions... functions) {
    return child<FunctionActor<Functions...>>(std::move(options), std::move(functions)...);
  }

  /// A peer process that follows protocol P. Its policy is that of the child: `peer.restart` does not count, nor do the child's
  /// on_restart (mail of a peer is kept) and scheduler. stop_timeout should be longer than all of peer.deadlines from drain on.
  template <class P>
  std::expected<Mailbox<P>, std::string> peer(ChildOptions options, PeerOptions peer) {
    peer.held = true;
    if (peer.name.empty()) peer.name = options.name;
    auto spawned = detail::spawn_peer<P>(*system_, std::move(peer));
    if (spawned) add_peer(std::move(options), spawned->address());
    return spawned;
  }

  /// A supervisor as a child. It is started by this one; `on_restart` and `scheduler` do not count.
  SupervisorBuilder supervisor(ChildOptions options, const SupervisorOptions& supervisor);

  /// For start_supervisor(): one whose parent runs already.
  static SupervisorBuilder nested(runtime::System& system, runtime::ActorId parent, const SupervisorOptions& options);

  /// The supervisor's own, which is good before start().
  Mailbox<Supervisor> mailbox() const { return {*system_, {0, id_}}; }

  /// Starts the first child, and so on. Once; of one that is a child, its supervisor does that.
  Mailbox<Supervisor> start();

 private:
  runtime::Address add(ChildOptions options, std::unique_ptr<runtime::Cell> cell);
  void add_peer(ChildOptions options, const runtime::Address& peer);

  runtime::System* system_;
  std::shared_ptr<detail::SupervisorSpec> spec_;
  runtime::ActorId id_;
  bool is_owner_ = true;  // nobody else starts or removes it
};

/// A supervisor without a parent: it ends when it is stopped, gives up, or the system is shut down.
inline SupervisorBuilder supervise(System& system, const SupervisorOptions& options = {}) {
  return {system.runtime(), options};
}

namespace this_actor {
/// One that is a child of this actor, and ends with it. In a handler, start() included.
SupervisorBuilder supervise(const SupervisorOptions& options = {});
}  // namespace this_actor

}  // namespace ringmail

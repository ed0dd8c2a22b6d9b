// Children that are added to a supervisor while it runs, and ended, restarted and deleted on request.
//
//     auto pool = ringmail::supervise(system, {.strategy = ringmail::Strategy::simple_one_for_one}).start();
//     auto session = ringmail::start_child<Session>(pool, {.restart = ringmail::Restart::temporary}, 1s, socket);
//     if (!session) log(to_string(session.error().kind));
//     ringmail::terminate_child(pool, *session, 5s);
//
// Each asks the supervisor by a message and waits for its answer: a handler suspends, a plain thread blocks. A supervisor that has
// not been started answers when it has.
//
// A child that is added is the last of all in the order of the supervisor, is restarted as declared ones are, and belongs to this
// life of the supervisor: should that end, it is forgotten. So is a temporary one when it ends, and any of a simple_one_for_one.
//
// Threads: any thread and any handler, but not the started() of a child for which this supervisor waits: it starts its children
// in order, and would answer after that.
#pragma once

#include <chrono>
#include <concepts>
#include <expected>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "ringmail/actors/supervisor.hpp"

namespace ringmail {

namespace detail {
/// The address of a new cell that is to be a child of `supervisor`.
runtime::Address add_new_child(const Mailbox<Supervisor>& supervisor,
                               const ChildOptions& options,
                               std::unique_ptr<runtime::Cell> cell);
ChildOutcome start_child(const Mailbox<Supervisor>& supervisor,
                         const runtime::Address& child,
                         ChildOptions options,
                         bool is_supervisor,
                         std::chrono::nanoseconds timeout);
}  // namespace detail

/// An actor of class A, made from copies of `arguments` in each of its lives. Its mailbox, when started() has returned. One that
/// ends before that is not restarted, and forgotten: `failed`.
template <std::derived_from<Actor> A, class... Arguments>
  requires std::constructible_from<A, const std::decay_t<Arguments>&...>
std::expected<Mailbox<A>, ChildError> start_child(const Mailbox<Supervisor>& supervisor,
                                                  ChildOptions options,
                                                  std::chrono::nanoseconds timeout,
                                                  Arguments&&... arguments) {
  using Cell = detail::RestartableCell<A, std::decay_t<Arguments>...>;
  if (!supervisor) return std::unexpected(ChildError{ChildError::Kind::unreachable});
  const runtime::Address child = detail::add_new_child(
      supervisor, options, std::make_unique<Cell>(std::in_place, std::forward<Arguments>(arguments)...));
  const auto outcome = detail::start_child(supervisor, child, std::move(options), false, timeout);
  if (!outcome) return std::unexpected(outcome.error());
  return Mailbox<A>(*supervisor.system(), child);
}

/// An actor of functions, copied for each of its lives.
template <class... Functions>
  requires(sizeof...(Functions) > 0 && (!std::derived_from<std::remove_cvref_t<Functions>, Actor> && ...))
auto start_child(const Mailbox<Supervisor>& supervisor,
                 ChildOptions options,
                 std::chrono::nanoseconds timeout,
                 Functions... functions) {
  return start_child<FunctionActor<Functions...>>(supervisor, std::move(options), timeout, std::move(functions)...);
}

/// A peer process that follows protocol P, as SupervisorBuilder::peer(). Its mailbox, when it is ready.
template <class P>
std::expected<Mailbox<P>, ChildError> start_peer(const Mailbox<Supervisor>& supervisor,
                                                 ChildOptions options,
                                                 std::chrono::nanoseconds timeout,
                                                 PeerOptions peer) {
  if (!supervisor) return std::unexpected(ChildError{ChildError::Kind::unreachable});
  peer.held = true;
  if (peer.name.empty()) peer.name = options.name;
  auto spawned = detail::spawn_peer<P>(*supervisor.system(), std::move(peer));
  if (!spawned) {
    return std::unexpected(
        ChildError{ChildError::Kind::failed, {.kind = ExitReason::Kind::failed, .text = std::move(spawned.error())}});
  }
  const auto outcome = detail::start_child(supervisor, spawned->address(), std::move(options), false, timeout);
  if (!outcome) return std::unexpected(outcome.error());
  return spawned.value();
}

/// A supervisor with the children that `declare`, a function of SupervisorBuilder&, gives it. Its mailbox, when all of it is up.
template <std::invocable<SupervisorBuilder&> Declare>
std::expected<Mailbox<Supervisor>, ChildError> start_supervisor(const Mailbox<Supervisor>& supervisor,
                                                                ChildOptions options,
                                                                std::chrono::nanoseconds timeout,
                                                                const SupervisorOptions& nested,
                                                                Declare&& declare) {
  if (!supervisor) return std::unexpected(ChildError{ChildError::Kind::unreachable});
  SupervisorBuilder builder = SupervisorBuilder::nested(*supervisor.system(), supervisor.address().actor, nested);
  std::forward<Declare>(declare)(builder);
  const auto outcome = detail::start_child(supervisor, builder.mailbox().address(), std::move(options), true, timeout);
  if (!outcome) return std::unexpected(outcome.error());
  return builder.mailbox();
}

/// Ends a child, and it stays so until restart_child() or, as in OTP, until its strategy restarts it with others. Answered when it
/// has ended, however long that takes. Without effect on one that does not run.
ChildOutcome terminate_child(const Mailbox<Supervisor>& supervisor, ChildRef child, std::chrono::nanoseconds timeout);

/// Starts one that does not run, under its address. What was sent to it since it had been ended reached nobody.
ChildOutcome restart_child(const Mailbox<Supervisor>& supervisor, ChildRef child, std::chrono::nanoseconds timeout);

/// Forgets one that does not run; its mailbox is nobody's from then on.
ChildOutcome delete_child(const Mailbox<Supervisor>& supervisor, ChildRef child, std::chrono::nanoseconds timeout);

/// Children of one kind: what they have in common, said once. A value, to be copied and put into messages.
///
///     auto sessions = ringmail::ChildTemplate<Session, Mailbox<Store>>(pool, {.restart = ringmail::Restart::temporary}, store);
///     auto session = sessions.start(1s, socket);       // a Session(store, socket)
template <std::derived_from<Actor> A, class... Common>
class ChildTemplate {
 public:
  ChildTemplate(Mailbox<Supervisor> supervisor, ChildOptions options, Common... common)
      : supervisor_(supervisor), options_(std::move(options)), common_(std::move(common)...) {
    options_.name.clear();  // there is more than one
  }

  /// As start_child().
  template <class... Arguments>
    requires std::constructible_from<A, const Common&..., const std::decay_t<Arguments>&...>
  std::expected<Mailbox<A>, ChildError> start(std::chrono::nanoseconds timeout, Arguments&&... arguments) const {
    return std::apply(
        [&](const Common&... common) {
          return start_child<A>(supervisor_, options_, timeout, common..., std::forward<Arguments>(arguments)...);
        },
        common_);
  }

  const Mailbox<Supervisor>& supervisor() const { return supervisor_; }

 private:
  Mailbox<Supervisor> supervisor_;
  ChildOptions options_;
  std::tuple<Common...> common_;
};

}  // namespace ringmail

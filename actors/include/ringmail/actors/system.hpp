// The runtime of one process, as its owner sees it.
//
//     auto system = ringmail::System::create({.schedulers = 2});
//     auto counter = system->spawn<Counter>();
//     counter.send(Add{1});
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "ringmail/actors/actor.hpp"
#include "ringmail/actors/ask.hpp"
#include "ringmail/actors/group.hpp"
#include "ringmail/actors/mailbox.hpp"
#include "ringmail/actors/remote_system.hpp"
#include "ringmail/runtime/peer_options.hpp"
#include "ringmail/runtime/system.hpp"

namespace ringmail {

using runtime::MessageInHand;
using runtime::PeerActivity;
using runtime::PeerDeadlines;
using runtime::PeerHang;
using runtime::PeerOptions;
using runtime::PeerOutputOptions;
using runtime::PeerReplacement;
using runtime::PeerStatus;
using runtime::post_mortem_of;
using runtime::PostMortem;
using runtime::ReplaceError;
using runtime::ReplaceOutcome;
using runtime::RestartPolicy;
using runtime::ShutdownOptions;
using runtime::ShutdownReport;
using runtime::SpinMode;
using runtime::SystemOptions;

namespace detail {
template <class P>
std::expected<Mailbox<P>, std::string> spawn_peer(runtime::System& system, PeerOptions options) {
  if (options.schema.empty()) options.schema = P::ringmail_schema;
  if (options.name.empty()) options.name = P::ringmail_protocol;
  auto peer = system.spawn_peer(options);
  if (!peer) return std::unexpected(std::move(peer.error()));
  return Mailbox<P>(system, {peer->link, {}});
}
}  // namespace detail

/// Move-only owner; its end is that of everything in it. Every function may be called from any thread, handlers included,
/// unless it says otherwise.
class System {
 public:
  static std::expected<System, std::string> create(SystemOptions options = {});

  /// An actor of class A, made from `arguments` on the calling thread, on the next scheduler in turn.
  template <std::derived_from<Actor> A, class... Arguments>
  Mailbox<A> spawn(Arguments&&... arguments) {
    return spawn_on<A>(runtime::System::any_scheduler, std::forward<Arguments>(arguments)...);
  }

  /// On scheduler number `where`, modulo how many there are, or wherever another Placement says.
  template <std::derived_from<Actor> A, class... Arguments>
  Mailbox<A> spawn_on(Placement where, Arguments&&... arguments) {
    auto cell = std::make_unique<detail::ActorCell<A>>(std::forward<Arguments>(arguments)...);
    return {*system_, {0, system_->spawn(std::move(cell), where)}};
  }

  /// As the options say: with a limited mailbox, for instance.
  template <std::derived_from<Actor> A, class... Arguments>
  Mailbox<A> spawn_with(const SpawnOptions& options, Arguments&&... arguments) {
    auto cell = detail::make_cell<A>(options, std::forward<Arguments>(arguments)...);
    return {*system_, {0, system_->spawn(std::move(cell), options.scheduler)}};
  }

  /// An actor of functions, each of one message type.
  template <class... Functions>
    requires(sizeof...(Functions) > 0 && (!std::derived_from<std::remove_cvref_t<Functions>, Actor> && ...))
  auto spawn(Functions... functions) {
    return spawn_on<FunctionActor<Functions...>>(runtime::System::any_scheduler, std::move(functions)...);
  }

  template <class... Functions>
    requires(sizeof...(Functions) > 0 && (!std::derived_from<std::remove_cvref_t<Functions>, Actor> && ...))
  auto spawn_on(Placement where, Functions... functions) {
    return spawn_on<FunctionActor<Functions...>>(where, std::move(functions)...);
  }

  template <class... Functions>
    requires(sizeof...(Functions) > 0 && (!std::derived_from<std::remove_cvref_t<Functions>, Actor> && ...))
  auto spawn_with(const SpawnOptions& options, Functions... functions) {
    return spawn_with<FunctionActor<Functions...>>(options, std::move(functions)...);
  }

  /// A peer process that follows protocol P. The mailbox may be sent to at once: mail waits for the process, and for the next
  /// one if it is restarted. An error is the operating system's; a process that does not come up is told to monitors.
  template <class P>
  std::expected<Mailbox<P>, std::string> spawn_peer(PeerOptions options) {
    return detail::spawn_peer<P>(*system_, std::move(options));
  }

  /// Makes an actor known to peers, and to find(). False if the name is taken. It is forgotten when the actor ends.
  template <class A>
  bool publish(std::string name, const Mailbox<A>& mailbox) {
    static_assert(Protocol<A> || detail::FollowsProtocol<A>, "an actor that peers may send to follows a protocol");
    return system_->set_name(std::move(name), mailbox.address().actor);
  }
  template <Protocol P>
  Mailbox<P> find(std::string_view name) {
    return Mailbox<P>(*system_, {0, system_->find_name(name)});
  }

  /// Connects to the system in another process that listens at `path` (SystemOptions::listen) and lets others in
  /// (SystemOptions::accept_systems). Not in a handler: it waits. An error is one line.
  std::expected<RemoteSystem, std::string> connect(const std::string& path, const ConnectOptions& options = {}) {
    const auto remote = system_->connect(path, options);
    if (!remote) return std::unexpected(remote.error());
    return RemoteSystem(*system_, **remote);
  }
  /// The system that has connected to this one by that name. Not in a handler: it waits for it.
  std::expected<RemoteSystem, std::string> wait_for_system(
      std::string_view name, std::chrono::nanoseconds timeout = std::chrono::seconds(10)) {
    const auto remote = system_->wait_for_system(name, timeout);
    if (!remote) return std::unexpected(remote.error());
    return RemoteSystem(*system_, **remote);
  }

  /// The topic of that name, of messages of that type; made when it is asked for first.
  template <class M>
  Topic<M> topic(std::string name) {
    return {*system_, system_->group(&message_type<Carrier<M>>, std::move(name))};
  }
  /// The process group of that name, of members of that class or protocol.
  template <class A>
  Group<A> group(std::string name) {
    return {*system_, system_->group(&detail::group_kind<A>, std::move(name))};
  }
  /// What reaches nobody, with the reason. A subscriber has on(const DeadLetter&).
  Topic<DeadLetter> dead_letters() { return {*system_, system_->dead_letters()}; }

  /// Not in a handler. Stops a peer in order and waits: why it ended, and the account of its link.
  template <class P>
  runtime::System::PeerEnd stop_and_wait(const Mailbox<P>& peer) {
    system_->stop_peer(peer.address().link);
    return system_->wait_for_end(peer.address().link);
  }
  /// Not in a handler.
  template <class P>
  runtime::System::PeerEnd wait_for_end(const Mailbox<P>& peer) {
    return system_->wait_for_end(peer.address().link);
  }

  /// What a peer process does now, without asking it; in a handler as well. Nothing: there is no such peer.
  std::optional<PeerStatus> peer_status(std::string_view name) { return system_->peer_status(name); }
  template <class P>
  std::optional<PeerStatus> peer_status(const Mailbox<P>& peer) {
    return system_->peer_status(peer.address().link);
  }

  /// Hands the mailbox of a running peer over to another program, in any language, and waits until that is ready; in a handler as
  /// well, which suspends. Nothing is lost, repeated or reordered, and nobody hears of a death. An error says why, and leaves what was
  /// there running. After `timed_out` it goes on. docs/peers.md
  ReplaceOutcome replace_peer(std::string_view name,
                              const PeerReplacement& replacement,
                              std::chrono::nanoseconds timeout = default_replace_timeout) {
    return system_->replace_peer(name, replacement, timeout);
  }
  template <class P>
  ReplaceOutcome replace_peer(const Mailbox<P>& peer,
                              const PeerReplacement& replacement,
                              std::chrono::nanoseconds timeout = default_replace_timeout) {
    return peer.replace(replacement, timeout);
  }

  /// Peers first, then actors, then threads. Not in a handler. The destructor does the same. False: it has given up, see
  /// runtime::System::shutdown().
  bool shutdown() { return system_->shutdown(); }
  bool shutdown(const ShutdownOptions& options) { return system_->shutdown(options); }
  /// Waits for SIGINT or SIGTERM and shuts down then; the second one ends the process at once. Not in a handler.
  std::expected<runtime::System::Ended, std::string> run_until_signal() { return system_->run_until_signal(); }
  std::expected<runtime::System::Ended, std::string> run_until_signal(const ShutdownOptions& options) {
    return system_->run_until_signal(options);
  }
  /// What a shutdown waits for, or would.
  ShutdownReport explain_shutdown() { return system_->explain_shutdown(); }

  runtime::SystemCounters counters() { return system_->counters(); }
  runtime::System& runtime() { return *system_; }

 private:
  explicit System(std::unique_ptr<runtime::System> system) : system_(std::move(system)) {}
  std::unique_ptr<runtime::System> system_;
};

/// On the scheduler of that actor: what the two send to each other then crosses no thread.
template <class A>
Placement same_as(const Mailbox<A>& actor) {
  return Placement::same_as(actor.address().actor);
}

std::string_view to_string(SendError error);
std::string_view to_string(AskError error);

}  // namespace ringmail

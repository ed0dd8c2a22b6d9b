// Another system, in another process: its actors are sent to, asked, monitored and linked like those of this one.
//
//     auto prices = system.connect("/run/user/1000/prices/socket", {.name = "risk"});
//     auto pricer = prices->lookup<market::Pricer>("pricer");        // std::expected<Mailbox<market::Pricer>, std::string>
//     auto quote = ringmail::ask(*pricer, market::Tick{...}, 10ms);
//
// An actor can be sent to from there once it has sent there itself, was published and looked up, or was put into a Ref.
// Messages between systems are those of .mail files, and an actor that takes them names its protocol.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <type_traits>

#include "ringmail/actors/actor.hpp"
#include "ringmail/actors/mailbox.hpp"
#include "ringmail/actors/this_actor.hpp"
#include "ringmail/runtime/remote_system.hpp"

namespace ringmail {

using runtime::ConnectOptions;

enum class RefError : std::uint8_t {
  nobody,        ///< made from the mailbox of nobody
  third_system,  ///< the actor is neither of this system nor of the one at the other end
  not_let_in,    ///< an actor of this system that was not made known to the one that names it, or has ended
  no_system,     ///< the link has ended, or the message came from no other system
};
std::string_view to_string(RefError error);

/// A mailbox inside a message, for the way: 16 bytes that say which life of which process, and which actor. In a .mail file it
/// is a `u64[2]`. It is made for one system (RemoteSystem::share, this_actor::share) and taken out of the message at the other
/// end (RemoteSystem::mailbox, this_actor::mailbox_of), or back home.
template <Protocol P>
struct Ref {
  std::uint64_t process = 0;
  std::uint64_t actor = 0;

  Ref() = default;
  Ref(std::uint64_t in_process, runtime::ActorId of) : process(in_process), actor(of.value()) {}
  /// As a field of a generated message.
  explicit Ref(const std::array<std::uint64_t, 2>& words) : process(words[0]), actor(words[1]) {}
  operator std::array<std::uint64_t, 2>() const { return {process, actor}; }

  friend bool operator==(const Ref&, const Ref&) = default;
};

namespace detail {
/// The protocol by which an actor is known.
template <class A>
struct ProtocolOf {
  using type = typename A::Protocol;
};
template <Protocol A>
struct ProtocolOf<A> {
  using type = A;
};

struct RefWords {
  std::uint64_t process;
  runtime::ActorId actor;
};
/// `remote` may be null: then the actor must be of `system` itself.
std::expected<RefWords, RefError> share(runtime::System& system,
                                        runtime::RemoteSystem* remote,
                                        const runtime::Address& address);
std::expected<runtime::Address, RefError> mailbox_of(runtime::System& system,
                                                     runtime::RemoteSystem* remote,
                                                     RefWords words);
runtime::RemoteSystem* system_of_sender();
}  // namespace detail

/// Small value. Any thread, unless a function says otherwise.
class RemoteSystem {
 public:
  RemoteSystem(runtime::System& system, runtime::RemoteSystem& remote) : system_(&system), remote_(&remote) {}

  /// The actor that was published there under that name. Not in a handler: it waits.
  template <Protocol P>
  std::expected<Mailbox<P>, std::string> lookup(std::string name,
                                                std::chrono::nanoseconds timeout = std::chrono::seconds(10)) const {
    auto found = system_->lookup(*remote_, std::move(name), timeout);
    if (!found) return std::unexpected(std::move(found.error()));
    return Mailbox<P>(*system_, *found);
  }

  /// What names that actor there, or back there. From now on that system may send to it, as long as it lives.
  template <class A>
  std::expected<Ref<typename detail::ProtocolOf<A>::type>, RefError> share(const Mailbox<A>& mailbox) const {
    if (!mailbox) return std::unexpected(RefError::nobody);
    const auto words = detail::share(*system_, remote_, mailbox.address());
    if (!words) return std::unexpected(words.error());
    return Ref<typename detail::ProtocolOf<A>::type>(words->process, words->actor);
  }

  /// Whom a Ref names that came from there.
  template <Protocol P>
  std::expected<Mailbox<P>, RefError> mailbox(const Ref<P>& ref) const {
    const auto address = detail::mailbox_of(*system_, remote_, {ref.process, runtime::ActorId(ref.actor)});
    if (!address) return std::unexpected(address.error());
    return Mailbox<P>(*system_, *address);
  }

  /// What it calls itself, or the path by which this system connected to it.
  const std::string& name() const { return remote_->name(); }
  bool is_connected() const { return remote_->is_connected(); }

  /// Ends the link in order. Both systems go on.
  void disconnect() const { system_->stop_peer(remote_->first_link()); }
  /// Not in a handler. Why the link has ended.
  ExitReason wait_for_end() const { return remote_->wait_for_end(); }

  runtime::System& system() const { return *system_; }
  runtime::RemoteSystem& runtime() const { return *remote_; }

 private:
  runtime::System* system_;
  runtime::RemoteSystem* remote_;
};

namespace this_actor {

/// Asks for one Down message when the link to that system ends: `normal` where it ended in order. Of each of its actors that
/// this one monitors it is told as well.
inline void monitor(const RemoteSystem& remote) { detail::monitor(remote.runtime().address()); }

/// As RemoteSystem::share(), for the system whose message is being handled.
template <class A>
std::expected<Ref<typename detail::ProtocolOf<A>::type>, RefError> share(const Mailbox<A>& mailbox) {
  if (!mailbox) return std::unexpected(RefError::nobody);
  const auto words = detail::share(detail::this_system(), detail::system_of_sender(), mailbox.address());
  if (!words) return std::unexpected(words.error());
  return Ref<typename detail::ProtocolOf<A>::type>(words->process, words->actor);
}

/// Whom a Ref names that came in the message which is being handled.
template <Protocol P>
std::expected<Mailbox<P>, RefError> mailbox_of(const Ref<P>& ref) {
  const auto address =
      detail::mailbox_of(detail::this_system(), detail::system_of_sender(), {ref.process, runtime::ActorId(ref.actor)});
  if (!address) return std::unexpected(address.error());
  return Mailbox<P>(detail::this_system(), *address);
}

}  // namespace this_actor
}  // namespace ringmail

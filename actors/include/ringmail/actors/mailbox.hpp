// The address that one sends to: a small value that may be copied, kept and put into messages. It keeps nothing alive.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <expected>
#include <functional>
#include <type_traits>
#include <utility>

#include "ringmail/actors/accepts.hpp"
#include "ringmail/runtime/address.hpp"
#include "ringmail/runtime/scheduler.hpp"
#include "ringmail/runtime/system.hpp"

namespace ringmail {

using runtime::SendError;

/// How long a send waits for room where nothing else is said. A handler suspends for it, a plain thread blocks.
inline constexpr std::chrono::nanoseconds default_send_timeout = std::chrono::seconds(30);
/// How long a replacement is waited for: what the deadlines of both processes come to, where those are not changed.
inline constexpr std::chrono::nanoseconds default_replace_timeout = std::chrono::seconds(60);

namespace detail {
/// From whatever thread this is: a handler of `system`, or any other.
std::expected<void, SendError> send(runtime::System& system,
                                    const runtime::Address& to,
                                    const runtime::Binding& binding,
                                    void* object,
                                    std::chrono::nanoseconds timeout);
std::expected<BodyLoan, SendError> loan_large(runtime::System& system,
                                              const runtime::Address& to,
                                              std::size_t bytes,
                                              std::chrono::nanoseconds timeout);
void stop(runtime::System& system, const runtime::Address& whom);

template <class>
inline constexpr bool never = false;
}  // namespace detail

/// A is an actor's class, or a protocol.
template <class A>
class Mailbox {
 public:
  using Actor = A;

  Mailbox() = default;  ///< nobody's; sending to it fails with `unreachable`
  Mailbox(runtime::System& system, runtime::Address address) : system_(&system), address_(address) {}

  /// An actor that follows a protocol may be known by it.
  template <class B>
    requires(Protocol<A> && !std::same_as<A, B> && requires { requires std::same_as<typename B::Protocol, A>; })
  Mailbox(const Mailbox<B>& other) : system_(other.system()), address_(other.address()) {}

  /// Any thread. In a handler it suspends while there is no room, elsewhere it blocks, at most `timeout`.
  template <class M>
    requires Accepts<A, std::remove_cvref_t<M>>
  std::expected<void, SendError> send(M&& message, std::chrono::nanoseconds timeout = default_send_timeout) const {
    using Message = std::remove_cvref_t<M>;
    if (system_ == nullptr) return std::unexpected(SendError::unreachable);
    detail::Room<Carrier<Message>> room;
    ::new (room.place()) Carrier<Message>(detail::carry<Message>(std::forward<M>(message)));
    runtime::Scheduler* const here = runtime::Scheduler::current();
    if (here != nullptr && here->system() == system_) [[likely]] {
      if (!here->has_here(address_))
        return here->send(address_, detail::binding_of<A, Message>, room.place(), runtime::Deadline::after(timeout));
      here->send_here(address_.actor, detail::binding_of<A, Message>, room.place());
      return {};
    }
    return detail::send(*system_, address_, detail::binding_of<A, Message>, room.place(), timeout);
  }

  /// Chosen for what the actor does not accept, to say so in one line.
  template <class M>
    requires(!Accepts<A, std::remove_cvref_t<M>>)
  std::expected<void, SendError> send(M&&, std::chrono::nanoseconds = default_send_timeout) const {
    static_assert(detail::never<M>, "this actor does not accept that message: it has no on(const M&) for it");
    return {};
  }

  /// Room for the body of a Large message to this mailbox, to be written in place and then sent; given back where it is not. Towards
  /// a peer it lies in an arena: `full` where that has no room within the time, `too_long` where it never will, or the peer takes no
  /// bodies. Waits for a peer that has not been ready yet.
  std::expected<BodyLoan, SendError> loan_large(std::size_t bytes,
                                                std::chrono::nanoseconds timeout = default_send_timeout) const {
    if (system_ == nullptr) return std::unexpected(SendError::unreachable);
    return detail::loan_large(*system_, address_, bytes, timeout);
  }

  /// Stops an actor after the handler that runs; what waits in its mailbox becomes dead letters. Stops a peer in order: it
  /// drains its mail first. A suspended handler's wait ends with an error.
  void stop() const {
    if (system_ != nullptr) detail::stop(*system_, address_);
  }

  /// As System::replace_peer(). Of an actor: `not_found`.
  runtime::ReplaceOutcome replace(const runtime::PeerReplacement& replacement,
                                  std::chrono::nanoseconds timeout = default_replace_timeout) const {
    if (system_ == nullptr || address_.is_local() || address_.actor) {
      return std::unexpected(runtime::ReplaceError{.kind = runtime::ReplaceError::Kind::not_found});
    }
    return system_->replace_peer(address_.link, replacement, timeout);
  }

  runtime::System* system() const { return system_; }
  const runtime::Address& address() const { return address_; }
  explicit operator bool() const { return system_ != nullptr && static_cast<bool>(address_); }
  friend bool operator==(const Mailbox& left, const Mailbox& right) { return left.address_ == right.address_; }

 private:
  runtime::System* system_ = nullptr;
  runtime::Address address_;
};

}  // namespace ringmail

template <class A>
struct std::hash<ringmail::Mailbox<A>> {
  std::size_t operator()(const ringmail::Mailbox<A>& mailbox) const noexcept {
    return std::hash<ringmail::runtime::Address>{}(mailbox.address());
  }
};

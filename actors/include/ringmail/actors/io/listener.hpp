// Sockets that others connect to.
//
//     auto listener = io::TcpListener::bind("127.0.0.1", 0);
//     while (auto stream = listener->accept(io::forever)) system.spawn<Connection>(std::move(*stream));
//
// Or as messages, so that the actor does other things meanwhile:
//
//     listener_.deliver(this_actor::mailbox<Server>());      // on(const io::Accepted<io::TcpStream>& accepted)
//
// Threads: bind(), deliver() and close() may be called from any thread; accept() is meant for handlers, one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "ringmail/actors/io/stream.hpp"

namespace ringmail::io {

/// Somebody has connected, or, if it failed, nobody can any more. A connection that is not taken is closed with the last copy of the
/// message. Once all copies are gone it counts as handled.
template <class S>
struct Accepted {
  std::uint64_t listener = 0;  ///< id() of the one at which it came in
  bool failed = false;         ///< nothing follows
  IoError error{};             ///< meaningful if it failed
  IoCredit credit{};
  std::shared_ptr<S> stream{};

  /// Once; a closed stream afterwards.
  S take() const { return stream != nullptr ? std::exchange(*stream, S()) : S(); }
};

namespace detail {
/// What a listener and whoever accepts for it have in common: the last of them closes.
class ListeningSocket {
 public:
  ListeningSocket() = default;
  explicit ListeningSocket(runtime::IoDescriptor descriptor);
  ListeningSocket(ListeningSocket&&) noexcept = default;
  ListeningSocket& operator=(ListeningSocket&& other) noexcept;
  ~ListeningSocket() { close(); }

  std::expected<runtime::IoDescriptor, IoError> accept(Timeout timeout);
  /// `S` is a stream that can be made of a descriptor.
  template <class S>
  void deliver(const MessageReceiver& to, std::uint32_t credits) const;
  SocketAddress address() const;
  bool is_open() const { return descriptor_ != nullptr && descriptor_->is_open(); }
  void close();
  std::uint64_t id() const { return id_; }

 private:
  std::shared_ptr<runtime::IoDescriptor> descriptor_;
  std::uint64_t id_ = 0;
};
}  // namespace detail

/// Of a listener that delivers.
inline constexpr std::uint32_t default_accept_credits = 64;

class TcpListener {
 public:
  TcpListener() = default;
  /// `host` is a number; empty: every address of this machine. Port 0: any that is free, see address().
  static std::expected<TcpListener, IoError> bind(const std::string& host, std::uint16_t port);

  /// Where the system has no descriptors left (`exhausted`) this takes a moment to say so, so that who tries again and again
  /// does no harm.
  std::expected<TcpStream, IoError> accept(Timeout timeout);

  /// From now on the actor gets an Accepted for each connection, until the listener is closed here or the actor ends. While
  /// `credits` messages are unhandled nobody is accepted: who connects then waits in the kernel, as far as it has room. Nobody may
  /// call accept() any more.
  template <class A>
    requires Accepts<A, Accepted<TcpStream>>
  void deliver(const Mailbox<A>& to, std::uint32_t credits = default_accept_credits) {
    socket_.deliver<TcpStream>({to.system(), to.address().actor, &ringmail::detail::binding_of<A, Accepted<TcpStream>>},
                               credits);
  }

  SocketAddress address() const { return socket_.address(); }
  std::uint16_t port() const { return address().port(); }
  bool is_open() const { return socket_.is_open(); }
  void close() { socket_.close(); }
  /// Unique in this process, and never used again.
  std::uint64_t id() const { return socket_.id(); }

 private:
  detail::ListeningSocket socket_;
};

class UnixListener {
 public:
  UnixListener() = default;
  UnixListener(UnixListener&&) noexcept = default;
  UnixListener& operator=(UnixListener&& other) noexcept;
  ~UnixListener() { close(); }

  /// Who may write to `path` may connect; its directory's mode says who may get there. `in_use` if there is anything already,
  /// also a socket that a dead process left. A leading NUL: a name outside of the file system, on Linux.
  static std::expected<UnixListener, IoError> bind(std::string_view path);

  std::expected<UnixStream, IoError> accept(Timeout timeout);

  /// As TcpListener::deliver().
  template <class A>
    requires Accepts<A, Accepted<UnixStream>>
  void deliver(const Mailbox<A>& to, std::uint32_t credits = default_accept_credits) {
    socket_.deliver<UnixStream>(
        {to.system(), to.address().actor, &ringmail::detail::binding_of<A, Accepted<UnixStream>>}, credits);
  }

  bool is_open() const { return socket_.is_open(); }
  /// Removes the path.
  void close();
  std::uint64_t id() const { return socket_.id(); }

 private:
  detail::ListeningSocket socket_;
  std::string path_;  // what close() removes
};

}  // namespace ringmail::io

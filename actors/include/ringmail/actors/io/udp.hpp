// Datagrams: each arrives whole, or not at all.
//
// Threads: as streams.
#pragma once

#include <cstdint>
#include <string>

#include "ringmail/actors/actor.hpp"
#include "ringmail/actors/io/timeout.hpp"
#include "ringmail/actors/mailbox.hpp"

namespace ringmail::io {

/// What came in at a socket that delivers. It counts as handled once its last copy is gone.
struct DatagramReceived {
  std::uint16_t port = 0;  ///< of the socket at which it came in
  SocketAddress from{};
  IoBuffer bytes{};
  bool truncated = false;  ///< the rest of it is lost
  IoCredit credit{};
};

class UdpSocket {
 public:
  struct Datagram {
    std::size_t size = 0;  ///< as far as it found room
    SocketAddress from{};
    bool truncated = false;  ///< the rest of it is lost
  };

  UdpSocket() = default;
  /// `host` is a number; empty: every address of this machine. Port 0: any that is free.
  static std::expected<UdpSocket, IoError> bind(const std::string& host, std::uint16_t port);

  /// Suspends while the kernel has no room.
  std::expected<void, IoError> send_to(const SocketAddress& to, std::span<const std::byte> bytes, Timeout timeout);
  std::expected<Datagram, IoError> receive_from(std::span<std::byte> into, Timeout timeout);

  /// From now on the reactor receives, and the actor gets messages, until the socket is closed here or the actor ends. Of a
  /// datagram with more than `most` bytes the rest is lost, and so are those that find no room in the kernel while `credits`
  /// messages are unhandled. Nobody may call receive_from() any more; sending goes on as before.
  template <class A>
    requires Accepts<A, DatagramReceived>
  void deliver(const Mailbox<A>& to, std::size_t most = 65'536, std::uint32_t credits = 64) {
    deliver(*to.system(), to.address().actor, ringmail::detail::binding_of<A, DatagramReceived>, most, credits);
  }

  SocketAddress address() const { return runtime::local_address(descriptor_); }
  std::uint16_t port() const { return address().port(); }
  bool is_open() const { return descriptor_.is_open(); }
  void close() { descriptor_.close(); }

 private:
  void deliver(runtime::System& system,
               runtime::ActorId actor,
               const runtime::Binding& binding,
               std::size_t most,
               std::uint32_t credits);

  runtime::IoDescriptor descriptor_;
};

}  // namespace ringmail::io

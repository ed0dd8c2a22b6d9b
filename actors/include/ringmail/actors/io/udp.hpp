// Datagrams: each arrives whole, or not at all.
//
// Threads: as streams.
#pragma once

#include <cstdint>
#include <string>

#include "ringmail/actors/io/timeout.hpp"

namespace ringmail::io {

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

  SocketAddress address() const { return runtime::local_address(descriptor_); }
  std::uint16_t port() const { return address().port(); }
  bool is_open() const { return descriptor_.is_open(); }
  void close() { descriptor_.close(); }

 private:
  runtime::IoDescriptor descriptor_;
};

}  // namespace ringmail::io

// Where a socket is: an IPv4 or IPv6 address with a port, or a path.
#pragma once

#include <sys/socket.h>

#include <compare>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "ringmail/runtime/io_error.hpp"

namespace ringmail::runtime {

class SocketAddress {
 public:
  SocketAddress() = default;  ///< of nothing
  SocketAddress(const sockaddr* address, socklen_t length);

  /// `host` is a number ("127.0.0.1", "::1"; empty: any address of this machine). Asks nobody.
  static std::expected<SocketAddress, IoError> numeric(const std::string& host, std::uint16_t port);
  /// A leading NUL: Linux's abstract names.
  static std::expected<SocketAddress, IoError> path(std::string_view path);
  static SocketAddress local_of(int socket);
  static SocketAddress peer_of(int socket);

  explicit operator bool() const { return length_ != 0; }
  int family() const { return storage_.ss_family; }
  std::uint16_t port() const;
  /// "127.0.0.1:80", "[::1]:80", or the path.
  std::string text() const;

  const sockaddr* native() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t length() const { return length_; }

  friend bool operator==(const SocketAddress& left, const SocketAddress& right);

 private:
  sockaddr_storage storage_{};
  socklen_t length_ = 0;
};

}  // namespace ringmail::runtime

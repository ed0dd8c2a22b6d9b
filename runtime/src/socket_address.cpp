#include "ringmail/runtime/socket_address.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace ringmail::runtime {

SocketAddress::SocketAddress(const sockaddr* address, socklen_t length)
    : length_(std::min(length, static_cast<socklen_t>(sizeof storage_))) {
  if (length_ != 0) std::memcpy(&storage_, address, length_);
}

std::expected<SocketAddress, IoError> SocketAddress::numeric(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string service = std::to_string(port);
  if (::getaddrinfo(host.empty() ? nullptr : host.c_str(), service.c_str(), &hints, &found) != 0) {
    return std::unexpected(
        IoError{.kind = IoErrorKind::invalid, .code = EINVAL, .text = "'" + host + "' is not an IP address"});
  }
  const SocketAddress address(found->ai_addr, found->ai_addrlen);
  ::freeaddrinfo(found);
  return address;
}

std::expected<SocketAddress, IoError> SocketAddress::path(std::string_view path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // A name needs no NUL at its end if it begins with one.
  if (path.empty() || path.size() >= sizeof address.sun_path + (path.front() == '\0' ? 1 : 0)) {
    return std::unexpected(io_error("socket at '" + std::string(path) + "'", path.empty() ? EINVAL : ENAMETOOLONG));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const std::size_t length = offsetof(sockaddr_un, sun_path) + path.size() + (path.front() == '\0' ? 0 : 1);
  return SocketAddress(reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(length));
}

SocketAddress SocketAddress::local_of(int socket) {
  SocketAddress address;
  address.length_ = sizeof address.storage_;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address.storage_), &address.length_) != 0) return {};
  return address;
}

SocketAddress SocketAddress::peer_of(int socket) {
  SocketAddress address;
  address.length_ = sizeof address.storage_;
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&address.storage_), &address.length_) != 0) return {};
  return address;
}

std::uint16_t SocketAddress::port() const {
  if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&storage_)->sin_port);
  if (family() == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_port);
  return 0;
}

std::string SocketAddress::text() const {
  if (length_ == 0) return "nowhere";
  if (family() == AF_UNIX) {
    if (length_ <= offsetof(sockaddr_un, sun_path)) return "a socket without a name";
    const char* const path = reinterpret_cast<const sockaddr_un*>(&storage_)->sun_path;
    const std::size_t room = length_ - offsetof(sockaddr_un, sun_path);
    if (*path == '\0') return "@" + std::string(path + 1, room - 1);
    return {path, ::strnlen(path, room)};
  }
  std::array<char, NI_MAXHOST> host{};
  if (::getnameinfo(native(), length_, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) != 0) return "nowhere";
  const std::string number(host.data());
  return (family() == AF_INET6 ? "[" + number + "]" : number) + ":" + std::to_string(port());
}

bool operator==(const SocketAddress& left, const SocketAddress& right) {
  return left.length_ == right.length_ && std::memcmp(&left.storage_, &right.storage_, left.length_) == 0;
}

}  // namespace ringmail::runtime

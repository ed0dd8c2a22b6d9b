#include "ringmail/actors/io/listener.hpp"

#include <unistd.h>

#include "connect.hpp"

namespace ringmail::io {

using runtime::Deadline;

std::expected<TcpListener, IoError> TcpListener::bind(const std::string& host, std::uint16_t port) {
  const auto address = SocketAddress::numeric(host, port);
  if (!address) return std::unexpected(address.error());
  auto bound = detail::bind(*address, SOCK_STREAM);
  if (!bound) return std::unexpected(std::move(bound.error()));
  TcpListener listener;
  listener.descriptor_ = std::move(*bound);
  return listener;
}

std::expected<TcpStream, IoError> TcpListener::accept(Timeout timeout) {
  auto accepted = detail::accept(descriptor_, Deadline::after(timeout));
  if (!accepted) return std::unexpected(std::move(accepted.error()));
  return TcpStream(std::move(*accepted));
}

std::expected<UnixListener, IoError> UnixListener::bind(std::string_view path) {
  const auto address = SocketAddress::path(path);
  if (!address) return std::unexpected(address.error());
  auto bound = detail::bind(*address, SOCK_STREAM);
  if (!bound) return std::unexpected(std::move(bound.error()));
  UnixListener listener;
  listener.descriptor_ = std::move(*bound);
  if (path.front() != '\0') listener.path_ = path;
  return listener;
}

UnixListener& UnixListener::operator=(UnixListener&& other) noexcept {
  if (this != &other) {
    close();
    descriptor_ = std::move(other.descriptor_);
    path_ = std::exchange(other.path_, {});
  }
  return *this;
}

std::expected<UnixStream, IoError> UnixListener::accept(Timeout timeout) {
  auto accepted = detail::accept(descriptor_, Deadline::after(timeout));
  if (!accepted) return std::unexpected(std::move(accepted.error()));
  return UnixStream(std::move(*accepted));
}

void UnixListener::close() {
  // Only who is bound owns the path; another may have it afterwards.
  if (descriptor_.is_open() && !path_.empty()) ::unlink(path_.c_str());
  descriptor_.close();
  path_.clear();
}

}  // namespace ringmail::io

#include "ringmail/actors/io/listener.hpp"

#include <unistd.h>

#include <atomic>
#include <cassert>

#include "connect.hpp"
#include "errand.hpp"
#include "ringmail/runtime/io_allowance.hpp"

namespace ringmail::io {

using runtime::Deadline;

namespace detail {
namespace {

std::uint64_t next_listener() {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

ListeningSocket::ListeningSocket(runtime::IoDescriptor descriptor)
    : descriptor_(std::make_shared<runtime::IoDescriptor>(std::move(descriptor))), id_(next_listener()) {}

ListeningSocket& ListeningSocket::operator=(ListeningSocket&& other) noexcept {
  if (this != &other) {
    close();
    descriptor_ = std::move(other.descriptor_);
    id_ = other.id_;
  }
  return *this;
}

std::expected<runtime::IoDescriptor, IoError> ListeningSocket::accept(Timeout timeout) {
  if (descriptor_ == nullptr) return std::unexpected(runtime::io_error("accept", IoErrorKind::closed));
  return detail::accept(*descriptor_, Deadline::after(timeout));
}

template <class S>
void ListeningSocket::deliver(const MessageReceiver& to, std::uint32_t credits) const {
  assert(credits > 0);
  if (descriptor_ == nullptr) return;
  run_errand(*to.system, to.actor, [to, credits, descriptor = descriptor_, id = id_] {
    const auto allowance = runtime::IoAllowance::create(credits);
    while (runtime::IoCredit credit = allowance->take()) {
      auto accepted = detail::accept(*descriptor, Deadline::never);
      // It has waited a moment, and there may be descriptors again.
      if (!accepted && accepted.error().kind == IoErrorKind::exhausted) continue;
      // Of a listener that its owner has closed nothing comes any more.
      if (!descriptor->is_open() || (!accepted && accepted.error().kind == IoErrorKind::stopped)) return;
      Accepted<S> message{.listener = id, .credit = std::move(credit)};
      if (accepted) {
        message.stream = std::make_shared<S>(std::move(*accepted));
      } else {
        message.failed = true;
        message.error = std::move(accepted.error());
      }
      if (!bring(to, std::move(message)) || !accepted) return;
    }
  });
}

template void ListeningSocket::deliver<TcpStream>(const MessageReceiver& to, std::uint32_t credits) const;
template void ListeningSocket::deliver<UnixStream>(const MessageReceiver& to, std::uint32_t credits) const;

SocketAddress ListeningSocket::address() const {
  return descriptor_ != nullptr ? runtime::local_address(*descriptor_) : SocketAddress();
}

void ListeningSocket::close() {
  if (descriptor_ != nullptr) descriptor_->close();
}

}  // namespace detail

std::expected<TcpListener, IoError> TcpListener::bind(const std::string& host, std::uint16_t port) {
  const auto address = SocketAddress::numeric(host, port);
  if (!address) return std::unexpected(address.error());
  auto bound = detail::bind(*address, SOCK_STREAM);
  if (!bound) return std::unexpected(std::move(bound.error()));
  TcpListener listener;
  listener.socket_ = detail::ListeningSocket(std::move(*bound));
  return listener;
}

std::expected<TcpStream, IoError> TcpListener::accept(Timeout timeout) {
  auto accepted = socket_.accept(timeout);
  if (!accepted) return std::unexpected(std::move(accepted.error()));
  return TcpStream(std::move(*accepted));
}

std::expected<UnixListener, IoError> UnixListener::bind(std::string_view path) {
  const auto address = SocketAddress::path(path);
  if (!address) return std::unexpected(address.error());
  auto bound = detail::bind(*address, SOCK_STREAM);
  if (!bound) return std::unexpected(std::move(bound.error()));
  UnixListener listener;
  listener.socket_ = detail::ListeningSocket(std::move(*bound));
  if (path.front() != '\0') listener.path_ = path;
  return listener;
}

UnixListener& UnixListener::operator=(UnixListener&& other) noexcept {
  if (this != &other) {
    close();
    socket_ = std::move(other.socket_);
    path_ = std::exchange(other.path_, {});
  }
  return *this;
}

std::expected<UnixStream, IoError> UnixListener::accept(Timeout timeout) {
  auto accepted = socket_.accept(timeout);
  if (!accepted) return std::unexpected(std::move(accepted.error()));
  return UnixStream(std::move(*accepted));
}

void UnixListener::close() {
  // Only who is bound owns the path; another may have it afterwards.
  if (socket_.is_open() && !path_.empty()) ::unlink(path_.c_str());
  socket_.close();
  path_.clear();
}

}  // namespace ringmail::io

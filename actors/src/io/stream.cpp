#include "ringmail/actors/io/stream.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cassert>

#include "connect.hpp"
#include "ringmail/runtime/socket.hpp"
#include "ringmail/transport/unix_socket.hpp"
#include "tell.hpp"

namespace ringmail::io {
namespace {

using runtime::Deadline;
using runtime::IoDescriptor;
using Ready = IoDescriptor::Ready;

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

Stream::Stream(IoDescriptor descriptor, Kind kind) : descriptor_(std::move(descriptor)), kind_(kind), id_(next_id()) {}

std::expected<std::size_t, IoError> Stream::read(std::span<std::byte> into, Timeout timeout) {
  if (into.empty()) return 0;
  Deadline deadline = Deadline::after(timeout);
  return descriptor_.when(Ready::to_read, deadline, "read",
                          [&](int descriptor) { return ::read(descriptor, into.data(), into.size()); });
}

std::expected<void, IoError> Stream::read_exactly(std::span<std::byte> into, Timeout timeout) {
  Deadline deadline = Deadline::after(timeout);
  while (!into.empty()) {
    const auto got = descriptor_.when(Ready::to_read, deadline, "read",
                                      [&](int descriptor) { return ::read(descriptor, into.data(), into.size()); });
    if (!got) return std::unexpected(got.error());
    if (*got == 0) return std::unexpected(runtime::io_error("read", IoErrorKind::reset));
    into = into.subspan(*got);
  }
  return {};
}

std::expected<void, IoError> Stream::write(std::span<const std::byte> bytes, Timeout timeout) {
  Deadline deadline = Deadline::after(timeout);
  std::size_t gone = 0;
  while (gone < bytes.size()) {
    auto took = descriptor_.when(Ready::to_write, deadline, "write", [&](int descriptor) {
      const auto rest = bytes.subspan(gone);
      return kind_ == Kind::socket ? runtime::write_to_socket(descriptor, rest)
                                   : runtime::write_to_pipe(descriptor, rest);
    });
    if (!took) {
      took.error().done = gone;
      return std::unexpected(std::move(took.error()));
    }
    gone += *took;
  }
  return {};
}

std::expected<void, IoError> Stream::finish_writing() {
  const IoDescriptor::Use use(descriptor_);
  if (!use) return std::unexpected(runtime::io_error("finish writing", IoErrorKind::closed));
  if (kind_ == Kind::pipe) {
    close();
  } else if (::shutdown(use.descriptor(), SHUT_WR) != 0) {
    return std::unexpected(runtime::io_error("finish writing", errno));
  }
  return {};
}

void Stream::deliver(const detail::StreamReceiver& receiver, const DeliveryOptions& options) {
  assert(receiver.system != nullptr && receiver.actor && "a stream delivers to an actor of this process");
  runtime::Scheduler& scheduler = receiver.system->scheduler(receiver.actor.thread());
  const runtime::IoDeliveryOptions asked{.chunk = options.chunk, .credits = options.credits};
  descriptor_.deliver(asked, scheduler, [receiver, &scheduler, id = id_](IoDescriptor::Delivered&& delivered) {
    if (!delivered.over) {
      return detail::tell(
          scheduler, receiver.actor, *receiver.received,
          Received{.stream = id, .bytes = std::move(delivered.bytes), .credit = std::move(delivered.credit)});
    }
    return detail::tell(scheduler, receiver.actor, *receiver.closed,
                        Closed{.stream = id, .failed = delivered.failed, .error = std::move(delivered.error)});
  });
}

TcpStream::TcpStream(IoDescriptor descriptor) : Stream(std::move(descriptor), Kind::socket) { send_at_once(true); }

void TcpStream::send_at_once(bool on) {
  const int value = on ? 1 : 0;
  // Refused only by what is no TCP connection any more, and then it does not matter.
  const IoDescriptor::Use use(descriptor());
  static_cast<void>(::setsockopt(use.descriptor(), IPPROTO_TCP, TCP_NODELAY, &value, sizeof value));
}

std::expected<TcpStream, IoError> TcpStream::connect(const SocketAddress& to, Timeout timeout) {
  Deadline deadline = Deadline::after(timeout);
  auto connected = detail::connect(to, deadline);
  if (!connected) return std::unexpected(std::move(connected.error()));
  return TcpStream(std::move(*connected));
}

std::expected<TcpStream, IoError> TcpStream::connect(const std::string& host, std::uint16_t port, Timeout timeout) {
  Deadline deadline = Deadline::after(timeout);
  std::vector<SocketAddress> addresses;
  if (auto numeric = SocketAddress::numeric(host, port); numeric && !host.empty()) {
    addresses.push_back(*numeric);
  } else {
    auto found = runtime::io_resolve(host, std::to_string(port), deadline.at_ns());
    if (!found) return std::unexpected(std::move(found.error()));
    addresses = std::move(*found);
  }
  IoError error;
  for (const SocketAddress& address : addresses) {
    auto connected = detail::connect(address, deadline);
    if (connected) return TcpStream(std::move(*connected));
    error = std::move(connected.error());
    if (error.kind == IoErrorKind::stopped || error.kind == IoErrorKind::timed_out) break;
  }
  return std::unexpected(std::move(error));
}

std::expected<UnixStream, IoError> UnixStream::connect(std::string_view path, Timeout timeout) {
  const auto address = SocketAddress::path(path);
  if (!address) return std::unexpected(address.error());
  Deadline deadline = Deadline::after(timeout);
  auto connected = detail::connect(*address, deadline);
  if (!connected) return std::unexpected(std::move(connected.error()));
  return UnixStream(std::move(*connected));
}

std::expected<std::pair<UnixStream, UnixStream>, IoError> UnixStream::pair() {
  auto ends = transport::control_pair();
  if (!ends) return std::unexpected(runtime::io_error("a pair of sockets", ends.error()));
  for (auto* end : {&ends->first, &ends->second}) {
    transport::prepare_stream(end->get());
    runtime::make_nonblocking(end->get());
  }
  return std::pair(UnixStream(IoDescriptor(std::move(ends->first))), UnixStream(IoDescriptor(std::move(ends->second))));
}

}  // namespace ringmail::io

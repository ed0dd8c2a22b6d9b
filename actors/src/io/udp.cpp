#include "ringmail/actors/io/udp.hpp"

#include "connect.hpp"
#include "tell.hpp"

namespace ringmail::io {

using runtime::Deadline;
using Ready = runtime::IoDescriptor::Ready;

std::expected<UdpSocket, IoError> UdpSocket::bind(const std::string& host, std::uint16_t port) {
  const auto address = SocketAddress::numeric(host, port);
  if (!address) return std::unexpected(address.error());
  auto bound = detail::bind(*address, SOCK_DGRAM);
  if (!bound) return std::unexpected(std::move(bound.error()));
  UdpSocket socket;
  socket.descriptor_ = std::move(*bound);
  return socket;
}

std::expected<void, IoError> UdpSocket::send_to(const SocketAddress& to,
                                                std::span<const std::byte> bytes,
                                                Timeout timeout) {
  Deadline deadline = Deadline::after(timeout);
  const auto sent = descriptor_.when(Ready::to_write, deadline, "send", [&](int descriptor) {
    return ::sendto(descriptor, bytes.data(), bytes.size(), 0, to.native(), to.length());
  });
  if (!sent) return std::unexpected(sent.error());
  return {};
}

std::expected<UdpSocket::Datagram, IoError> UdpSocket::receive_from(std::span<std::byte> into, Timeout timeout) {
  Deadline deadline = Deadline::after(timeout);
  sockaddr_storage from{};
  iovec room{.iov_base = into.data(), .iov_len = into.size()};
  msghdr message{};
  const auto got = descriptor_.when(Ready::to_read, deadline, "receive", [&](int descriptor) {
    message = {};
    message.msg_name = &from;
    message.msg_namelen = sizeof from;
    message.msg_iov = &room;
    message.msg_iovlen = 1;
    return ::recvmsg(descriptor, &message, 0);
  });
  if (!got) return std::unexpected(got.error());
  return Datagram{.size = *got,
                  .from = SocketAddress(reinterpret_cast<const sockaddr*>(&from), message.msg_namelen),
                  .truncated = (message.msg_flags & MSG_TRUNC) != 0};
}

void UdpSocket::deliver(runtime::System& system,
                        runtime::ActorId actor,
                        const runtime::Binding& binding,
                        std::size_t most,
                        std::uint32_t credits) {
  runtime::Scheduler& scheduler = system.scheduler(actor.thread());
  const runtime::IoDeliveryOptions options{.chunk = most, .credits = credits, .datagrams = true};
  descriptor_.deliver(options, scheduler, [&scheduler, actor, &binding, here = port()](auto&& delivered) {
    // Only where it could not be watched at all.
    if (delivered.over) return false;
    return detail::tell(scheduler, actor, binding,
                        DatagramReceived{.port = here,
                                         .from = delivered.from,
                                         .bytes = std::move(delivered.bytes),
                                         .truncated = delivered.truncated,
                                         .credit = std::move(delivered.credit)});
  });
}

}  // namespace ringmail::io

#include "ringmail/transport/control_ends.hpp"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "ringmail/transport/unix_socket.hpp"

namespace ringmail::transport {

std::expected<ControlEnds, int> control_by_socket() {
  auto ends = control_pair();
  if (!ends) return std::unexpected(ends.error());
  return ControlEnds{.host = ControlStream(std::move(ends->first), ControlStream::Descriptors::refused),
                     .peer = std::move(ends->second),
                     .peer_writes = {}};
}

std::expected<ControlEnds, int> control_by_pipes() {
  auto to_peer = pipe_pair();
  auto to_host = pipe_pair();
  if (!to_peer || !to_host) return std::unexpected(to_peer ? to_host.error() : to_peer.error());
  Descriptor unread(::fcntl(to_peer->first.get(), F_DUPFD_CLOEXEC, 0));
  if (!unread) return std::unexpected(errno);
  return ControlEnds{.host = ControlStream(std::move(to_host->first), std::move(to_peer->second), std::move(unread)),
                     .peer = std::move(to_peer->first),
                     .peer_writes = std::move(to_host->second)};
}

}  // namespace ringmail::transport

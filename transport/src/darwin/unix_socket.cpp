// macOS has no flags that make a descriptor close-on-exec as it is made: a fork by another thread in between inherits it.
#include "ringmail/transport/unix_socket.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstring>

namespace ringmail::transport {
namespace {

Descriptor closed_on_exec(int number) {
  Descriptor descriptor(number);
  if (descriptor) ::fcntl(number, F_SETFD, FD_CLOEXEC);
  return descriptor;
}

}  // namespace

Descriptor unix_socket() { return closed_on_exec(::socket(AF_UNIX, SOCK_STREAM, 0)); }

Descriptor accept_connection(int listening) { return closed_on_exec(::accept(listening, nullptr, nullptr)); }

std::expected<std::pair<Descriptor, Descriptor>, int> control_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return std::unexpected(errno);
  return std::pair(closed_on_exec(ends[0]), closed_on_exec(ends[1]));
}

std::expected<std::pair<Descriptor, Descriptor>, int> pipe_pair() {
  int ends[2];
  if (::pipe(ends) != 0) return std::unexpected(errno);
  for (const int end : ends) ::fcntl(end, F_SETFL, O_NONBLOCK);
  return std::pair(closed_on_exec(ends[0]), closed_on_exec(ends[1]));
}

std::expected<Descriptor, int> reopen_pipe(int) { return std::unexpected(ENOTSUP); }

void prepare_stream(int socket) {
  const int on = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
  // A send heeds no MSG_DONTWAIT here: it asks the descriptor's mode alone.
  ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) | O_NONBLOCK);
}

ssize_t send_now(int socket, const msghdr& message) { return ::sendmsg(socket, &message, 0); }

ssize_t receive_now(int socket, msghdr& message) {
  const ssize_t got = ::recvmsg(socket, &message, MSG_DONTWAIT);
  if (got > 0) each_received(message, [](int number) { ::fcntl(number, F_SETFD, FD_CLOEXEC); });
  return got;
}

const bool tells_dropped_descriptors = false;

}  // namespace ringmail::transport

// macOS has no flags that make a descriptor close-on-exec as it is made: a fork by another thread in between inherits it. What
// may not raise SIGPIPE says so once, on the descriptor.
#include "ringmail/runtime/socket.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace ringmail::runtime {

using transport::Descriptor;

namespace {

Descriptor prepared_socket(int number) {
  Descriptor socket(number);
  if (!socket) return socket;
  const int on = 1;
  ::fcntl(number, F_SETFD, FD_CLOEXEC);
  ::setsockopt(number, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
  make_nonblocking(number);
  return socket;
}

}  // namespace

Descriptor open_socket(int family, int type) { return prepared_socket(::socket(family, type, 0)); }

Descriptor accept_socket(int listening) { return prepared_socket(::accept(listening, nullptr, nullptr)); }

std::expected<PipeEnds, int> open_pipe() {
  int ends[2];
  if (::pipe(ends) != 0) return std::unexpected(errno);
  for (const int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
  ::fcntl(ends[1], F_SETNOSIGPIPE, 1);
  return PipeEnds{.reader = Descriptor(ends[0]), .writer = Descriptor(ends[1])};
}

void make_nonblocking(int descriptor) { ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK); }

ssize_t write_to_socket(int socket, std::span<const std::byte> bytes) {
  return ::send(socket, bytes.data(), bytes.size(), 0);
}

ssize_t write_to_pipe(int pipe, std::span<const std::byte> bytes) { return ::write(pipe, bytes.data(), bytes.size()); }

}  // namespace ringmail::runtime

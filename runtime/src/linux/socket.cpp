#include "ringmail/runtime/socket.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>

namespace ringmail::runtime {

using transport::Descriptor;

Descriptor open_socket(int family, int type) {
  return Descriptor(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

Descriptor accept_socket(int listening) {
  return Descriptor(::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

std::expected<PipeEnds, int> open_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::unexpected(errno);
  return PipeEnds{.reader = Descriptor(ends[0]), .writer = Descriptor(ends[1])};
}

void make_nonblocking(int descriptor) { ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK); }

ssize_t write_to_socket(int socket, std::span<const std::byte> bytes) {
  return ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

/// A pipe has no flag against SIGPIPE. So this thread blocks it, and takes what the write has raised, which only it can: unless
/// one was pending before, which is left for whom it was meant.
ssize_t write_to_pipe(int pipe, std::span<const std::byte> bytes) {
  sigset_t broken;
  sigemptyset(&broken);
  sigaddset(&broken, SIGPIPE);
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &broken, &before);
  sigset_t pending;
  ::sigpending(&pending);
  const ssize_t written = ::write(pipe, bytes.data(), bytes.size());
  const int error = errno;
  if (written < 0 && error == EPIPE && sigismember(&pending, SIGPIPE) == 0) {
    const timespec now{};
    while (::sigtimedwait(&broken, nullptr, &now) < 0 && errno == EINTR) {
    }
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return written;
}

}  // namespace ringmail::runtime

#include "ringmail/transport/unix_socket.hpp"

#include <fcntl.h>

#include <cerrno>
#include <string>

namespace ringmail::transport {

Descriptor unix_socket() { return Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

Descriptor accept_connection(int listening) { return Descriptor(::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC)); }

std::expected<std::pair<Descriptor, Descriptor>, int> control_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return std::unexpected(errno);
  return std::pair(Descriptor(ends[0]), Descriptor(ends[1]));
}

std::expected<std::pair<Descriptor, Descriptor>, int> pipe_pair() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return std::unexpected(errno);
  return std::pair(Descriptor(ends[0]), Descriptor(ends[1]));
}

std::expected<Descriptor, int> reopen_pipe(int end) {
  const std::string path = "/proc/self/fd/" + std::to_string(end);
  Descriptor pipe(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!pipe) return std::unexpected(errno);
  return pipe;
}

void prepare_stream(int) {}

ssize_t send_now(int socket, const msghdr& message) { return ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL); }

ssize_t receive_now(int socket, msghdr& message) {
  return ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
}

const bool tells_dropped_descriptors = true;

}  // namespace ringmail::transport

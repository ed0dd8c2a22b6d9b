// Unix stream sockets, and what systems differ in about them. One file per platform behind it.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cstddef>
#include <cstring>
#include <expected>
#include <utility>

#include "ringmail/transport/descriptor.hpp"

namespace ringmail::transport {

/// Close-on-exec. None: errno says why.
Descriptor unix_socket();

/// The next connection at a socket that listens; close-on-exec. None: errno says why.
Descriptor accept_connection(int listening);

/// Two connected ends, close-on-exec, or errno.
std::expected<std::pair<Descriptor, Descriptor>, int> control_pair();

/// A pipe: the end that is read and the end that is written, both close-on-exec and non-blocking, or errno.
std::expected<std::pair<Descriptor, Descriptor>, int> pipe_pair();

/// The same pipe as a description of its own, for another process to write to: whatever it sets there is set for it alone, and it is
/// open for reading as well, so that writing to the dead is no SIGPIPE. errno; ENOTSUP where the system has no such thing.
std::expected<Descriptor, int> reopen_pipe(int end);

/// Before the first of the two calls below. Changes nothing where flags of the calls can say it all.
void prepare_stream(int socket);

/// sendmsg() and recvmsg() that never block and raise no SIGPIPE. What is received is close-on-exec.
ssize_t send_now(int socket, const msghdr& message);
ssize_t receive_now(int socket, msghdr& message);

/// Each descriptor that came with a message, by its number.
template <class Use>
void each_received(msghdr& message, Use&& use) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      use(number);
    }
  }
}

/// Whether a receive_now() without a buffer for descriptors says, by MSG_CTRUNC, that some came and were dropped.
extern const bool tells_dropped_descriptors;

}  // namespace ringmail::transport

// Making descriptors for IoDescriptor, and what systems differ in about them. One file per platform behind it.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cstddef>
#include <expected>
#include <span>
#include <utility>

#include "ringmail/transport/descriptor.hpp"

namespace ringmail::runtime {

/// Close-on-exec; does not block. None: errno says why.
transport::Descriptor open_socket(int family, int type);

/// The next connection at a socket that listens; close-on-exec, and does not block. None: errno says why.
transport::Descriptor accept_socket(int listening);

/// Both ends close-on-exec, and both block: a child that inherits one expects that. Or errno.
struct PipeEnds {
  transport::Descriptor reader;
  transport::Descriptor writer;
};
std::expected<PipeEnds, int> open_pipe();

void make_nonblocking(int descriptor);

/// As write(2), without SIGPIPE: of a socket, and of a pipe from open_pipe().
ssize_t write_to_socket(int socket, std::span<const std::byte> bytes);
ssize_t write_to_pipe(int pipe, std::span<const std::byte> bytes);

}  // namespace ringmail::runtime

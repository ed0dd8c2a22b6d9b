// Who is at the other end of a Unix socket, and how one learns that he has died. One file per platform behind it.
#pragma once

#include <sys/types.h>

#include <optional>

#include "ringmail/transport/descriptor.hpp"

namespace ringmail::transport {

/// Becomes readable when the process is dead. None where the system has no such thing.
Descriptor open_death_watch(int pid);

/// As the kernel saw it when it connected.
struct SocketPeer {
  int pid = 0;
  uid_t uid = 0;
  Descriptor death_watch;
};
std::optional<SocketPeer> socket_peer(int socket);

}  // namespace ringmail::transport

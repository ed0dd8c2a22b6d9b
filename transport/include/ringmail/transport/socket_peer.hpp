// Who is at the other end of a Unix socket, and how one learns that he has died. One file per platform behind it.
#pragma once

#include <sys/types.h>

#include <optional>

#include "ringmail/transport/descriptor.hpp"

namespace ringmail::transport {

/// Becomes readable when the process is dead. None where the system has no such thing.
Descriptor open_death_watch(int pid);

/// To the process of that death watch. False: it is dead, or there is no watch.
bool signal_watched(int death_watch, int number);

/// As the kernel saw it when it connected.
struct SocketPeer {
  int pid = 0;
  uid_t uid = 0;
  Descriptor death_watch;
};
std::optional<SocketPeer> socket_peer(int socket);

}  // namespace ringmail::transport

#include "ringmail/transport/socket_peer.hpp"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

// Newer than some of the headers that this is built with.
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

namespace ringmail::transport {

Descriptor open_death_watch(int pid) {
#ifdef SYS_pidfd_open
  return Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
#else
  static_cast<void>(pid);
  return {};
#endif
}

bool signal_watched(int death_watch, int number) {
  return death_watch >= 0 && syscall(SYS_pidfd_send_signal, death_watch, number, nullptr, 0) == 0;
}

std::optional<SocketPeer> socket_peer(int socket) {
  ucred credentials{};
  socklen_t length = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return std::nullopt;

  // Linux 6.5. Asking by number can name another process, if that one has died since and its number was given away.
  int number = -1;
  length = sizeof number;
  Descriptor death_watch;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &number, &length) == 0) {
    death_watch = Descriptor(number);
  } else {
    death_watch = open_death_watch(credentials.pid);
  }
  return SocketPeer{.pid = credentials.pid, .uid = credentials.uid, .death_watch = std::move(death_watch)};
}

}  // namespace ringmail::transport

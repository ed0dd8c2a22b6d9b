#include "ringmail/transport/socket_peer.hpp"

#include <fcntl.h>
#include <sys/event.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <span>
#include <utility>

namespace ringmail::transport {
namespace {

using Event = struct kevent;

bool change(const Descriptor& queue, std::span<const Event> changes) {
  return ::kevent(queue.get(), changes.data(), static_cast<int>(changes.size()), nullptr, 0, nullptr) == 0;
}

}  // namespace

// A queue that holds one event once the process is dead, and is readable from then on. The event's ident is the process's id.
Descriptor open_death_watch(int pid) {
  Descriptor queue(::kqueue());
  if (!queue) return {};
  ::fcntl(queue.get(), F_SETFD, FD_CLOEXEC);

  std::array<Event, 2> events{};
  const auto id = static_cast<std::uintptr_t>(pid);
  EV_SET(&events[0], id, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, nullptr);
  if (change(queue, std::span(events).first(1))) return queue;
  if (errno != ESRCH) return {};
  // It is dead already, though perhaps not reaped.
  EV_SET(&events[0], id, EVFILT_USER, EV_ADD, 0, 0, nullptr);
  EV_SET(&events[1], id, EVFILT_USER, 0, NOTE_TRIGGER, 0, nullptr);
  return change(queue, events) ? std::move(queue) : Descriptor();
}

bool signal_watched(int, int) { return false; }

std::optional<SocketPeer> socket_peer(int socket) {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;
  socklen_t length = sizeof pid;
  if (::getpeereid(socket, &uid, &gid) != 0) return std::nullopt;
  if (::getsockopt(socket, SOL_LOCAL, LOCAL_PEERPID, &pid, &length) != 0) return std::nullopt;
  return SocketPeer{.pid = pid, .uid = uid, .death_watch = open_death_watch(pid)};
}

}  // namespace ringmail::transport

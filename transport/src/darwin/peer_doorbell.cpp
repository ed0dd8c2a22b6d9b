#include "../peer_doorbell.hpp"

#include <fcntl.h>
#include <sys/event.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace ringmail::transport {
namespace {

constexpr uintptr_t interruption = 1;  // of EVFILT_USER, which has numbers of its own

struct kevent change(uintptr_t ident, int16_t filter, uint16_t flags, uint32_t filter_flags = 0) {
  struct kevent event{};
  EV_SET(&event, ident, filter, flags, filter_flags, 0, nullptr);
  return event;
}

}  // namespace

std::expected<PeerDoorbell, int> PeerDoorbell::create(Descriptor pipe, int stream) {
  struct stat status{};
  if (fstat(pipe.get(), &status) != 0) return std::unexpected(errno);
  if (!S_ISFIFO(status.st_mode)) return std::unexpected(EINVAL);
  // The host writes to the other end; nobody else reads this one.
  if (fcntl(pipe.get(), F_SETFL, O_NONBLOCK) != 0) return std::unexpected(errno);
  Descriptor set(kqueue());
  if (!set || fcntl(set.get(), F_SETFD, FD_CLOEXEC) != 0) return std::unexpected(errno);
  const struct kevent changes[] = {
      change(static_cast<uintptr_t>(pipe.get()), EVFILT_READ, EV_ADD),
      change(static_cast<uintptr_t>(stream), EVFILT_READ, EV_ADD),
      change(interruption, EVFILT_USER, EV_ADD | EV_CLEAR),
  };
  if (kevent(set.get(), changes, 3, nullptr, 0, nullptr) != 0) return std::unexpected(errno);
  return PeerDoorbell(std::move(set), std::move(pipe), Descriptor());
}

void PeerDoorbell::quiet() {
  // Taking the event of the interruption clears it.
  struct kevent events[3];
  const timespec now{};
  const int count = kevent(set_.get(), nullptr, 0, events, 3, &now);
  for (int i = 0; i < count; ++i) {
    if (events[i].filter == EVFILT_READ && events[i].ident == static_cast<uintptr_t>(pipe_.get())) empty_pipe();
  }
}

void PeerDoorbell::interrupt() const {
  const int kept = errno;
  const struct kevent trigger = change(interruption, EVFILT_USER, 0, NOTE_TRIGGER);
  static_cast<void>(kevent(set_.get(), &trigger, 1, nullptr, 0, nullptr));
  errno = kept;
}

}  // namespace ringmail::transport

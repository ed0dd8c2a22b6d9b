#include "../peer_doorbell.hpp"

#include <sys/event.h>
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

std::expected<PeerDoorbell, int> PeerDoorbell::with(Descriptor pipe, int stream) {
  auto set = ReadySet::create();
  if (!set) return std::unexpected(set.error());
  const struct kevent user = change(interruption, EVFILT_USER, EV_ADD | EV_CLEAR);
  if (!set->add(stream) || kevent(set->descriptor(), &user, 1, nullptr, 0, nullptr) != 0) return std::unexpected(errno);
  return PeerDoorbell(std::move(*set), std::move(pipe), Descriptor());
}

void PeerDoorbell::quiet() {
  // Taking the event of the interruption clears it.
  struct kevent events[4];
  const timespec now{};
  const int count = kevent(set_.descriptor(), nullptr, 0, events, 4, &now);
  for (int i = 0; i < count; ++i) {
    if (events[i].filter == EVFILT_READ && events[i].ident == static_cast<uintptr_t>(pipe_.get())) empty_pipe();
  }
}

void PeerDoorbell::interrupt() const {
  const int kept = errno;
  const struct kevent trigger = change(interruption, EVFILT_USER, 0, NOTE_TRIGGER);
  static_cast<void>(kevent(set_.descriptor(), &trigger, 1, nullptr, 0, nullptr));
  errno = kept;
}

}  // namespace ringmail::transport

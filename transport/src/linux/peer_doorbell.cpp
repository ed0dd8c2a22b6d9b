#include "../peer_doorbell.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace ringmail::transport {

std::expected<PeerDoorbell, int> PeerDoorbell::with(Descriptor pipe, int stream) {
  auto set = ReadySet::create();
  if (!set) return std::unexpected(set.error());
  Descriptor interruption(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!interruption || !set->add(stream) || !set->add(interruption.get())) return std::unexpected(errno);
  return PeerDoorbell(std::move(*set), std::move(pipe), std::move(interruption));
}

void PeerDoorbell::quiet() {
  // One call where nothing rang, which is the usual case of a loop that other things woke.
  epoll_event events[4];
  const int count = epoll_wait(set_.descriptor(), events, 4, 0);
  for (int i = 0; i < count; ++i) {
    if (events[i].data.fd == pipe_.get()) {
      empty_pipe();
    } else if (events[i].data.fd == interruption_.get()) {
      std::uint64_t interruptions = 0;
      static_cast<void>(!::read(interruption_.get(), &interruptions, sizeof interruptions));
    }
  }
}

void PeerDoorbell::interrupt() const {
  const int kept = errno;
  const std::uint64_t one = 1;
  static_cast<void>(!::write(interruption_.get(), &one, sizeof one));
  errno = kept;
}

}  // namespace ringmail::transport

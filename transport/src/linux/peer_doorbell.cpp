#include "../peer_doorbell.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace ringmail::transport {
namespace {

bool add(int set, int descriptor) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = descriptor}};
  return epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

}  // namespace

std::expected<PeerDoorbell, int> PeerDoorbell::create(Descriptor pipe, int stream) {
  struct stat status{};
  if (fstat(pipe.get(), &status) != 0) return std::unexpected(errno);
  if (!S_ISFIFO(status.st_mode)) return std::unexpected(EINVAL);
  // The host writes to the other end; nobody else reads this one.
  if (fcntl(pipe.get(), F_SETFL, O_NONBLOCK) != 0) return std::unexpected(errno);
  Descriptor set(epoll_create1(EPOLL_CLOEXEC));
  Descriptor interruption(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!set || !interruption || !add(set.get(), pipe.get()) || !add(set.get(), stream) ||
      !add(set.get(), interruption.get()))
    return std::unexpected(errno);
  return PeerDoorbell(std::move(set), std::move(pipe), std::move(interruption));
}

void PeerDoorbell::quiet() {
  // One call where nothing rang, which is the usual case of a loop that other things woke.
  epoll_event events[3];
  const int count = epoll_wait(set_.get(), events, 3, 0);
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

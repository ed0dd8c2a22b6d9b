#include "../ready_set.hpp"

#include <sys/epoll.h>

#include <cerrno>

namespace ringmail::transport {

std::expected<ReadySet, int> ReadySet::create() {
  Descriptor set(epoll_create1(EPOLL_CLOEXEC));
  if (!set) return std::unexpected(errno);
  return ReadySet(std::move(set));
}

bool ReadySet::add(int descriptor) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = descriptor}};
  return epoll_ctl(set_.get(), EPOLL_CTL_ADD, descriptor, &event) == 0;
}

void ReadySet::remove(int descriptor) { epoll_ctl(set_.get(), EPOLL_CTL_DEL, descriptor, nullptr); }

}  // namespace ringmail::transport

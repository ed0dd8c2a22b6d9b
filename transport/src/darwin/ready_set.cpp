#include "../ready_set.hpp"

#include <fcntl.h>
#include <sys/event.h>

#include <cerrno>

namespace ringmail::transport {
namespace {

bool change(const Descriptor& set, int descriptor, std::uint16_t flags) {
  struct kevent change{};
  EV_SET(&change, static_cast<uintptr_t>(descriptor), EVFILT_READ, flags, 0, 0, nullptr);
  return kevent(set.get(), &change, 1, nullptr, 0, nullptr) == 0;
}

}  // namespace

std::expected<ReadySet, int> ReadySet::create() {
  Descriptor set(kqueue());
  if (!set || fcntl(set.get(), F_SETFD, FD_CLOEXEC) != 0) return std::unexpected(errno);
  return ReadySet(std::move(set));
}

bool ReadySet::add(int descriptor) { return change(set_, descriptor, EV_ADD); }

void ReadySet::remove(int descriptor) { change(set_, descriptor, EV_DELETE); }

}  // namespace ringmail::transport

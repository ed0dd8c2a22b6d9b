#include "peer_doorbell.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace ringmail::transport {

PeerDoorbell::PeerDoorbell(ReadySet set, Descriptor pipe, Descriptor interruption)
    : set_(std::move(set)), pipe_(std::move(pipe)), interruption_(std::move(interruption)) {}

std::expected<PeerDoorbell, int> PeerDoorbell::create(Descriptor pipe, int stream) {
  struct stat status{};
  if (fstat(pipe.get(), &status) != 0) return std::unexpected(errno);
  if (!S_ISFIFO(status.st_mode)) return std::unexpected(EINVAL);
  // The host writes to the other end; nobody else reads this one.
  if (fcntl(pipe.get(), F_SETFL, O_NONBLOCK) != 0) return std::unexpected(errno);
  auto doorbell = with(std::move(pipe), stream);
  if (doorbell && !doorbell->set_.add(doorbell->pipe_.get())) return std::unexpected(errno);
  return doorbell;
}

std::expected<PeerDoorbell, int> PeerDoorbell::on_stream(int stream, int death_watch) {
  auto doorbell = with({}, stream);
  if (doorbell && death_watch >= 0 && !doorbell->set_.add(death_watch)) return std::unexpected(errno);
  return doorbell;
}

void PeerDoorbell::empty_pipe() {
  // A byte for each of the host's threads that rang; more lie here only if a sleep ended before they came.
  char bytes[256];
  while (::read(pipe_.get(), bytes, sizeof bytes) == static_cast<ssize_t>(sizeof bytes)) {
  }
}

}  // namespace ringmail::transport

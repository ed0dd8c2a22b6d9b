#include "peer_doorbell.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace ringmail::transport {

PeerDoorbell::PeerDoorbell(ReadySet set, Descriptor pipe, Descriptor interruption)
    : set_(std::move(set)), pipe_(std::move(pipe)), interruption_(std::move(interruption)) {}

namespace {

std::expected<void, int> check_pipe(int pipe) {
  struct stat status{};
  if (fstat(pipe, &status) != 0) return std::unexpected(errno);
  if (!S_ISFIFO(status.st_mode)) return std::unexpected(EINVAL);
  // The host writes to the other end; nobody else reads this one.
  if (fcntl(pipe, F_SETFL, O_NONBLOCK) != 0) return std::unexpected(errno);
  return {};
}

}  // namespace

std::expected<void, int> PeerDoorbell::rejoin(Descriptor pipe, int stream) {
  if (auto checked = check_pipe(pipe.get()); !checked) return checked;
  pipe_ = std::move(pipe);
  if (!set_.add(pipe_.get()) || !set_.add(stream)) return std::unexpected(errno);
  return {};
}

std::expected<PeerDoorbell, int> PeerDoorbell::create(Descriptor pipe, int stream) {
  if (auto checked = check_pipe(pipe.get()); !checked) return std::unexpected(checked.error());
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

#include "ringmail/transport/park.hpp"

#include <unistd.h>

#include <array>
#include <utility>

#include "ringmail/transport/control_stream.hpp"
#include "ringmail/transport/handshake.hpp"
#include "ringmail/transport/pipe_bell.hpp"
#include "ringmail/transport/unix_socket.hpp"

namespace ringmail::transport {

SleepResult Parker::sleep_on_several(std::uint32_t parked, std::uint64_t timeout_ns) const {
  std::array<const std::atomic<std::uint32_t>*, most_futexes> words{&bell_->park};
  std::size_t count = 1;
  for (const Bell* other : others_) {
    if (count < words.size()) words[count++] = &other->park;
  }
  const bool all_wake = count == others_.size() + 1 && can_wait_for_several_futexes();
  return futex_wait_any(std::span(words).first(count), parked,
                        all_wake ? timeout_ns : std::min(timeout_ns, longest_unordered_sleep_ns));
}

std::expected<void, int> PipeBell::open() {
  if (is_open()) return {};
  auto ends = pipe_pair();
  if (!ends) return std::unexpected(ends.error());
  read_end_ = std::move(ends->first);
  write_end_ = std::move(ends->second);
  // SYNC(pipe): with ring(), which any thread may call from now on.
  number_.store(write_end_.get(), std::memory_order_release);
  return {};
}

void PipeBell::adopt(Descriptor pipe) {
  write_end_ = std::move(pipe);
  // SYNC(pipe)
  number_.store(write_end_.get(), std::memory_order_release);
}

void PipeBell::ring() const {
  const char byte = 0;
  // SYNC(pipe): after what made the descriptor. A pipe that is full has woken it already, and nothing else can go wrong.
  static_cast<void>(!::write(number_.load(std::memory_order_acquire), &byte, 1));
}

void Doorbell::ring_on_pipe() const {
  if (pipe_->is_open()) pipe_->ring();
}

void Doorbell::ring_on_stream() {
  // A ring that has not left yet wakes it as well as one more would. A stream that has failed says so to whoever reads it.
  const auto ring = encode(Ring{.lane = lane_});
  if (!stream_->is_waiting(Ring::kind, ring)) static_cast<void>(stream_->send(Ring::kind, ring));
}

}  // namespace ringmail::transport

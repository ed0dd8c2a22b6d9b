// How a host wakes a peer that sleeps on a pipe, beside other descriptors, and not on its futex.
#pragma once

#include <atomic>
#include <expected>

#include "ringmail/transport/descriptor.hpp"

namespace ringmail::transport {

/// The pipe of a peer that sleeps on one: made when it is known that it does, while producers already hold its bell. Its maker
/// makes it once; any thread rings.
class PipeBell {
 public:
  /// Or errno. Does nothing where it is open.
  std::expected<void, int> open();
  /// Rings somebody else's, by what reopen_pipe() has made of it there.
  void adopt(Descriptor pipe);
  /// For the peer. It stays open here as well, so that to ring for the dead is no SIGPIPE.
  int read_end() const { return read_end_.get(); }

  bool is_open() const { return number_.load(std::memory_order_relaxed) >= 0; }
  void ring() const;

 private:
  Descriptor read_end_;
  Descriptor write_end_;
  /// Relaxed: it is there before the peer is told of it, and so before the park word says that the peer sleeps.
  std::atomic<int> number_{-1};
};

}  // namespace ringmail::transport

// What a peer polls that has a loop of its own: one descriptor for all that may end its sleep, which are the pipe that the host
// rings, the control stream, and interrupt(). One file per platform behind it.
//
// Threads: one at a time, but for interrupt().
#pragma once

#include <cstdint>
#include <expected>

#include "ringmail/transport/descriptor.hpp"
#include "ringmail/transport/futex.hpp"

namespace ringmail::transport {

class PeerDoorbell {
 public:
  /// `pipe`: the end that the peer reads, of role 7. `stream` stays its owner's. errno where the system refuses; EINVAL: `pipe` is
  /// none.
  static std::expected<PeerDoorbell, int> create(Descriptor pipe, int stream);

  /// Can be read while anything of the three has come.
  int descriptor() const { return set_.get(); }

  /// Until the descriptor can be read. `interrupted`: a signal handler ran.
  SleepResult sleep(std::uint64_t timeout_ns) const;

  /// Takes what rang. What the stream holds is for its reader to take.
  void quiet();

  /// Ends the sleep that is, or the next. For any thread and for a signal handler.
  void interrupt() const;

 private:
  PeerDoorbell(Descriptor set, Descriptor pipe, Descriptor interruption);

  void empty_pipe();

  Descriptor set_;
  Descriptor pipe_;
  Descriptor interruption_;
};

}  // namespace ringmail::transport

// What a peer polls that has a loop of its own: one descriptor for all that may end its sleep, which are the pipe that the other
// side rings, the control stream, the other side's death, and interrupt(). One file per platform behind it.
//
// Threads: one at a time, but for interrupt().
#pragma once

#include <cstdint>
#include <expected>

#include "ready_set.hpp"
#include "ringmail/transport/descriptor.hpp"

namespace ringmail::transport {

class PeerDoorbell {
 public:
  /// `pipe`: the end that the peer reads, of role 7. errno where the system refuses; EINVAL: it is none. `stream` stays its owner's.
  static std::expected<PeerDoorbell, int> create(Descriptor pipe, int stream);
  /// For who is rung on the stream. `death_watch` is its owner's as well, and may be none.
  static std::expected<PeerDoorbell, int> on_stream(int stream, int death_watch);

  /// As create(), for another link: the descriptor stays the same. What the link before had is closed by now, or goes with it.
  std::expected<void, int> rejoin(Descriptor pipe, int stream);

  /// Can be read while anything of these has come.
  int descriptor() const { return set_.descriptor(); }

  /// Until the descriptor can be read. `interrupted`: a signal handler ran.
  SleepResult sleep(std::uint64_t timeout_ns) const { return set_.wait(timeout_ns); }

  /// Takes what rang. What the stream holds is for its reader to take.
  void quiet();

  /// Ends the sleep that is, or the next. For any thread and for a signal handler.
  void interrupt() const;

 private:
  PeerDoorbell(ReadySet set, Descriptor pipe, Descriptor interruption);
  /// All but the pipe.
  static std::expected<PeerDoorbell, int> with(Descriptor pipe, int stream);

  void empty_pipe();

  ReadySet set_;
  Descriptor pipe_;
  Descriptor interruption_;
};

}  // namespace ringmail::transport

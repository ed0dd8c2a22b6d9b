// Why an actor or a peer process is no more.
#pragma once

#include <cstdint>
#include <string>

namespace ringmail::runtime {

struct ExitReason {
  enum class Kind : std::uint8_t {
    normal,            ///< it was asked to stop, or a process exited with 0
    failed,            ///< a handler threw; a peer reported a failure
    exited,            ///< a process exited with `code`
    signalled,         ///< a process died of `signal`
    not_started,       ///< a process could not be spawned
    handshake,         ///< refused, malformed, or not in time
    protocol,          ///< it wrote something impossible into a ring
    unreachable,       ///< there is no such actor, or there will be no further incarnation
  };

  Kind kind = Kind::normal;
  int code = 0;      ///< exit code of a process
  int signal = 0;    ///< 0: none
  std::string text{};  ///< one line

  friend bool operator==(const ExitReason&, const ExitReason&) = default;
};

/// "exited with 3: ValueError: no such airport", "killed by signal 9 (Killed)".
std::string to_string(const ExitReason& reason);

}  // namespace ringmail::runtime

// What is told of a message that reached nobody.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "ringmail/runtime/address.hpp"
#include "ringmail/runtime/exit_reason.hpp"

namespace ringmail::runtime {

struct DeadLetter {
  Address sender;          ///< nobody: a plain thread's, or a timer's
  ActorId target;          ///< whom it was for
  std::uint32_t type = 0;  ///< 0: a type that never leaves the process
  std::string why;         ///< "there is no such actor"
  bool asked = false;      ///< whether somebody waited for an answer, and was told
  // Of a message that a peer process died with too often (PeerOptions::max_attempts).
  std::uint32_t peer = 0;            ///< its link
  std::vector<std::byte> payload{};  ///< the message as it was sent
  ExitReason reason{};               ///< what it died of last, with its post-mortem
};

}  // namespace ringmail::runtime

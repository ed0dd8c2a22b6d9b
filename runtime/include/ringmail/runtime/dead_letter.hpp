// What is told of a message that reached nobody.
#pragma once

#include <cstdint>
#include <string>

#include "ringmail/runtime/address.hpp"

namespace ringmail::runtime {

struct DeadLetter {
  Address sender;          ///< nobody: a plain thread's, or a timer's
  ActorId target;          ///< whom it was for
  std::uint32_t type = 0;  ///< 0: a type that never leaves the process
  std::string why;         ///< "there is no such actor"
  bool asked = false;      ///< whether somebody waited for an answer, and was told
};

}  // namespace ringmail::runtime

// What the processes of a peer are run with, from one replacement to the next. Never changed: its processes refer to it.
#pragma once

#include <memory>

#include "peer_command.hpp"
#include "ringmail/runtime/peer_options.hpp"

namespace ringmail::runtime {

struct PeerProgram {
  PeerOptions options;
  PeerCommand command;
};

using SharedProgram = std::shared_ptr<const PeerProgram>;

}  // namespace ringmail::runtime

// Both ends of a control stream, for who starts a peer: one end is kept, the other inherited.
#pragma once

#include <expected>

#include "ringmail/transport/control_stream.hpp"
#include "ringmail/transport/descriptor.hpp"

namespace ringmail::transport {

struct ControlEnds {
  ControlStream host;
  Descriptor peer;
  Descriptor peer_writes;  ///< none: it reads and writes `peer`
};

/// Over a socket, or over two pipes. Or errno.
std::expected<ControlEnds, int> control_by_socket();
std::expected<ControlEnds, int> control_by_pipes();

}  // namespace ringmail::transport

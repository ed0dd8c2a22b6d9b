#include "ringmail/transport/park.hpp"

#include "ringmail/transport/control_stream.hpp"
#include "ringmail/transport/handshake.hpp"

namespace ringmail::transport {

void Doorbell::ring_on_stream() {
  // What the host has not read yet wakes it as well as one more would. A stream that has failed says so to whoever reads it.
  if (!stream_->wants_write()) static_cast<void>(stream_->send(Ring::kind, encode(Ring{.lane = lane_})));
}

}  // namespace ringmail::transport

// A link's memory as a peer's process has it: the same segments, mapped once more.
#pragma once

#include <vector>

#include "ringmail/transport/lane.hpp"
#include "ringmail/transport/link.hpp"
#include "ringmail/transport/peer_segments.hpp"

namespace ringmail::testing {

class PeerMemory {
 public:
  PeerMemory(const transport::LinkLayout& layout,
             const transport::LinkMail& mail,
             const transport::Incarnation& incarnation,
             const transport::Bells& bells);

  std::vector<transport::Lane>& lanes() { return lanes_; }

 private:
  transport::PeerSegments mapped_;
  std::vector<transport::Lane> lanes_;
};

}  // namespace ringmail::testing

// A link's memory as a peer's process has it: the same segments, mapped once more.
#pragma once

#include <vector>

#include "ringmail/transport/lane.hpp"
#include "ringmail/transport/link.hpp"

namespace ringmail::testing {

class PeerMemory {
 public:
  PeerMemory(const transport::LinkLayout& layout,
             const transport::LinkMail& mail,
             const transport::Incarnation& incarnation,
             const transport::Bells& bells);

  std::vector<transport::Lane>& lanes() { return lanes_; }

 private:
  void map(const transport::WelcomeSegment& segment, int descriptor);
  transport::Lane lane(std::uint32_t index);

  transport::LinkLayout layout_;
  transport::Mapping mail_, host_, peer_, host_bells_, peer_bell_;
  std::vector<transport::Lane> lanes_;
};

}  // namespace ringmail::testing

#include "peer_memory.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace ringmail::testing {

PeerMemory::PeerMemory(const transport::LinkLayout& layout,
                       const transport::LinkMail& mail,
                       const transport::Incarnation& incarnation,
                       const transport::Bells& bells)
    : mapped_{.layout = layout} {
  std::vector<int> descriptors;
  const auto segments = incarnation.segments(mail, bells.segment(), descriptors);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (auto mapped = mapped_.map(segments[i], transport::Descriptor(::dup(descriptors[i]))); !mapped) {
      std::fprintf(stderr, "a fake peer has no memory: %s\n", to_string(mapped.error()).c_str());
      std::abort();
    }
  }
  for (std::uint32_t i = 0; i < layout.lanes; ++i) {
    lanes_.push_back(mapped_.lane(i, transport::Doorbell(mapped_.host_bells.at<transport::Bell>(0)[i])));
  }
}

}  // namespace ringmail::testing

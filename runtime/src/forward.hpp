// A frame of a peer on its way to another scheduler of this process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ringmail/transport/ring.hpp"

namespace ringmail::runtime {

struct Forward {
  transport::FrameHead head;
  std::uint32_t incarnation = 0;  ///< of the lane that it came by, when it came
  std::vector<std::byte> payload;
};

}  // namespace ringmail::runtime

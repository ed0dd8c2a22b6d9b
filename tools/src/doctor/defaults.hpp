// What Ringmail makes of this machine when nobody tells it anything: asked of Ringmail itself.
#pragma once

#include <cstdint>
#include <string>

#include "ringmail/transport/barrier.hpp"

namespace ringmail::doctor {

struct Defaults {
  unsigned usable_cpus = 0;
  std::uint32_t schedulers = 0;  ///< of a system; 0: none could be made
  std::string cause{};           ///< why not
  transport::Ordering ordering = transport::Ordering::sequential;
  double spin_ns = 0;  ///< how long one that waits and finds nothing polls before it sleeps, observed
};

/// Makes a system and ends it.
Defaults ask_defaults();

}  // namespace ringmail::doctor

// What the kernel lets this process do, tried once each.
#pragma once

#include <string>

namespace ringmail::doctor {

struct Probe {
  bool works = false;
  std::string cause{};  ///< why not
};

struct Probes {
  Probe memory;   ///< memfds that are populated, mapped and sealed
  Probe futex;    ///< a bounded sleep on a word in such memory
  Probe barrier;  ///< membarrier, for other processes' threads too
  Probe pidfd;    ///< to learn of a peer's death
  Probe guards;   ///< MADV_GUARD_INSTALL: guard pages that cost no mapping
};

/// Registers this process for barriers.
Probes try_all();

}  // namespace ringmail::doctor

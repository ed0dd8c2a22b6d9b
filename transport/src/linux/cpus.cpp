#include <sched.h>

#include "ringmail/transport/spin.hpp"

namespace ringmail::transport {

unsigned usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<unsigned>(CPU_COUNT(&set));
}

}  // namespace ringmail::transport

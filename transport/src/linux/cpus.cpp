#include <sched.h>

#include "cpu_quota.hpp"
#include "ringmail/transport/spin.hpp"

namespace ringmail::transport {

unsigned usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  // More CPUs than the set has room for: nobody knows how many, but there is no want of them.
  const unsigned allowed =
      sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set)) : CPU_SETSIZE;
  const unsigned granted = cpu_quota("");
  return granted != 0 && granted < allowed ? granted : allowed;
}

}  // namespace ringmail::transport

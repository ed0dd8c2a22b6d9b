#include <unistd.h>

#include "ringmail/transport/spin.hpp"

namespace ringmail::transport {

unsigned usable_cpus() {
  const long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? static_cast<unsigned>(count) : 1;
}

}  // namespace ringmail::transport

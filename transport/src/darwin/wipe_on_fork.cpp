#include "wipe_on_fork.hpp"

#include <mach/vm_inherit.h>
#include <sys/mman.h>

namespace ringmail::transport {

bool wipe_on_fork(void* pages, std::size_t bytes) { return minherit(pages, bytes, VM_INHERIT_ZERO) == 0; }

}  // namespace ringmail::transport

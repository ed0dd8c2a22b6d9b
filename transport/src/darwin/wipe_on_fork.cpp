#include <mach/vm_inherit.h>
#include <sys/mman.h>

#include "ringmail/transport/fork_guard.hpp"

namespace ringmail::transport::detail {

bool wipe_on_fork(void* pages, std::size_t bytes) { return minherit(pages, bytes, VM_INHERIT_ZERO) == 0; }

}  // namespace ringmail::transport::detail

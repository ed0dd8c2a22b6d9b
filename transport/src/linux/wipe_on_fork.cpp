#include "wipe_on_fork.hpp"

#include <sys/mman.h>

namespace ringmail::transport {

bool wipe_on_fork(void* pages, std::size_t bytes) { return madvise(pages, bytes, MADV_WIPEONFORK) == 0; }

}  // namespace ringmail::transport

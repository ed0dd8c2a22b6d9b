#include <sys/mman.h>

#include "ringmail/transport/fork_guard.hpp"

namespace ringmail::transport::detail {

bool wipe_on_fork(void* pages, std::size_t bytes) { return madvise(pages, bytes, MADV_WIPEONFORK) == 0; }

}  // namespace ringmail::transport::detail

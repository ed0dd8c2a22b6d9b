#include "ringmail/transport/fork_guard.hpp"

namespace ringmail::transport::detail {

// macOS has no pages that a child finds wiped: there a child is not told that the link is its parent's.
bool wipe_on_fork(void*, std::size_t) { return true; }

}  // namespace ringmail::transport::detail

#pragma once

#include <cstddef>

namespace ringmail::transport {

/// A child finds zeros on these pages, which are private to this process. False: errno says why.
bool wipe_on_fork(void* pages, std::size_t bytes);

}  // namespace ringmail::transport

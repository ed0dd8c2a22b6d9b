#include "ringmail/transport/barrier.hpp"

namespace ringmail::transport {

bool register_for_barriers() { return false; }

bool barrier_in_all_threads() { return false; }

}  // namespace ringmail::transport

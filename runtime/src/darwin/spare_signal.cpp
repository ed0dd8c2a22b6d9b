#include "spare_signal.hpp"

#include <csignal>

namespace ringmail::runtime {

/// There are no real-time signals, and SIGEMT is of a processor that this system never ran on.
int spare_signal() {
  struct sigaction action{};
  return sigaction(SIGEMT, nullptr, &action) == 0 && action.sa_handler == SIG_DFL ? SIGEMT : 0;
}

}  // namespace ringmail::runtime

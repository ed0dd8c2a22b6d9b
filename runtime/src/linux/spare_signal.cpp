#include "spare_signal.hpp"

#include <csignal>

namespace ringmail::runtime {

/// Real-time signals mean nothing to the kernel. From the top, for libraries that number theirs take them from the bottom.
int spare_signal() {
  for (int number = SIGRTMAX - 1; number >= SIGRTMIN; --number) {
    struct sigaction action{};
    if (sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_DFL) return number;
  }
  return 0;
}

}  // namespace ringmail::runtime

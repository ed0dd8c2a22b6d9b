// Which CPUs this process may use, and staying on one of them.
#pragma once

#include <vector>

namespace ringmail::measuring {

std::vector<int> allowed_cpus();

/// Throws when the CPU is not there or not allowed. Threads that the caller starts afterwards stay on it too.
void pin_this_thread(int cpu);

}  // namespace ringmail::measuring

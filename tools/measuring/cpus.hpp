// Which CPUs this process may use, and staying on one of them.
#pragma once

#include <sched.h>

#include <vector>

namespace ringmail::measuring {

std::vector<int> allowed_cpus();

/// Throws when the CPU is not there or not allowed. Threads that the caller starts afterwards stay on it too.
void pin_this_thread(int cpu);

/// Stays there until its end, and may then run again where it did before.
class PinnedThread {
 public:
  explicit PinnedThread(int cpu);
  ~PinnedThread();
  PinnedThread(const PinnedThread&) = delete;
  PinnedThread& operator=(const PinnedThread&) = delete;

 private:
  cpu_set_t before_;
};

}  // namespace ringmail::measuring

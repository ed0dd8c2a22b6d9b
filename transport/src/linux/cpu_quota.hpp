// How much CPU time the control groups of this process grant.
#pragma once

#include <string>

namespace ringmail::transport {

/// In whole CPUs, rounded up; the least of this process's group and all above it, of either version. 0: there is no quota, or
/// none that can be read. `root` stands before /proc and /sys, for tests.
unsigned cpu_quota(const std::string& root);

}  // namespace ringmail::transport

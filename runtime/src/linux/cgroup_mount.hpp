// Where the file system of control groups (v2) is: /sys/fs/cgroup, or beside those of the older kind /sys/fs/cgroup/unified.
#pragma once

#include <fstream>
#include <sstream>
#include <string>

namespace ringmail::runtime {

/// Empty: it is not mounted.
inline std::string cgroup_mount() {
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    if (line.find(" - cgroup2 ") == std::string::npos) continue;
    std::istringstream words(line);
    std::string word;
    for (int i = 0; i < 5; ++i) words >> word;
    return word;
  }
  return {};
}

}  // namespace ringmail::runtime

// Where the file systems of control groups are: that of the second version, /sys/fs/cgroup or beside the older ones /sys/fs/cgroup/unified,
// and the older one that freezes, /sys/fs/cgroup/freezer.
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace ringmail::runtime {

/// Of the first one whose line ends with that. Empty: it is not mounted.
inline std::string mount_of(std::string_view type, std::string_view option) {
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    const std::size_t kind = line.find(type);
    if (kind == std::string::npos || line.find(option, kind) == std::string::npos) continue;
    std::istringstream words(line);
    std::string word;
    for (int i = 0; i < 5; ++i) words >> word;
    return word;
  }
  return {};
}

inline std::string cgroup_mount() { return mount_of(" - cgroup2 ", ""); }
inline std::string freezer_mount() { return mount_of(" - cgroup ", ",freezer"); }

}  // namespace ringmail::runtime

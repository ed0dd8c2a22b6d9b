// Control groups for tests that are about real ones.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "linux/cgroup_mount.hpp"

namespace ringmail::runtime {

/// A group in which this test may make others, or nothing.
inline std::string usable_cgroup() {
  const std::string mount = cgroup_mount();
  std::string own;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (line.starts_with("0::/")) own = line.substr(3);
  }
  if (mount.empty() || own.empty()) return {};
  const std::string base = mount + (own == "/" ? "" : own);
  const std::string probe = base + "/ringmail-test." + std::to_string(getpid());
  if (mkdir(probe.c_str(), 0755) != 0) return {};
  const bool can_kill = access((probe + "/cgroup.kill").c_str(), W_OK) == 0;
  rmdir(probe.c_str());
  return can_kill ? base : std::string();
}

}  // namespace ringmail::runtime

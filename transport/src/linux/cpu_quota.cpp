#include "cpu_quota.hpp"

#include <cstdio>
#include <cstring>
#include <fstream>
#include <string_view>

namespace ringmail::transport {
namespace {

unsigned least(unsigned one, unsigned other) { return one == 0 || (other != 0 && other < one) ? other : one; }

unsigned whole_cpus(long long quota, long long period) {
  if (quota <= 0 || period <= 0) return 0;
  return static_cast<unsigned>((quota + period - 1) / period);
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// "max 100000", or "150000 100000".
unsigned unified_quota(const std::string& folder) {
  long long quota = 0;
  long long period = 0;
  if (std::sscanf(first_line(folder + "/cpu.max").c_str(), "%lld %lld", &quota, &period) != 2) return 0;
  return whole_cpus(quota, period);
}

/// The old version says -1 where there is none.
unsigned old_quota(const std::string& folder) {
  long long quota = 0;
  long long period = 0;
  if (std::sscanf(first_line(folder + "/cpu.cfs_quota_us").c_str(), "%lld", &quota) != 1) return 0;
  if (std::sscanf(first_line(folder + "/cpu.cfs_period_us").c_str(), "%lld", &period) != 1) return 0;
  return whole_cpus(quota, period);
}

/// A group has no more than any group above it.
unsigned quota_up_to(const std::string& mount, std::string group, unsigned (*quota_of)(const std::string&)) {
  unsigned granted = 0;
  while (true) {
    granted = least(granted, quota_of(mount + group));
    const std::size_t slash = group.rfind('/');
    if (group.empty() || slash == std::string::npos) return granted;
    group.resize(slash);
  }
}

bool names_cpu(std::string_view controllers) {
  while (!controllers.empty()) {
    const std::size_t comma = controllers.find(',');
    if (controllers.substr(0, comma) == "cpu") return true;
    if (comma == std::string_view::npos) break;
    controllers.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace

unsigned cpu_quota(const std::string& root) {
  const std::string mount = root + "/sys/fs/cgroup";
  unsigned granted = 0;
  std::ifstream groups(root + "/proc/self/cgroup");
  // Each line: number, controllers, path. The new version has no controllers here.
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      granted = least(granted, quota_up_to(mount, path, unified_quota));
      granted = least(granted, quota_up_to(mount + "/unified", path, unified_quota));
    } else if (names_cpu(controllers)) {
      granted = least(granted, quota_up_to(mount + "/cpu", path, old_quota));
      granted = least(granted, quota_up_to(mount + "/" + controllers, path, old_quota));
    }
  }
  return granted;
}

}  // namespace ringmail::transport

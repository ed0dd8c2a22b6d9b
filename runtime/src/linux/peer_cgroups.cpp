#include "peer_cgroups.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <string_view>
#include <thread>
#include <utility>

#include "cgroup_mount.hpp"
#include "ringmail/transport/descriptor.hpp"

namespace ringmail::runtime {
namespace {

constexpr long cgroup2_magic = 0x63677270;
constexpr std::uint64_t quota_period_us = 100'000;

/// 0, or errno.
int write_to(const std::string& path, std::string_view text) {
  const transport::Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return errno;
  return ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : errno;
}

bool is_cgroup(const std::string& directory) {
  struct statfs status{};
  return ::statfs(directory.c_str(), &status) == 0 && status.f_type == cgroup2_magic;
}

bool is_delegated(const std::string& directory) {
  char mark = '0';
  return ::getxattr(directory.c_str(), "user.delegate", &mark, 1) == 1 && mark == '1';
}

/// This process's own group, as a path below the mount point.
std::string own_group() {
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (line.starts_with("0::/")) return line.substr(3);
  }
  return {};
}

std::string delegated_group() {
  const std::string mount = cgroup_mount();
  std::string group = own_group();
  if (mount.empty() || group.empty()) return {};
  if (is_delegated(mount + group)) return mount + group;
  // Where the controllers are wanted the host stands in a group of its own below (DelegateSubgroup=).
  group.erase(group.rfind('/'));
  return !group.empty() && is_delegated(mount + group) ? mount + group : std::string();
}

struct Setting {
  const char* option;
  const char* controller;
  const char* file;
  std::string text;
};

std::vector<Setting> settings_of(const PeerCgroup& limits) {
  std::vector<Setting> list;
  const auto add = [&](const char* option, const char* controller, const char* file, const auto& value) {
    if (value) list.push_back({option, controller, file, std::to_string(*value)});
  };
  add("memory_max", "memory", "memory.max", limits.memory_max);
  add("memory_high", "memory", "memory.high", limits.memory_high);
  add("tasks_max", "pids", "pids.max", limits.tasks_max);
  add("cpu_weight", "cpu", "cpu.weight", limits.cpu_weight);
  if (limits.cpu_quota) {
    const auto quota_us = static_cast<std::uint64_t>(std::llround(*limits.cpu_quota * double{quota_period_us}));
    list.push_back({"cpu_quota", "cpu", "cpu.max", std::to_string(quota_us) + " " + std::to_string(quota_period_us)});
  }
  return list;
}

/// For the groups in `directory`. 0, or errno.
int enable(const std::string& directory, const char* controller) {
  return write_to(directory + "/cgroup.subtree_control", std::string("+") + controller);
}

}  // namespace

std::expected<void, std::string> PeerCgroups::prepare() {
  if (!directory_.empty()) return {};
  const std::string base = base_.empty() ? delegated_group() : base_;
  if (base.empty())
    return std::unexpected(
        "no control group (v2) was delegated to this process, and SystemOptions::peer_cgroup names none");
  if (!is_cgroup(base)) return std::unexpected("peer_cgroup: '" + base + "' is no control group (v2)");
  static std::atomic<unsigned> systems{0};
  const std::string directory = base + "/ringmail." + std::to_string(::getpid()) + "." + std::to_string(++systems);
  if (::mkdir(directory.c_str(), 0755) != 0) {
    return std::unexpected("cannot make the control group '" + directory + "': " + std::strerror(errno));
  }
  directory_ = directory;
  return {};
}

std::expected<std::string, std::string> PeerCgroups::create(const PeerCgroup& limits) {
  sweep();
  std::string directory = directory_ + "/" + std::to_string(++made_);
  const auto failed = [&](const std::string& what, int error) {
    ::rmdir(directory.c_str());
    return std::unexpected("cannot " + what + ": " + std::strerror(error));
  };
  const auto settings = settings_of(limits);
  const std::string base = directory_.substr(0, directory_.rfind('/'));
  for (const Setting& setting : settings) {
    // Both levels: a group has what the one above it passes on.
    int error = enable(base, setting.controller);
    if (error == 0) error = enable(directory_, setting.controller);
    if (error == 0) continue;
    std::string what = "set cgroup." + std::string(setting.option) + " to " + setting.text + ": " + base +
                       " does not pass on '" + setting.controller + "'";
    // The kernel lets no group have both processes and controllers for the groups in it.
    if (error == EBUSY) what += ", for there are processes in it (systemd: DelegateSubgroup=)";
    return failed(what, error);
  }
  if (::mkdir(directory.c_str(), 0755) != 0) return failed("make the control group '" + directory + "'", errno);
  for (const Setting& setting : settings) {
    const int error = write_to(directory + "/" + setting.file, setting.text);
    if (error != 0) return failed("set cgroup." + std::string(setting.option) + " to " + setting.text, error);
  }
  return directory;
}

void PeerCgroups::end(std::string directory) {
  if (directory.empty()) return;
  write_to(directory + "/cgroup.kill", "1");
  ended_.push_back(std::move(directory));
  sweep();
}

void PeerCgroups::sweep() {
  std::erase_if(ended_,
                [](const std::string& directory) { return ::rmdir(directory.c_str()) == 0 || errno == ENOENT; });
}

PeerCgroups::~PeerCgroups() {
  if (directory_.empty()) return;
  constexpr auto longest = std::chrono::seconds(1);
  const auto deadline = std::chrono::steady_clock::now() + longest;
  while (sweep(), !ended_.empty() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ::rmdir(directory_.c_str());
}

}  // namespace ringmail::runtime

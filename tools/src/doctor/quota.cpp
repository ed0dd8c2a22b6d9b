#include "doctor/quota.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "doctor/kernel_files.hpp"

namespace ringmail::doctor {
namespace {

namespace fs = std::filesystem;

/// A hierarchy as it is mounted here: which group of it stands at which folder.
struct Mount {
  std::string group;
  std::string folder;
};

/// Of mountinfo: "31 23 0:28 <group> <folder> <options> ... - <type> <source> <super options>".
std::optional<Mount> find_mount(const fs::path& root, bool unified) {
  for (const std::string& line : lines_of(read_text(root / "proc/self/mountinfo"))) {
    const auto words = words_of(line);
    const auto dash = std::ranges::find(words, "-");
    if (words.size() < 6 || words.end() - dash < 4) continue;
    if (unified ? dash[1] == "cgroup2"
                : dash[1] == "cgroup" && ("," + dash[3] + ",").find(",cpu,") != std::string::npos) {
      return Mount{.group = words[3], .folder = words[4]};
    }
  }
  return std::nullopt;
}

/// Of lines "<id>:<controllers>:<group>"; the unified hierarchy has no controllers.
std::optional<std::string> own_group(const fs::path& root, bool unified) {
  for (const std::string& line : lines_of(read_text(root / "proc/self/cgroup"))) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (unified ? controllers.empty() : ("," + controllers + ",").find(",cpu,") != std::string::npos) {
      return line.substr(second + 1);
    }
  }
  return std::nullopt;
}

std::uint64_t throttled_of(const fs::path& folder) {
  for (const std::string& line : lines_of(read_text(folder / "cpu.stat"))) {
    const auto words = words_of(line);
    if (words.size() == 2 && words[0] == "nr_throttled") {
      return static_cast<std::uint64_t>(to_number(words[1]).value_or(0));
    }
  }
  return 0;
}

/// What one group says of itself. "max", and -1 in the old version, is no quota.
std::optional<Quota> quota_at(const fs::path& folder, bool unified) {
  std::optional<std::int64_t> quota;
  std::optional<std::int64_t> period;
  const fs::path file = folder / (unified ? "cpu.max" : "cpu.cfs_quota_us");
  if (unified) {
    const auto words = words_of(read_text(file));
    if (words.size() != 2) return std::nullopt;
    quota = to_number(words[0]);
    period = to_number(words[1]);
  } else {
    quota = read_number(file);
    period = read_number(folder / "cpu.cfs_period_us");
  }
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return Quota{.cpus = static_cast<double>(*quota) / static_cast<double>(*period),
               .file = file.string(),
               .throttled = throttled_of(folder)};
}

std::optional<Quota> read_hierarchy(const fs::path& root, bool unified) {
  const auto mount = find_mount(root, unified);
  const auto group = own_group(root, unified);
  if (!mount || !group) return std::nullopt;
  const fs::path top = root / fs::path(mount->folder).relative_path();
  // Without a namespace of its own a container sees the host's name of its group, and that group mounted.
  std::string_view below = *group;
  if (mount->group != "/" && below.starts_with(mount->group)) below.remove_prefix(mount->group.size());
  fs::path folder = top / fs::path(below).relative_path();
  std::error_code error;
  if (!fs::exists(folder, error)) folder = top;

  std::optional<Quota> tightest;
  for (;; folder = folder.parent_path()) {
    const auto quota = quota_at(folder, unified);
    if (quota && (!tightest || quota->cpus < tightest->cpus)) tightest = quota;
    if (folder.string().size() <= top.string().size()) return tightest;
  }
}

}  // namespace

std::optional<Quota> read_quota(const fs::path& root) {
  const auto unified = read_hierarchy(root, true);
  const auto old = read_hierarchy(root, false);
  if (unified && old) return unified->cpus < old->cpus ? unified : old;
  return unified ? unified : old;
}

}  // namespace ringmail::doctor

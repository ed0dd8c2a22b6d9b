#include "helper_options.hpp"

#include <grp.h>
#include <pwd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

namespace ringmail::runtime {
namespace {

constexpr std::size_t most_bytes_of_entry = 64 * 1024;
constexpr std::size_t most_groups = 64;  // as exec_options.c has room for
constexpr unsigned most_cpus = 1024;     // as the kernel's set of them has

template <class Number>
std::optional<Number> number_in(const std::string& text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

struct User {
  uid_t id = 0;
  std::optional<gid_t> group{};
  std::string name{}, home{}, shell{};
};

std::expected<User, std::string> find_user(const std::string& name) {
  std::vector<char> buffer(most_bytes_of_entry);
  passwd entry{};
  passwd* found = nullptr;
  const auto number = number_in<uid_t>(name);
  const int error = number ? ::getpwuid_r(*number, &entry, buffer.data(), buffer.size(), &found)
                           : ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found != nullptr) {
    return User{.id = entry.pw_uid,
                .group = entry.pw_gid,
                .name = entry.pw_name,
                .home = entry.pw_dir,
                .shell = entry.pw_shell};
  }
  if (number) return User{.id = *number};
  return std::unexpected("there is no user '" + name + "'" +
                         (error != 0 ? std::string(": ") + std::strerror(error) : ""));
}

std::expected<gid_t, std::string> find_group(const std::string& name) {
  if (const auto number = number_in<gid_t>(name)) return *number;
  std::vector<char> buffer(most_bytes_of_entry);
  struct group entry{};
  struct group* found = nullptr;
  const int error = ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found != nullptr) return entry.gr_gid;
  return std::unexpected("there is no group '" + name + "'" +
                         (error != 0 ? std::string(": ") + std::strerror(error) : ""));
}

template <class Numbers>
std::string joined(const Numbers& numbers) {
  std::string text;
  for (const auto number : numbers) text += (text.empty() ? "" : ",") + std::to_string(number);
  return text;
}

void add_limits(std::vector<std::string>& list, const PeerLimits& limits) {
  std::optional<std::uint64_t> cpu_seconds;
  if (limits.cpu_time) cpu_seconds = static_cast<std::uint64_t>(limits.cpu_time->count());
  const std::array<std::pair<const char*, std::optional<std::uint64_t>>, 9> all{{
      {"address_space", limits.address_space},
      {"core_file", limits.core_file},
      {"cpu_time", cpu_seconds},
      {"data", limits.data},
      {"file_size", limits.file_size},
      {"locked_memory", limits.locked_memory},
      {"open_files", limits.open_files},
      {"processes", limits.processes},
      {"stack", limits.stack},
  }};
  for (const auto& [name, value] : all) {
    if (!value) continue;
    const std::string text = *value == PeerLimits::unlimited ? "unlimited" : std::to_string(*value);
    list.push_back("--limits." + std::string(name) + "=" + text);
  }
}

}  // namespace

std::expected<PeerIdentity, std::string> PeerIdentity::of(const PeerOptions& options) {
  PeerIdentity identity;
  if (!options.user.empty()) {
    auto user = find_user(options.user);
    if (!user) return std::unexpected("user: " + user.error());
    if (!user->group && options.group.empty()) {
      return std::unexpected("user: " + options.user + " has no entry in the user database, so `group` must be named");
    }
    identity.user = user->id;
    identity.group = user->group;
    if (!user->name.empty()) {
      identity.environment = {
          {"HOME", user->home}, {"USER", user->name}, {"LOGNAME", user->name}, {"SHELL", user->shell}};
    }
  }
  if (!options.group.empty()) {
    const auto group = find_group(options.group);
    if (!group) return std::unexpected("group: " + group.error());
    identity.group = *group;
  }
  for (const std::string& name : options.supplementary_groups) {
    const auto group = find_group(name);
    if (!group) return std::unexpected("supplementary_groups: " + group.error());
    identity.supplementary.push_back(*group);
  }
  return identity;
}

std::expected<void, std::string> check_containment(const PeerOptions& options) {
  const auto wrong = [](std::string what) { return std::unexpected(std::move(what)); };
  if (options.nice && (*options.nice < -20 || *options.nice > 19)) {
    return wrong("nice cannot be " + std::to_string(*options.nice) + ": it is from -20 to 19");
  }
  for (const unsigned cpu : options.cpus) {
    if (cpu >= most_cpus) return wrong("cpus: there is no CPU " + std::to_string(cpu));
  }
  if (options.supplementary_groups.size() > most_groups) {
    return wrong("supplementary_groups: more than " + std::to_string(most_groups));
  }
  if (options.limits.cpu_time && options.limits.cpu_time->count() < 0) return wrong("limits.cpu_time is less than 0");
  if (options.cgroup.cpu_quota && !(*options.cgroup.cpu_quota >= 0.01 && *options.cgroup.cpu_quota <= 10'000)) {
    return wrong("cgroup.cpu_quota is in CPUs, from 0.01");
  }
  if (options.cgroup.cpu_weight && (*options.cgroup.cpu_weight < 1 || *options.cgroup.cpu_weight > 10'000)) {
    return wrong("cgroup.cpu_weight is from 1 to 10000");
  }
  if (options.introduce && !options.user.empty()) {
    return wrong("introduce: a peer with a user of its own is not trusted, and none but trusted ones are introduced");
  }
  if (options.control_by_pipes && !options.user.empty()) {
    return wrong(
        "user: a peer that is spoken to by pipes opens its memory under /proc/<host>, which no other user may");
  }
  return {};
}

std::vector<std::string> helper_options(const PeerOptions& options, const PeerIdentity& identity) {
  std::vector<std::string> list;
  const auto add = [&](const char* name, const std::string& value) {
    list.push_back(std::string("--") + name + "=" + value);
  };
  // First what may need the host's privileges, and last what gives them up.
  if (options.nice) add("nice", std::to_string(*options.nice));
  if (!options.cpus.empty()) add("cpus", joined(options.cpus));
  add_limits(list, options.limits);
  if (!options.seccomp_filter.empty()) {
    // The peer's working directory may be another one.
    std::error_code ignored;
    add("seccomp_filter", std::filesystem::absolute(options.seccomp_filter, ignored).string());
  }
  if (identity.user || identity.group || !identity.supplementary.empty()) {
    add("supplementary_groups", joined(identity.supplementary));
  }
  if (identity.group) add("group", std::to_string(*identity.group));
  if (identity.user) add("user", std::to_string(*identity.user));
  if (options.no_new_privileges) add("no_new_privileges", "yes");
  return list;
}

}  // namespace ringmail::runtime

#include "peer_command.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "helper_options.hpp"
#include "ringmail/transport/handshake.hpp"

extern char** environ;

namespace ringmail::runtime {
namespace {

constexpr const char* control_stream = "3";
constexpr const char* control_pipes = "3,4";

void set_variable(std::vector<std::string>& environment, const std::string& name, const std::string& value) {
  const std::string start = name + "=";
  std::erase_if(environment, [&](const std::string& entry) { return entry.starts_with(start); });
  environment.push_back(start + value);
}

/// 0, or why the file cannot be run.
int why_not_runnable(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return errno;
  if (!S_ISREG(status.st_mode)) return EACCES;
  return ::access(path.c_str(), X_OK) == 0 ? 0 : errno;
}

std::string in_directory(const std::string& directory, const std::string& path) {
  return directory.empty() || path.starts_with('/') ? path : directory + "/" + path;
}

}  // namespace

std::expected<PeerCommand, std::string> command_of(const PeerOptions& options) {
  auto identity = PeerIdentity::of(options);
  if (!identity) return std::unexpected("peer '" + options.name + "': " + identity.error());
  PeerCommand command{.arguments = options.command,
                      .environment = {},
                      .working_directory = options.working_directory,
                      .containment = helper_options(options, *identity),
                      .cgroup = options.cgroup,
                      .outlives_host = options.outlives_host.count() > 0};
  if (options.inherit_environment) {
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
      command.environment.emplace_back(*entry);
  }
  for (const auto& [name, value] : identity->environment) set_variable(command.environment, name, value);
  for (const auto& [name, value] : options.environment) set_variable(command.environment, name, value);
  set_variable(command.environment, transport::inherited_descriptors_variable,
               options.control_by_pipes ? control_pipes : control_stream);
  return command;
}

const char* find_variable(const std::vector<std::string>& environment, std::string_view name) {
  for (const std::string& entry : environment) {
    if (entry.starts_with(name) && entry.size() > name.size() && entry[name.size()] == '=') {
      return entry.c_str() + name.size() + 1;
    }
  }
  return nullptr;
}

std::expected<void, std::string> check(const PeerCommand& command) {
  const std::string& directory = command.working_directory;
  if (!directory.empty()) {
    struct stat status{};
    const int error = ::stat(directory.c_str(), &status) != 0 ? errno : S_ISDIR(status.st_mode) ? 0 : ENOTDIR;
    if (error != 0) return std::unexpected("cannot change to '" + directory + "': " + std::strerror(error));
  }

  const std::string& program = command.arguments.front();
  const auto cannot_run = [&](const std::string& why) {
    return std::unexpected("cannot run '" + program + "': " + why);
  };
  if (program.find('/') != std::string::npos) {
    const int error = why_not_runnable(in_directory(directory, program));
    return error == 0 ? std::expected<void, std::string>() : cannot_run(std::strerror(error));
  }

  const char* path = find_variable(command.environment, "PATH");
  std::string_view rest = path != nullptr ? path : "/bin:/usr/bin";
  int error = ENOENT;
  while (true) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    const std::string folder = end == 0 ? "." : std::string(rest.substr(0, end));
    const int found = program.empty() ? ENOENT : why_not_runnable(in_directory(directory, folder + "/" + program));
    if (found == 0) return {};
    if (found == EACCES) error = EACCES;
    if (end == rest.size()) break;
    rest.remove_prefix(end + 1);
  }
  return cannot_run(error == ENOENT ? "no such program in PATH" : std::strerror(error));
}

}  // namespace ringmail::runtime

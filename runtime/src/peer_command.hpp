// What a child process is run with, settled before it is forked.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "ringmail/runtime/peer_options.hpp"

namespace ringmail::runtime {

struct PeerCommand {
  std::vector<std::string> arguments;    ///< the program first, as it was given
  std::vector<std::string> environment;  ///< NAME=value, all of it
  std::string working_directory;         ///< empty: the host's
  std::vector<std::string> containment;  ///< options of the exec helper
  PeerCgroup cgroup;
  bool outlives_host = false;  ///< and has neither a control group nor a guard, but a keeper
};

/// Takes a copy of this process's environment, which no other thread may change meanwhile. Fails with one line.
std::expected<PeerCommand, std::string> command_of(const PeerOptions& options);

/// Whether `command` can be run, as far as can be seen beforehand: one line that says what is wrong with it, or nothing. A
/// failure of exec would come as an exit code among many.
std::expected<void, std::string> check(const PeerCommand& command);

/// The value of `name` in `environment`, or null.
const char* find_variable(const std::vector<std::string>& environment, std::string_view name);

}  // namespace ringmail::runtime

// The far end of actor.remote_rtt: this program once more, started with an option that is not for people.
#pragma once

#include <string>
#include <vector>

namespace bench {

inline constexpr const char* echo_peer_option = "--echo-peer";

/// This very program as the far end, pinned to `cpu`.
std::vector<std::string> echo_peer_command(int cpu);

/// Answers what its host asks until it says stop. Returns the exit code.
int run_echo_peer(int cpu);

}  // namespace bench

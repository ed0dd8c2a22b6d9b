// The far end of actor.remote_rtt: this program once more, started with an option that is not for people.
#pragma once

namespace bench {

inline constexpr const char* echo_peer_option = "--echo-peer";

/// Answers what its host asks until it says stop. Returns the exit code.
int run_echo_peer(int cpu);

}  // namespace bench

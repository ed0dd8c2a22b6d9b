// The control groups (v2) of this host's peers: what is killed with a peer although it has left the peer's process group,
// and what a peer may use together with all that it has started. One file a platform.
//
//   <base>/ringmail.<process id of the host>.<n>/<m>      a peer's process and its children, one group an incarnation
//
// The base is where SystemOptions::peer_cgroup says or, if it says nothing, the group that was delegated to this process: its own
// or the one above, with the mark that systemd puts on it (user.delegate). Nothing is made where neither is.
//
// Threads: the loop's.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "ringmail/runtime/peer_limits.hpp"

namespace ringmail::runtime {

class PeerCgroups {
 public:
  explicit PeerCgroups(std::string base) : base_(std::move(base)) {}
  ~PeerCgroups();
  PeerCgroups(const PeerCgroups&) = delete;
  PeerCgroups& operator=(const PeerCgroups&) = delete;

  /// Once, before the first of them. One line on failure, also where there is nothing to stand on.
  std::expected<void, std::string> prepare();
  /// Empty: there are none.
  const std::string& directory() const { return directory_; }

  /// The directory of a new one with these limits. Precondition: prepare() succeeded. One line on failure.
  std::expected<std::string, std::string> create(const PeerCgroup& limits);
  /// Kills what is in it. It is removed then or later: a process that was killed takes a moment.
  void end(std::string directory);

 private:
  void sweep();

  std::string base_;
  std::string directory_;
  std::uint64_t made_ = 0;
  std::vector<std::string> ended_;  // and perhaps not empty yet
};

}  // namespace ringmail::runtime

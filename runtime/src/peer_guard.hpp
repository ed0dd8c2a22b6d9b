// Ends what this host's peers have started, when this host is killed and can do nothing any more. One file a platform.
//
// Threads: the loop's.
#pragma once

#include <expected>
#include <set>
#include <string>

#include "peer_os.hpp"

namespace ringmail::runtime {

/// The process behind a host (linux/exec_guard.c says what it does), in a session of its own. Started with the first peer; if
/// somebody kills it, the next peer is started with another one, which is told of all that live.
class PeerGuard {
 public:
  PeerGuard() = default;
  ~PeerGuard();
  PeerGuard(const PeerGuard&) = delete;
  PeerGuard& operator=(const PeerGuard&) = delete;

  /// `cgroups`: the directory with those of the peers, or empty. One line on failure.
  std::expected<void, std::string> prepare(const ExecHelper& helper, const std::string& cgroups);

  /// On which a peer's process says that it is there, before it runs its program. -1: this system needs none.
  int stream() const { return stream_.get(); }
  /// The peer that leads this group has said so.
  void watch(int group) { groups_.insert(group); }
  /// That group is dead.
  void forget(int group);

 private:
  bool is_alive();
  void end();
  bool tell(int number);

  transport::Descriptor stream_;
  int pid_ = 0;
  std::set<int> groups_;
};

}  // namespace ringmail::runtime

// What it takes to start a peer so that all of it ends when it has to, whoever dies first. What every peer of a reactor
// shares.
//
//   the peer dies      its process group is killed, before its number is given up, and its control group
//   the host dies      the kernel kills the peer (the exec helper has asked for it), the guard all the rest
//
// Threads: the loop's.
#pragma once

#include <spdlog/fwd.h>

#include <expected>
#include <string>
#include <vector>

#include "host_keeper.hpp"
#include "peer_cgroups.hpp"
#include "peer_command.hpp"
#include "peer_guard.hpp"
#include "peer_os.hpp"

namespace ringmail::runtime {

class PeerContainment {
 public:
  PeerContainment(std::string cgroup_base, spdlog::logger& log) : cgroups_(std::move(cgroup_base)), log_(log) {}

  /// One start of a peer.
  struct Start {
    std::string helper;                  ///< the program to run
    std::vector<std::string> arguments;  ///< its name first, and the peer's command behind them
    int guard;                           ///< to be inherited as `guard_number`, if it is not -1
    std::string cgroup;                  ///< empty: none
  };
  std::expected<Start, std::string> prepare(const PeerCommand& command, int guard_number);

  /// The process that was started so leads this group.
  void started(int group, const PeerCommand& command) {
    if (!command.outlives_host) guard_.watch(group);
  }
  /// On whose stream peers that outlive this host say that they are there. It outlives this.
  void use(const HostKeeper& keeper) { keeper_ = &keeper; }

  /// It is dead and its group was killed.
  void ended(int group, const std::string& cgroup);
  /// It was not started after all.
  void abandon(const Start& start) { cgroups_.end(start.cgroup); }

 private:
  Start prepare_to_outlive(const PeerCommand& command, int guard_number) const;
  std::expected<std::string, std::string> make_cgroup(const PeerCgroup& limits);

  ExecHelper helper_;
  PeerCgroups cgroups_;
  PeerGuard guard_;
  const HostKeeper* keeper_ = nullptr;
  spdlog::logger& log_;
  bool said_why_not_ = false;
};

}  // namespace ringmail::runtime

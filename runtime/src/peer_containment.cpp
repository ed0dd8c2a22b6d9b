#include "peer_containment.hpp"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <utility>

namespace ringmail::runtime {

std::expected<PeerContainment::Start, std::string> PeerContainment::prepare(const PeerCommand& command,
                                                                            int guard_number) {
  if (auto prepared = helper_.prepare(); !prepared) return std::unexpected(std::move(prepared.error()));
  if (command.outlives_host) return prepare_to_outlive(command, guard_number);
  auto cgroup = make_cgroup(command.cgroup);
  if (!cgroup) return std::unexpected(std::move(cgroup.error()));
  if (auto guarded = guard_.prepare(helper_, cgroups_.directory()); !guarded) {
    cgroups_.end(*cgroup);
    return std::unexpected(std::move(guarded.error()));
  }

  Start start{.helper = helper_.path(),
              .arguments = {"ringmail-exec", std::to_string(::getpid())},
              .guard = guard_.stream(),
              .cgroup = std::move(*cgroup)};
  // Before anything that could fail, and before its user has changed.
  if (start.guard >= 0) start.arguments.push_back("--guard=" + std::to_string(guard_number));
  if (!start.cgroup.empty()) start.arguments.push_back("--cgroup=" + start.cgroup);
  start.arguments.insert(start.arguments.end(), command.containment.begin(), command.containment.end());
  start.arguments.emplace_back("--");
  start.arguments.insert(start.arguments.end(), command.arguments.begin(), command.arguments.end());
  return start;
}

/// Its keeper is told of it in place of the guard, and the kernel does not end it.
PeerContainment::Start PeerContainment::prepare_to_outlive(const PeerCommand& command, int guard_number) const {
  Start start{.helper = helper_.path(),
              .arguments = {"ringmail-exec", std::to_string(::getpid()), "--outlive",
                            "--guard=" + std::to_string(guard_number)},
              .guard = keeper_->stream(),
              .cgroup = {}};
  start.arguments.insert(start.arguments.end(), command.containment.begin(), command.containment.end());
  start.arguments.emplace_back("--");
  start.arguments.insert(start.arguments.end(), command.arguments.begin(), command.arguments.end());
  return start;
}

std::expected<std::string, std::string> PeerContainment::make_cgroup(const PeerCgroup& limits) {
  if (auto prepared = cgroups_.prepare(); !prepared) {
    if (!limits.is_empty()) return std::unexpected("cgroup: " + prepared.error());
    if (!std::exchange(said_why_not_, true)) {
      log_.info("{}: what a peer starts and puts into a session of its own is not ended with the peer",
                prepared.error());
    }
    return std::string();
  }
  return cgroups_.create(limits);
}

void PeerContainment::ended(int group, const std::string& cgroup) {
  cgroups_.end(cgroup);
  guard_.forget(group);
}

}  // namespace ringmail::runtime

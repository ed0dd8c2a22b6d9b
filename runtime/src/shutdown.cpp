#include "ringmail/runtime/shutdown.hpp"

#include <spdlog/fmt/fmt.h>

namespace ringmail::runtime {

const char* to_string(SystemPhase phase) {
  switch (phase) {
    case SystemPhase::running: return "running";
    case SystemPhase::draining: return "actors drain their mailboxes";
    case SystemPhase::stopping_peers: return "peers are being stopped";
    case SystemPhase::stopping_actors: return "actors are being stopped";
    case SystemPhase::ended: return "ended";
    case SystemPhase::given_up: return "given up";
  }
  return "unknown";
}

std::string ShutdownReport::to_string() const {
  std::string text =
      fmt::format("{}; {} actors and {} peers are left", runtime::to_string(phase), live_actors, peers.size());
  for (const LivePeer& peer : peers) {
    text += fmt::format("\n  peer {} '{}': {}", peer.link, peer.name,
                        peer.pid != 0 ? fmt::format("process {} has not ended", peer.pid) : "no process at the moment");
    if (!peer.doing.empty()) text += "; " + peer.doing;
  }
  for (const LiveActor& actor : actors) {
    text += fmt::format("\n  actor {:#x} {}{} on scheduler {}: {}", actor.id.value(), actor.class_name,
                        actor.name.empty() ? "" : " '" + actor.name + "'", actor.id.thread(), actor.doing);
    if (actor.waiting != 0) text += fmt::format("; {} messages wait", actor.waiting);
  }
  if (live_actors > actors.size()) text += fmt::format("\n  and {} actors more", live_actors - actors.size());
  for (const BusyScheduler& scheduler : schedulers) {
    if (!scheduler.answers) {
      text += fmt::format("\n  scheduler {} does not answer: a handler keeps its thread", scheduler.index);
    } else if (scheduler.timers != 0) {
      text += fmt::format("\n  scheduler {} has {} timers", scheduler.index, scheduler.timers);
    }
  }
  return text;
}

}  // namespace ringmail::runtime

// Monitors and links: who is told that an actor or a peer has ended, and who ends with it.
#include "farewell.hpp"
#include "local_ring.hpp"
#include "remote_lane.hpp"
#include "ringmail/runtime/scheduler.hpp"
#include "scheduler_cells.hpp"
#include "signal_bytes.hpp"

namespace ringmail::runtime {
namespace {

ExitReason unreachable(const char* what) { return {.kind = ExitReason::Kind::unreachable, .text = what}; }
constexpr const char* no_actor = "there is no such actor";
constexpr const char* no_peer = "there is no such peer";

}  // namespace

/// `ties` are those of the life that has ended.
void Scheduler::say_farewell(const Address& self, const CellTies& ties, const ExitReason& reason) {
  for (const CellTies::Monitor& monitor : ties.monitors) {
    if (monitor.watcher.is_local()) {
      tell_down(monitor.watcher, *monitor.down, self, reason);
    } else if (RemoteLane* const lane = lane_of(monitor.watcher.link)) {
      lane->forget(self.actor, RemoteLane::Watcher::Kind::watched, monitor.watcher.actor);
      send_signal(*lane, Signal::down, monitor.watcher.actor, self.actor, &reason);
    }
  }
  for (const Address& linked : ties.links) tell_exit(linked, self, reason);
}

// --- Monitors: one way, and nobody ends of it

void Scheduler::monitor(const Address& whom, ActorId watcher, const Binding& down) {
  if (!whom.is_local()) {
    // As with mail: it may come before this scheduler has the link.
    RemoteLane* lane = lane_to(whom.link);
    if (lane != nullptr && lane->open) {
      const ActorId actor = lane->system != nullptr ? whom.actor : ActorId();
      lane->watchers.push_back({watcher, &down, RemoteLane::Watcher::Kind::monitor, actor});
      if (actor) send_signal(*lane, Signal::monitor, actor, watcher);
    } else {
      tell_down({0, watcher}, down, whom, unreachable(no_peer));
    }
  } else if (whom.actor.thread() != index_) {
    if (!tell_elsewhere(whom.actor, Operation::monitor, watcher, reinterpret_cast<std::uint64_t>(&down)))
      tell_down({0, watcher}, down, whom, unreachable(no_actor));
  } else if (Cell* cell = find_lasting(whom.actor)) {
    cell->ties().monitors.push_back({{0, watcher}, &down});
  } else {
    tell_down({0, watcher}, down, whom, unreachable(no_actor));
  }
}

void Scheduler::demonitor(const Address& whom, ActorId watcher) {
  if (!whom.is_local()) {
    if (RemoteLane* lane = lane_of(whom.link)) {
      const ActorId actor = lane->system != nullptr ? whom.actor : ActorId();
      if (lane->forget(watcher, RemoteLane::Watcher::Kind::monitor, actor) != 0 && actor)
        send_signal(*lane, Signal::demonitor, actor, watcher);
    }
  } else if (whom.actor.thread() != index_) {
    tell_elsewhere(whom.actor, Operation::demonitor, watcher);
  } else if (Cell* cell = find(whom.actor); cell != nullptr && cell->ties_ != nullptr) {
    std::erase_if(cell->ties_->monitors,
                  [&](const CellTies::Monitor& entry) { return entry.watcher.actor == watcher; });
  }
}

void Scheduler::tell_down(const Address& watcher,
                          const Binding& binding,
                          const Address& who,
                          const ExitReason& reason) {
  // send_system() destroys what it moves from.
  alignas(Down) std::byte room[sizeof(Down)];
  send_system(watcher, binding, ::new (room) Down{.who = who, .reason = reason});
}

// --- Links: both ways. Each side keeps the other's address, and an exit counts only where it is still kept, so that nobody
// ends of a link that he has undone, whatever was under way.

void Scheduler::link(Cell& cell, const Address& whom) {
  const Address self{0, cell.id_};
  if (whom == self || !cell.ties().link(whom)) return;
  if (!whom.is_local()) {
    RemoteLane* const lane = lane_to(whom.link);
    if (lane != nullptr && lane->open) {
      const ActorId actor = lane->system != nullptr ? whom.actor : ActorId();
      lane->watchers.push_back({cell.id_, nullptr, RemoteLane::Watcher::Kind::link, actor});
      if (actor) send_signal(*lane, Signal::link, actor, cell.id_);
    } else {
      take_exit(cell.id_, whom, unreachable(no_peer));
    }
  } else if (whom.actor.thread() == index_) {
    take_link(whom.actor, self);
  } else if (!tell_elsewhere(whom.actor, Operation::link, cell.id_)) {
    take_exit(cell.id_, whom, unreachable(no_actor));
  }
}

void Scheduler::unlink(Cell& cell, const Address& whom) {
  if (cell.ties_ == nullptr || std::erase(cell.ties_->links, whom) == 0) return;
  if (!whom.is_local()) {
    if (RemoteLane* lane = lane_of(whom.link)) {
      const ActorId actor = lane->system != nullptr ? whom.actor : ActorId();
      lane->forget(cell.id_, RemoteLane::Watcher::Kind::link, actor);
      if (actor) send_signal(*lane, Signal::unlink, actor, cell.id_);
    }
  } else if (whom.actor.thread() == index_) {
    take_unlink(whom.actor, {0, cell.id_});
  } else {
    tell_elsewhere(whom.actor, Operation::unlink, cell.id_);
  }
}

void Scheduler::take_link(ActorId whom, const Address& from) {
  Cell* const cell = find_lasting(whom);
  if (cell == nullptr) return tell_exit(from, {0, whom}, unreachable(no_actor));
  if (!cell->ties().link(from) || from.is_local()) return;
  lane_of(from.link)->watchers.push_back({whom, nullptr, RemoteLane::Watcher::Kind::link, from.actor});
}

void Scheduler::take_unlink(ActorId whom, const Address& from) {
  Cell* const cell = find(whom);
  if (cell != nullptr && cell->ties_ != nullptr) std::erase(cell->ties_->links, from);
  if (RemoteLane* const lane = from.is_local() ? nullptr : lane_of(from.link))
    lane->forget(whom, RemoteLane::Watcher::Kind::link, from.actor);
}

void Scheduler::tell_exit(const Address& whom, const Address& who, const ExitReason& reason) {
  if (!whom.is_local()) {
    RemoteLane* const lane = lane_of(whom.link);
    const ActorId actor = lane != nullptr && lane->system != nullptr ? whom.actor : ActorId();
    if (lane != nullptr) lane->forget(who.actor, RemoteLane::Watcher::Kind::link, actor);
    if (actor) {
      send_signal(*lane, Signal::exit, actor, who.actor, &reason);
    } else if (!reason.is_normal() && on_stop_peer) {
      on_stop_peer(whom.link);
    }
  } else if (whom.actor.thread() == index_) {
    take_exit(whom.actor, who, reason);
  } else {
    tell_elsewhere(whom.actor, Operation::exit, {.who = who, .reason = reason});
  }
}

void Scheduler::take_exit(ActorId whom, const Address& who, const ExitReason& reason) {
  Cell* const cell = find(whom);
  if (cell == nullptr || cell->ties_ == nullptr || std::erase(cell->ties_->links, who) == 0) return;
  if (cell->ties_->traps_exits != nullptr) {
    alignas(Exit) std::byte room[sizeof(Exit)];
    send_system({0, whom}, *cell->ties_->traps_exits, ::new (room) Exit{.who = who, .reason = reason});
  } else if (!reason.is_normal()) {
    end(*cell, reason.leads_to(ExitReason::Kind::linked, {}));
  }
}

}  // namespace ringmail::runtime

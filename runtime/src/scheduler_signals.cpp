// What this scheduler and those of other systems tell each other about actors: to stop, who watches whom, who has ended.
#include <algorithm>
#include <cstring>

#include "outlet.hpp"
#include "remote_lane.hpp"
#include "ringmail/runtime/scheduler.hpp"
#include "scheduler_cells.hpp"
#include "scheduler_outlets.hpp"
#include "signal_bytes.hpp"

namespace ringmail::runtime {
namespace {

using Kind = RemoteLane::Watcher::Kind;

/// On a lane. docs/spec/ring.md
constexpr std::size_t most_monitors_of_a_peer = 1024;

ExitReason no_such_actor() { return {.kind = ExitReason::Kind::unreachable, .text = "there is no such actor"}; }

}  // namespace

/// On the mail ring: what an actor has sent before it ends comes before the news of its end.
void Scheduler::send_signal(RemoteLane& lane, Signal signal, ActorId target, ActorId sender, const ExitReason* reason) {
  if (lane.mail.state == Outlet::State::closed) return;
  const transport::FrameHead head{.kind = transport::FrameKind::signal,
                                  .type = static_cast<std::uint32_t>(signal),
                                  .target = target.value(),
                                  .sender = sender.value()};
  std::vector<std::byte> bytes;
  if (reason != nullptr) bytes = lane.system != nullptr ? encode(*reason) : encode_as_line(*reason);
  const auto length = static_cast<std::uint32_t>(bytes.size());
  const auto write = [bytes = std::move(bytes)](std::byte* place) {
    if (!bytes.empty()) std::memcpy(place, bytes.data(), bytes.size());
  };
  if (std::byte* place = room_now(lane.mail, length)) {
    write(place);
    commit(lane.mail, head);
  } else {
    write_later(lane.mail, length, head, write);
  }
}

/// Runs no handler. Of a peer the sender of a monitor is no actor, but its number for it.
void Scheduler::take_signal(RemoteLane& lane, const transport::Frame& frame) {
  const ActorId target(frame.head.target);
  const Address from{lane.link, ActorId(frame.head.sender)};
  const auto signal = static_cast<Signal>(frame.head.type);
  if (signal == Signal::acknowledge) return take_acknowledgement(lane, frame);
  if (lane.system == nullptr && signal != Signal::monitor && signal != Signal::demonitor)
    return report_fault(lane, "a signal that only systems send");
  // Those that answer what was asked from here reach whom they reach by what was noted when it was.
  const bool is_asked_for = signal == Signal::down || signal == Signal::exit || signal == Signal::unlink;
  const bool reaches = is_asked_for || lane.is_exported(target.value()) || may_reach(lane, target);
  std::optional<ExitReason> reason;
  if (signal == Signal::down || signal == Signal::exit) {
    reason = decode_reason({frame.payload, frame.length});
    if (!reason) return report_fault(lane, "an exit reason that is none");
  }
  switch (signal) {
    case Signal::stop:
      if (Cell* const cell = reaches ? find(target) : nullptr) request_stop(*cell);
      return;
    case Signal::monitor:
      if (lane.system == nullptr && lane.watched() >= most_monitors_of_a_peer)
        return report_fault(lane, "more monitors than a peer may have");
      if (reaches && find_lasting(target) != nullptr) return take_monitor(lane, target, from);
      // As one that does not exist.
      reason = no_such_actor();
      return send_signal(lane, Signal::down, from.actor, target, &*reason);
    case Signal::demonitor: lane.forget(target, Kind::watched, from.actor); return forget_monitor(target, from);
    case Signal::down: return take_down(lane, target, from, *reason);
    case Signal::link:
      if (reaches) return take_link(target, from);
      reason = no_such_actor();
      return send_signal(lane, Signal::exit, from.actor, target, &*reason);
    case Signal::unlink: return take_unlink(target, from);
    case Signal::acknowledge: return;
    case Signal::exit: lane.forget(target, Kind::link, from.actor); return take_exit(target, from, *reason);
  }
  report_fault(lane, "a signal of an unknown kind");
}

void Scheduler::take_monitor(RemoteLane& lane, ActorId whom, const Address& watcher) {
  find(whom)->ties().monitors.push_back({watcher, nullptr});
  lane.watchers.push_back({whom, nullptr, Kind::watched, watcher.actor});
}

void Scheduler::forget_monitor(ActorId whom, const Address& watcher) {
  Cell* const cell = find(whom);
  if (cell == nullptr || cell->ties_ == nullptr) return;
  std::erase_if(cell->ties_->monitors, [&](const CellTies::Monitor& entry) { return entry.watcher == watcher; });
}

/// Each time that it was asked for, once.
void Scheduler::take_down(RemoteLane& lane, ActorId watcher, const Address& who, const ExitReason& reason) {
  const auto found = std::ranges::find_if(lane.watchers, [&](const RemoteLane::Watcher& entry) {
    return entry.actor == watcher && entry.kind == Kind::monitor && entry.whom == who.actor;
  });
  if (found == lane.watchers.end()) return;
  const Binding& down = *found->down;
  lane.watchers.erase(found);
  tell_down({0, watcher}, down, who, reason);
}

}  // namespace ringmail::runtime

// Lanes of links: frames that peers sent, and a peer's death as this scheduler lives it.
#include "ask_table.hpp"
#include "envelope.hpp"
#include "remote_lane.hpp"
#include "ringmail/runtime/scheduler.hpp"

namespace ringmail::runtime {

using transport::FrameHead;
using transport::FrameKind;

RemoteLane* Scheduler::lane_of(std::uint32_t link) const { return link < lanes_.size() ? lanes_[link].get() : nullptr; }

// --- Frames

void Scheduler::take_remote(Inlet& inlet, const transport::Frame& frame) {
  RemoteLane& lane = *inlet.lane;
  if (frame.head.kind != FrameKind::message) {
    report_fault(lane, "a system frame came as mail");
    return;
  }
  ++lane.received;
  Message message{.payload = const_cast<std::byte*>(frame.payload),
                  .length = frame.length,
                  .type = frame.head.type,
                  .asker = {.address = {lane.link, ActorId(frame.head.sender)}, .correlation = frame.head.correlation},
                  .target = ActorId(frame.head.target),
                  .ring = inlet.ring};
  if (lane.is_exported(frame.head.target)) {
    deliver(message);
  } else {
    dead_letter(message, "the actor was not made known to that peer");
  }
}

void Scheduler::take_remote_control(Inlet& inlet, const transport::Frame& frame) {
  RemoteLane& lane = *inlet.lane;
  switch (frame.head.kind) {
    case FrameKind::reply: complete_wire(frame.head.correlation, lane.link, frame); break;
    case FrameKind::no_reply: {
      const auto reason = static_cast<transport::NoReply>(frame.head.type);
      complete_refused(frame.head.correlation, lane.link,
                       reason == transport::NoReply::no_handler ? AskError::no_handler
                       : reason == transport::NoReply::stopped  ? AskError::stopped
                                                                : AskError::failed);
      break;
    }
    case FrameKind::pong: break;
    default: report_fault(lane, "a frame of a kind that only a host sends"); return;
  }
  inlet.ring->advance();
}

void Scheduler::faulted(RemoteLane& lane) { report_fault(lane, std::string(to_string(lane.lane.fault()))); }

/// The link is cut here at once: nothing more is read from it. The reactor kills the process.
void Scheduler::report_fault(RemoteLane& lane, std::string what) {
  disconnect(lane);
  lane.fault = what;
  if (on_fault) on_fault(lane.link, std::move(what));
}

void Scheduler::disconnect(RemoteLane& lane) {
  if (!lane.connected) return;
  lane.connected = false;
  inlets_->remove(lane.mail_in);
  inlets_->remove(lane.control_in);
}

// --- Life of a lane

void Scheduler::open_lane(std::uint32_t link, transport::RingProducer mail, const transport::Incarnation::HostEnd& end) {
  if (lanes_.size() <= link) lanes_.resize(link + 1);
  auto lane = std::make_unique<RemoteLane>();
  lane->link = link;
  lane->lane.mail_out = mail;
  lane->mail.ring = &lane->lane.mail_out;
  lane->control.ring = &lane->lane.control_out;
  lane->mail.bell = lane->control.bell = &lane->lane.bell;
  lane->mail_in = {.ring = &lane->lane.mail_in, .bell = &lane->lane.bell, .source = Inlet::Source::mail, .lane = lane.get()};
  lane->control_in = {
      .ring = &lane->lane.control_in, .bell = &lane->lane.bell, .source = Inlet::Source::control, .lane = lane.get()};
  lanes_[link] = std::move(lane);
  connect(*lanes_[link], end);
}

void Scheduler::connect(RemoteLane& lane, const transport::Incarnation::HostEnd& end) {
  lane.lane.control_out = end.control_out;
  lane.lane.control_in = end.control_in;
  lane.lane.mail_in = end.mail_in;
  lane.lane.bell = end.bell;
  // Control first: it is drained before mail in every turn.
  inlets_->add(lane.control_in);
  inlets_->add(lane.mail_in);
  lane.connected = true;
}

Scheduler::LaneReport Scheduler::settle_lane(std::uint32_t link) {
  RemoteLane& lane = *lane_of(link);
  // Everything that the dead process published is delivered before anybody hears of its death. Up to the first zero word:
  // what is not published is not there. Handlers do not run here, but their messages wait in front of the news.
  take_all(lane);
  disconnect(lane);
  lane.control.overflow.clear();
  publish(lane.mail);
  const auto unfinished = lane.lane.mail_out.unfinished();
  // The same message in hand at one death after the other: the next incarnation is told how often.
  const bool in_hand = lane.lane.mail_out.in_hand() == unfinished.cursor;
  lane.attempts = !in_hand ? 0 : lane.attempted == unfinished.cursor ? lane.attempts + 1 : 1;
  lane.attempted = unfinished.cursor;
  LaneReport report{.resume = {.cursor = unfinished.cursor,
                               .tail = lane.lane.mail_out.tail(),
                               .sequence = unfinished.sequence,
                               .attempt = lane.attempts},
                    .account = {.published = lane.lane.mail_out.published_messages(),
                                .unfinished = unfinished.messages,
                                .received = lane.received,
                                .fault = lane.fault}};
  if (lane.lane.mail_out.fault() != transport::RingFault::none) {
    report.account.fault = to_string(lane.lane.mail_out.fault());
  }
  lane.fault.clear();
  return report;
}

void Scheduler::take_all(RemoteLane& lane) {
  if (!lane.connected) return;
  while (const transport::Frame* frame = lane.connected ? lane.lane.control_in.peek() : nullptr) {
    take_remote_control(lane.control_in, *frame);
  }
  while (const transport::Frame* frame = lane.connected ? lane.lane.mail_in.peek() : nullptr) {
    if (frame->head.kind != FrameKind::message) {
      report_fault(lane, "a system frame came as mail");
      break;
    }
    ++lane.received;
    Message message{.payload = const_cast<std::byte*>(frame->payload),
                    .length = frame->length,
                    .type = frame->head.type,
                    .asker = {.address = {lane.link, ActorId(frame->head.sender)}, .correlation = frame->head.correlation},
                    .target = ActorId(frame->head.target),
                    .ring = &lane.lane.mail_in};
    Cell* cell = lane.is_exported(frame->head.target) ? find(message.target) : nullptr;
    if (cell != nullptr) {
      enqueue(*cell, message);
    } else {
      dead_letter(message, "there is no such actor");
    }
  }
}

void Scheduler::switch_lane(std::uint32_t link, const transport::ConsumerBlock* consumer,
                            const transport::Incarnation::HostEnd& end) {
  RemoteLane& lane = *lane_of(link);
  lane.lane.mail_out.switch_consumer(consumer);
  connect(lane, end);
  if (lane.mail.crowded) lane.mail.ring->want_room(true);
}

void Scheduler::close_lane(std::uint32_t link) {
  RemoteLane& lane = *lane_of(link);
  lane.open = false;
  lane.mail.overflow.clear();
  wake_room_waiters(lane.mail, Wake::ready);
}

void Scheduler::lane_down(std::uint32_t link, const ExitReason& reason) {
  RemoteLane& lane = *lane_of(link);
  lane.stopping = false;
  asks_->for_each([&](PendingAsk& ask) {
    if (ask.asked.link != link || ask.answered) return;
    ask.error = AskError::unreachable;
    wake(ask.waiter, Wake::ready);
  });
  // Once: a monitor of a peer that is restarted is set again by whoever wants to know of its next death.
  std::vector<RemoteLane::Watcher> watchers;
  watchers.swap(lane.watchers);
  for (const RemoteLane::Watcher& watcher : watchers) tell_down({0, watcher.actor}, *watcher.down, {link, ActorId()}, reason);
}

void Scheduler::stop_lane(std::uint32_t link) {
  RemoteLane* lane = lane_of(link);
  if (lane == nullptr || !lane->open || lane->stopping) return;
  lane->stopping = true;
  publish(lane->mail);
  write_word(lane->control, {.kind = FrameKind::stop}, lane->lane.mail_out.tail());
  publish(lane->control);
}

bool Scheduler::export_to(std::uint32_t link, ActorId actor) {
  RemoteLane* lane = lane_of(link);
  if (lane == nullptr || find(actor) == nullptr) return false;
  lane->let_in(actor.value());
  return true;
}

}  // namespace ringmail::runtime

// Exactly once from a peer: acknowledgements, and what comes with them by the lane of the message that led to it, whoever it is for.
//
// A batch lies in one ring. So what a handler of the peer sends to actors of several schedulers comes to the one whose message it
// handled, answers too, and goes on from here by tasks: a task that is posted later is run later, so the news of the peer's death, which
// is posted when all have settled its lanes, finds them there. One task for all that a turn of this scheduler has found.
#include <cstring>
#include <utility>

#include "ask_table.hpp"
#include "envelope.hpp"
#include "remote_lane.hpp"
#include "ringmail/runtime/scheduler.hpp"
#include "scheduler_cells.hpp"
#include "signal_bytes.hpp"

namespace ringmail::runtime {

using transport::FrameKind;

static_assert(static_cast<std::uint32_t>(Signal::acknowledge) == transport::signal_acknowledge);

void Scheduler::expect_acknowledgements(std::uint32_t link) { lane_of(link)->acknowledges = true; }

void Scheduler::take_acknowledgement(RemoteLane& lane, const transport::Frame& frame) {
  std::uint64_t position = 0;
  if (!lane.acknowledges || frame.length != sizeof position)
    return report_fault(lane, "an acknowledgement that was not agreed on");
  std::memcpy(&position, frame.payload, sizeof position);
  const auto fault = lane.acknowledged.take(position, lane.lane.mail_out);
  if (fault != transport::RingFault::none) report_fault(lane, std::string(to_string(fault)));
}

/// On a ring of mail.
void Scheduler::take_answer(RemoteLane& lane, const transport::Frame& frame) {
  if (ActorId(frame.head.target).thread() != index_) return forward_later(lane, frame);
  if (frame.head.kind == FrameKind::reply) {
    complete_wire(frame.head.correlation, lane.link, frame);
  } else {
    complete_refused(frame.head.correlation, lane.link, ask_error(static_cast<transport::NoReply>(frame.head.type)));
  }
}

void Scheduler::forward_later(RemoteLane& lane, const transport::Frame& frame) {
  if (lane.forwards.empty()) {
    post([this, link = lane.link] {
      if (RemoteLane* const found = lane_of(link)) forward(*found);
    });
  }
  lane.forwards.push_back(
      {.head = frame.head, .incarnation = lane.incarnation, .payload = {frame.payload, frame.payload + frame.length}});
}

void Scheduler::forward(RemoteLane& lane) {
  std::vector<Forward> left = std::exchange(lane.forwards, {});
  while (!left.empty()) {
    const std::uint32_t thread = ActorId(left.front().head.target).thread();
    std::vector<Forward> now, rest;
    for (Forward& each : left) {
      (ActorId(each.head.target).thread() == thread ? now : rest).push_back(std::move(each));
    }
    const std::uint64_t count = now.size();
    if (on_forward && on_forward(thread, lane.link, now)) {
      if (on_elsewhere) {
        lane.forwarding += count;
        lane.mail_in.runs_ahead = lane.forwarding >= most_backlog;
        on_elsewhere(thread,
                     [source = index_, link = lane.link, count] { current()->confirm_forwards(source, link, count); });
      }
    } else {
      // As it says of one that does not exist.
      take_forwards(lane.link, std::move(now));
    }
    left = std::move(rest);
  }
}

/// Where they went: once this scheduler would read rings again. Else they would wait here without their sender feeling it, and the more
/// of them a turn takes, the longer it lasts and the more come in it.
void Scheduler::confirm_forwards(std::uint32_t source, std::uint32_t link, std::uint64_t count) {
  if (backlog_ >= most_backlog) return post([this, source, link, count] { confirm_forwards(source, link, count); });
  on_elsewhere(source, [link, count] { current()->forwards_taken(link, count); });
}

void Scheduler::forwards_taken(std::uint32_t link, std::uint64_t count) {
  RemoteLane* const lane = lane_of(link);
  if (lane == nullptr) return;
  lane->forwarding -= count;
  lane->mail_in.runs_ahead = lane->forwarding >= most_backlog;
}

void Scheduler::take_forwards(std::uint32_t link, std::vector<Forward> forwards) {
  RemoteLane* const lane = lane_of(link);
  if (lane == nullptr) return;
  for (const Forward& each : forwards) {
    const transport::Frame frame{
        .head = each.head, .payload = each.payload.data(), .length = static_cast<std::uint32_t>(each.payload.size())};
    if (frame.head.kind != FrameKind::message) {
      if (ActorId(frame.head.target).thread() == index_) take_answer(*lane, frame);
      continue;
    }
    Envelope* const node = EnvelopePool::make(frame.length);
    Message& message = node->message;
    if (frame.length != 0) std::memcpy(message.payload, frame.payload, frame.length);
    message.type = frame.head.type;
    message.asker = {.address = {link, ActorId(frame.head.sender)},
                     .correlation = frame.head.correlation,
                     .incarnation = each.incarnation};
    message.target = ActorId(frame.head.target);
    hand_on(message, is_reachable(*lane, message.target), false);
  }
}

}  // namespace ringmail::runtime

// Links that outlive this host: their mail counts as read when it has been handled, and finds the actors of the host before by name.
#include <cstring>
#include <utility>

#include "envelope.hpp"
#include "remote_lane.hpp"
#include "ringmail/runtime/scheduler.hpp"
#include "scheduler_cells.hpp"

namespace ringmail::runtime {

using transport::Frame;
using transport::FrameKind;

/// As take_remote(), whose parts that need no hurry this has anew.
void Scheduler::take_kept(Inlet& inlet, const Frame& frame, bool now) {
  RemoteLane& lane = *inlet.lane;
  Frame meant = frame;
  const ActorId target = present(lane, ActorId(frame.head.target));
  meant.head.target = target.value();
  const std::uint64_t end = frame.position + transport::frame_bytes(frame.length);
  const auto next_sequence = static_cast<std::uint16_t>(inlet.ring->sequence() + 1);
  if (frame.head.kind == FrameKind::signal) {
    take_signal(lane, meant);
    if (!lane.connected) return;
    inlet.ring->advance();
    lane.kept->finish(lane.kept->take(end, next_sequence));
    return;
  }
  if (frame.head.kind != FrameKind::message) return report_fault(lane, "a frame came as mail that is none");
  const bool is_elsewhere = target && target.thread() != index_ && target != ActorId(frame.head.target);
  const bool reaches = target != ActorId(frame.head.target) || is_reachable(lane, target);
  if (target.needs_credit() && now && reaches && !is_elsewhere && must_stay_in_ring(target, &meant)) {
    inlet.waits_for = target;
    return;
  }
  ++lane.received;
  Message message{.payload = const_cast<std::byte*>(frame.payload),
                  .length = frame.length,
                  .type = frame.head.type,
                  .asker = asker_of(lane, frame),
                  .target = target,
                  .receipt_lane = static_cast<std::uint16_t>(index_),
                  .receipt_number = lane.kept->take(end, next_sequence),
                  .ring = inlet.ring};
  if (is_elsewhere) {
    forward(message, target.thread());
    inlet.ring->advance();
  } else {
    hand_on(message, reaches, now);
  }
}

/// Who is meant by an id that the peer may have from the host before.
ActorId Scheduler::present(RemoteLane& lane, ActorId id) {
  if (lane.former.empty()) return id;
  const auto found = lane.former.find(id.value());
  if (found == lane.former.end()) return id;
  FormerActor& former = found->second;
  const bool is_known = former.actor && former.actor.thread() == index_ && find(former.actor) != nullptr;
  if (!is_known && on_name) former.actor = on_name(former.name);
  // One that nobody has is as good as any.
  if (!former.actor) return id;
  return former.actor;
}

/// To a scheduler on which the actor of that name lives now, other than the one before.
void Scheduler::forward(const Message& message, std::uint32_t index) {
  Message copy = message;
  copy.ring = nullptr;
  std::vector<std::byte> bytes(message.payload, message.payload + message.length);
  on_elsewhere(index, [copy, bytes = std::move(bytes)]() mutable {
    Envelope* const node = EnvelopePool::make(bytes.size());
    Message& placed = node->message;
    std::byte* const payload = placed.payload;
    placed = copy;
    placed.payload = payload;
    placed.envelope = node;
    if (!bytes.empty()) std::memcpy(payload, bytes.data(), bytes.size());
    current()->deliver_later(placed);
  });
}

// --- Receipts

void Scheduler::finish(std::uint32_t link, const Receipt& receipt) {
  if (receipt.lane == index_) return finish_here(link, receipt.number);
  on_elsewhere(receipt.lane, [link, number = receipt.number] { current()->finish_here(link, number); });
}

/// At once: what is not said before this host dies is handled again.
void Scheduler::finish_here(std::uint32_t link, std::uint32_t number) {
  RemoteLane* const lane = lane_of(link);
  if (lane == nullptr || lane->kept == nullptr) return;
  lane->kept->finish(number);
  if (lane->connected) lane->mail_in.store_cursor();
}

void Scheduler::finish_received(Conduct& conduct) {
  const auto receipts = std::exchange(conduct.receipts, {});
  for (const auto& [link, receipt] : receipts) finish(link, receipt);
}

/// A handler has it that handles another one already.
void Scheduler::note_received(Cell& cell, const Message& message) {
  if (message.receipt_number == 0) [[likely]]
    return;
  if (cell.conduct_ == nullptr) cell.conduct_ = std::make_unique<Conduct>();
  cell.conduct_->receipts.emplace_back(message.asker.address.link, message.receipt());
}

// --- Life

void Scheduler::know_former(std::uint32_t link, const std::vector<std::pair<std::uint64_t, std::string>>& names) {
  RemoteLane* const lane = lane_to(link);
  if (lane == nullptr) return;
  for (const auto& [id, name] : names) lane->former[id].name = name;
}

std::string Scheduler::carry_lane(std::uint32_t link,
                                  transport::Incarnation& next,
                                  transport::Incarnation::HostEnd& end) {
  RemoteLane& lane = *lane_of(link);
  if (lane.kept == nullptr) return {};
  const transport::RingConsumer& ring = lane.lane.mail_in;
  const auto& memory = ring.memory();
  const transport::LeftFrames left{
      .data = memory.data,
      .capacity = memory.capacity,
      .where = {.cursor = lane.kept->finished(), .first = lane.kept->finished(), .tail = ring.position()}};
  const auto carried = next.carry(index_, left);
  if (!carried) return "its mail to this host cannot be kept: " + carried.error();
  lane.kept->move_to(carried->frames);
  next.mark_carried(index_);
  end.mail_in.start_behind(carried->tail, carried->sequence);
  return {};
}

}  // namespace ringmail::runtime

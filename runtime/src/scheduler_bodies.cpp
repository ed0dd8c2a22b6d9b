// Messages with bodies, between this scheduler and peers.
#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "body_storage.hpp"
#include "envelope.hpp"
#include "outlet.hpp"
#include "remote_lane.hpp"
#include "ringmail/runtime/scheduler.hpp"
#include "scheduler_outlets.hpp"

namespace ringmail::runtime {

using transport::BodyPlace;
using transport::Frame;
using transport::FrameHead;
using transport::FrameKind;

// --- From a peer

void Scheduler::take_large(Inlet& inlet, const Frame& frame, bool now) {
  RemoteLane& lane = *inlet.lane;
  if (lane.bodies_in == nullptr || frame.length < sizeof(BodyPlace)) {
    report_fault(lane, std::string(to_string(transport::RingFault::body_not_described)));
    return;
  }
  Frame inner = frame;
  inner.payload += sizeof(BodyPlace);
  inner.length -= static_cast<std::uint32_t>(sizeof(BodyPlace));
  const ActorId target(frame.head.target);
  const bool reaches = is_reachable(lane, target);
  if (target.needs_credit() && now && reaches && must_stay_in_ring(target, &inner)) [[unlikely]] {
    inlet.waits_for = target;
    return;
  }
  const auto taken = lane.bodies_in->take({frame.payload, frame.length});
  if (!taken) {
    report_fault(lane, std::string(to_string(taken.error())));
    return;
  }
  ++lane.received;
  Envelope* const node = EnvelopePool::make(Message::body_offset(inner.length) + sizeof(Body));
  Message& message = node->message;
  std::memcpy(message.payload, inner.payload, inner.length);
  message = {.payload = message.payload,
             .length = inner.length,
             .type = frame.head.type,
             .asker = asker_of(lane, frame),
             .target = target,
             .has_body = true,
             .envelope = node};
  ::new (static_cast<void*>(&message.body())) Body(std::make_shared<ReceivedBody>(lane.bodies_in, *taken));
  inlet.ring->advance();
  hand_on(message, reaches, now);
}

// --- To a peer

std::expected<BodyLoan, SendError> Scheduler::loan_body(const Address& to, std::uint64_t bytes, Deadline deadline) {
  if (to.is_local()) return BodyLoan::make(bytes);
  RemoteLane* const lane = lane_to(to.link);
  if (lane == nullptr) return std::unexpected(SendError::unreachable);
  auto body = loan_body(*lane, bytes, deadline);
  if (!body) return std::unexpected(body.error());
  return BodyLoan(std::move(*body));
}

/// A block now, null, or why there never will be one.
std::expected<std::byte*, SendError> Scheduler::block_now(RemoteLane& lane, std::uint64_t bytes) {
  if (lane.mail.state == Outlet::State::closed) return std::unexpected(SendError::unreachable);
  if (lane.takes_bodies == RemoteLane::TakesBodies::no) return std::unexpected(SendError::too_long);
  if (lane.takes_bodies == RemoteLane::TakesBodies::unknown) return nullptr;
  if (bytes > lane.bodies_out.bytes()) return std::unexpected(SendError::too_long);
  std::byte* const block = lane.bodies_out.try_loan(bytes, lane.lane.mail_out);
  if (const auto fault = lane.bodies_out.fault(); fault != transport::RingFault::none) {
    report_fault(lane, std::string(to_string(fault)));
  }
  return block;
}

std::expected<std::shared_ptr<LoanedBody>, SendError> Scheduler::loan_body(RemoteLane& lane,
                                                                           std::uint64_t bytes,
                                                                           Deadline& deadline) {
  std::expected<std::byte*, SendError> block = nullptr;
  if (lane.mail.body_line.empty()) block = block_now(lane, bytes);
  if (block && *block == nullptr) block = wait_for_block(lane, bytes, deadline);
  if (!block) return std::unexpected(block.error());
  return std::make_shared<LoanedBody>(lane.desk, lane.arena, std::span(*block, bytes));
}

std::expected<std::byte*, SendError> Scheduler::wait_for_block(RemoteLane& lane,
                                                               std::uint64_t bytes,
                                                               Deadline& deadline) {
  if (current_cell_ == nullptr) return std::unexpected(SendError::full);
  // What is open must be seen, or nothing of it could come back.
  publish(lane.mail);
  Waiter waiter;
  waiter.what = WaitFor::room;
  waiter.whom = {lane.link, {}};
  lane.mail.body_line.line_up(waiter);
  mark_crowded(lane.mail);
  std::expected<std::byte*, SendError> block = std::unexpected(SendError::full);
  while (true) {
    const Wake woken = wait(waiter, deadline.at_ns());
    if (woken == Wake::stopped) block = std::unexpected(SendError::stopped);
    if (woken != Wake::ready) break;
    const auto found = block_now(lane, bytes);
    if (found && *found == nullptr) continue;
    block = found;
    break;
  }
  lane.mail.body_line.leave(waiter);
  next_for_body(lane.mail);
  return block;
}

void Scheduler::next_for_body(Outlet& outlet) {
  if (!outlet.body_line.empty()) wake(*outlet.body_line.first, Wake::ready);
}

void Scheduler::cancel_body(std::uint32_t link, const std::byte* block) {
  RemoteLane& lane = *lane_of(link);
  lane.bodies_out.cancel(block);
  next_for_body(lane.mail);
}

/// What goes to that lane with the message: the loan itself where it was made for just this and nobody else reads it, or a copy.
std::expected<std::shared_ptr<LoanedBody>, SendError> Scheduler::body_for(RemoteLane& lane,
                                                                          const Body& body,
                                                                          Deadline& deadline) {
  if (auto loan = std::dynamic_pointer_cast<LoanedBody>(body.storage_)) {
    // The message's own, and this.
    if (loan.use_count() == 2 && loan->is_from(lane.desk)) return loan;
  }
  auto copy = loan_body(lane, body.size(), deadline);
  if (copy) std::ranges::copy(body.bytes(), (*copy)->bytes().begin());
  return copy;
}

std::expected<std::byte*, SendError> Scheduler::room_for_large(RemoteLane& lane,
                                                               std::uint32_t length,
                                                               Deadline& deadline) {
  if (current_cell_ != nullptr) return room(lane.mail, length, deadline);
  std::byte* const place = lane.mail.line.empty() ? room_now(lane.mail, length) : nullptr;
  if (place == nullptr) return std::unexpected(SendError::full);
  return place;
}

/// Of a type that may have a body. `object` is moved from and destroyed.
std::expected<void, SendError> Scheduler::send_large(
    RemoteLane& lane, FrameHead head, const MessageType& type, void* object, Deadline& deadline) {
  std::shared_ptr<LoanedBody> body;
  std::expected<std::byte*, SendError> place = nullptr;
  if (type.body_of(object)) {
    auto found = body_for(lane, type.body_of(object), deadline);
    if (found) {
      body = std::move(*found);
      head.kind = FrameKind::large;
    } else {
      place = std::unexpected(found.error());
    }
  }
  const std::size_t before = body != nullptr ? sizeof(BodyPlace) : 0;
  const std::uint64_t length = before + type.length_between_processes(object);
  if (place) place = room_for_large(lane, static_cast<std::uint32_t>(length), deadline);
  if (place) {
    if (body != nullptr) {
      const BodyPlace where = lane.bodies_out.place_of(body->bytes().data());
      std::memcpy(*place, &where, sizeof where);
    }
    type.move_to_wire(*place + before, object);
    if (current_cell_ != nullptr) let_answer(lane);
    commit(lane.mail, head);
    if (body != nullptr) {
      lane.bodies_out.committed(body->bytes().data(), lane.lane.mail_out);
      body->sent();
    }
    return {};
  }
  type.destroy(object);
  return std::unexpected(place.error());
}

// --- Life

void Scheduler::open_arena(RemoteLane& lane, transport::ArenaProducer bodies, std::shared_ptr<transport::Arena> arena) {
  lane.bodies_out = std::move(bodies);
  lane.arena = std::move(arena);
  lane.desk = std::make_shared<LoanDesk>(*this, lane.link);
}

/// The memory stays as long as somebody has a body in it.
void Scheduler::close_arena(RemoteLane& lane) {
  if (lane.desk != nullptr) lane.desk->close();
  lane.bodies_out = {};
  lane.arena.reset();
  lane.bodies_in.reset();
}

/// As agreed with this incarnation, and with all that follow.
void Scheduler::let_bodies(RemoteLane& lane, bool takes_bodies) {
  using enum RemoteLane::TakesBodies;
  lane.takes_bodies = takes_bodies ? yes : no;
  next_for_body(lane.mail);
}

}  // namespace ringmail::runtime

#include "peer_link.hpp"

#include <algorithm>
#include <cstdarg>
#include <cstring>
#include <utility>

namespace ringmail::transport {
namespace {

/// Of the number of an ask, which has the life of its asker above.
constexpr std::uint32_t asks_of_a_life = (1u << 24) - 1;

/// While mail comes without a pause, asks expire so many messages late at the most, and questions on the stream wait so long.
constexpr std::uint32_t looks_between_clocks = 64;

}  // namespace

int PeerLink::fail(int code, const char* format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  link_.vfail(code, format, arguments);
  va_end(arguments);
  return code;
}

bool PeerLink::has_input() const {
  if (has_news_) return true;
  bool all_drained = !lanes_.empty();
  for (const PeerLane& lane : lanes_) {
    if (lane.has_control() || lane.has_mail()) return true;
    all_drained = all_drained && lane.drained();
  }
  return all_drained;
}

void PeerLink::describe(const PeerLane& lane,
                        const RingConsumer& ring,
                        const Frame& frame,
                        ringmail_message& message) const {
  message = {.payload = frame.payload,
             .length = frame.length,
             .type = frame.head.type,
             .correlation = frame.head.correlation,
             .kind = static_cast<std::uint16_t>(frame.head.kind),
             .redelivered = static_cast<std::uint16_t>(ring.redelivers() ? 1 : 0),
             .lane = lane.index | restarts_ << lane_bits,
             .attempt = ring.attempt(),
             .target = frame.head.target,
             .sender = accepted_  ? other_mailbox
                       : lane.met ? mailbox_on(lane.index, frame.head.sender)
                                  : frame.head.sender};
}

void PeerLink::give(PeerLane& lane, RingConsumer& ring, const Frame& frame, ringmail_message& message) {
  ring.begin();
  held_lane_ = &lane;
  held_ring_ = &ring;
  held_count_ = 1;
  if (acknowledges_) [[unlikely]]
    begin_batch(lane, ring);
  describe(lane, ring, frame, message);
}

/// A frame of mail: what stands before the message of one with a body is not its receiver's.
int PeerLink::give_mail(PeerLane& lane, Frame frame, ringmail_message& message) {
  if (frame.head.kind == FrameKind::large) {
    if (!bodies_) return fail(RINGMAIL_EPROTOCOL, "the %s sent a body, and has no arena", other());
    const auto body = bodies_->take(lane.index, {frame.payload, frame.length});
    if (!body) {
      return fail(RINGMAIL_EPROTOCOL, "the host broke the protocol: %s", to_string(body.error()).data());
    }
    held_body_ = *body;
    held_has_body_ = true;
    frame.payload += sizeof(BodyPlace);
    frame.length -= static_cast<std::uint32_t>(sizeof(BodyPlace));
    frame.head.kind = FrameKind::message;
  } else if (frame.head.kind != FrameKind::message) {
    return fail(RINGMAIL_EPROTOCOL, "the %s sent a system frame as mail", other());
  }
  give(lane, lane.mail_in, frame, message);
  return 1;
}

/// Deals with what the host says to this process: 1 when the next frame is a reply to its user.
int PeerLink::take_control(PeerLane& lane, Frame& reply) {
  if (lane.broken) return 0;
  while (const auto frame = lane.control_in.peek()) {
    switch (frame->head.kind) {
      case FrameKind::reply:
      case FrameKind::no_reply:
        if (!is_for_this_life(lane, frame->head.correlation)) break;  // that of a predecessor
        if ((frame->head.correlation & TimedAsks::mark) == 0 || asks_.remove(frame->head.correlation)) {
          reply = *frame;
          return 1;
        }
        break;  // its time was up
      case FrameKind::stop:
        if (accepted_) return fail(RINGMAIL_EPROTOCOL, "the peer sent a frame of a kind that only a host sends");
        if (lane.met) return cut(lane, "it sent a frame of a kind that only a host sends");
        if (frame->length != sizeof lane.stop_at)
          return fail(RINGMAIL_EPROTOCOL, "the host sent a stop without a position");
        std::memcpy(&lane.stop_at, frame->payload, sizeof lane.stop_at);
        lane.stopping = true;
        // What other peers have sent so far is read as well, and no more.
        for (PeerLane& each : lanes_) {
          if (each.met) stop_reading(each);
        }
        break;
      case FrameKind::ping:
        // One that finds no room is not answered: the host then has not read the answers before it.
        if (lane.control_out.try_loan(0) != nullptr) {
          lane.control_out.commit({.kind = FrameKind::pong, .correlation = frame->head.correlation});
          lane.publish_control();
        }
        break;
      case FrameKind::pong: break;
      default:
        if (lane.met) return cut(lane, "it sent mail on a control ring");
        return fail(RINGMAIL_EPROTOCOL, "the %s sent mail on a control ring", other());
    }
    lane.control_in.advance();
    lane.store_cursors();
  }
  return 0;
}

/// The link is its parent's: this process must touch nothing of it.
bool PeerLink::is_forked() {
  if (!owner_.is_forked()) [[likely]]
    return false;
  fail(RINGMAIL_EFORKED, "this process is a fork of the peer, whose link stays with its parent");
  return true;
}

/// An ask of this peer whose time is up, as a message without a frame.
bool PeerLink::give_expired(ringmail_message& message) {
  const auto correlation = asks_.empty() ? std::nullopt : asks_.take_expired(monotonic_ns());
  if (!correlation) return false;
  message = {.payload = nullptr,
             .length = 0,
             .type = RINGMAIL_TIMED_OUT,
             .correlation = *correlation,
             .kind = RINGMAIL_NO_REPLY,
             .redelivered = 0,
             .lane = 0,
             .attempt = 0,
             .target = 0,
             .sender = 0};
  return true;
}

/// The next message of a lane, or the next down of a monitor that there still is.
int PeerLink::take_mail(PeerLane& lane, ringmail_message& message) {
  while (!lane.drained()) {
    const auto frame = lane.mail_in.peek();
    if (!frame) return 0;
    if (lane.met && frame->head.kind != FrameKind::message) return cut(lane, "it sent a system frame as mail");
    if (frame->head.kind != FrameKind::signal) [[likely]]
      return give_mail(lane, *frame, message);
    if (accepted_ || frame->head.type != signal_down)
      return fail(RINGMAIL_EPROTOCOL, "the %s sent a system frame as mail", other());
    if (monitors_.erase(frame->head.target) != 0) {
      give(lane, lane.mail_in, *frame, message);
      return describe_down(message);
    }
    // Of a monitor that was taken back, or of an earlier incarnation.
    lane.mail_in.begin();
    lane.mail_in.advance();
    ++received_;
    if (lane.mail_in.cursor_due() || lane.mail_in.empty()) lane.store_cursors();
  }
  return 0;
}

int PeerLink::receive(ringmail_message& message) {
  if (is_forked()) return RINGMAIL_EFORKED;
  if (holds_message()) return fail(RINGMAIL_EMISUSE, "the message received before has not been released");
  if (closed_) return RINGMAIL_ECLOSED;
  if (has_news_ && give_news(message)) [[unlikely]] {
    holds_expired_ = true;
    return 1;
  }
  // The clock is not asked for each message, unless there is none.
  if ((!asks_.empty() || answers_on_stream()) && ++looks_ >= looks_between_clocks) [[unlikely]] {
    looks_ = 0;
    if (give_expired(message)) {
      holds_expired_ = true;
      return 1;
    }
    if (answers_on_stream()) look_at_stream(monotonic_ns());
  }
  bool all_drained = true;
  const auto lanes = static_cast<std::uint32_t>(lanes_.size());
  for (std::uint32_t tried = 0; tried < lanes; ++tried) {
    PeerLane& lane = lanes_[next_lane_];
    next_lane_ = next_lane_ + 1 == lanes ? 0 : next_lane_ + 1;
    Frame reply;
    if (const int taken = take_control(lane, reply); taken != 0) {
      if (taken == 1) give(lane, lane.control_in, reply, message);
      return taken;
    }
    if (!lane.drained() && !lane.broken) {
      all_drained = false;
      if (const int taken = take_mail(lane, message); taken != 0) return taken;
    }
    if (lane.fault() != RingFault::none && faulted(lane) != 0) return RINGMAIL_EPROTOCOL;
  }
  if (give_expired(message)) {
    holds_expired_ = true;
    return 1;
  }
  if (gone_) return end("has ended");
  if (lost_) return 0;
  return all_drained ? fail(RINGMAIL_ESTOPPED, "the host said stop") : 0;
}

int PeerLink::receive_more(std::uint32_t most, std::uint32_t& stride) {
  if (is_forked()) return RINGMAIL_EFORKED;
  if (held_ring_ == nullptr || held_count_ != 1)
    return fail(RINGMAIL_EMISUSE, "no message is held, or more than one is");
  const RingConsumer& ring = *held_ring_;
  const auto frame = RingConsumer(ring).peek();
  if (!frame) return faulted(*held_lane_) != 0 ? RINGMAIL_EPROTOCOL : 1;
  stride = static_cast<std::uint32_t>(frame_bytes(frame->length));
  // What may have killed a predecessor is tried alone; and an asker is answered once.
  const bool is_alone = frame->head.kind != FrameKind::message || frame->head.correlation != 0 || ring.redelivers() ||
                        batch_.has_acknowledgement;  // which says where it ends
  const std::uint64_t end = held_lane_->stopping ? held_lane_->stop_at : UINT64_MAX;
  // Of what is published with them there is room for a quarter of a ring: for as much as this at least.
  if (batch_.lane != nullptr)
    most = static_cast<std::uint32_t>(std::min<std::uint64_t>(most, batch_.lane->mail_out.capacity() / 8 / stride));
  if (!is_alone && most > 1) held_count_ = ring.count_alike(most, end);
  return static_cast<int>(held_count_);
}

inline void PeerLink::publish_open() {
  if (!dirty_) return;
  dirty_ = false;
  if (batch_.lane != nullptr) [[unlikely]]
    return publish_all_but_batch();
  for (PeerLane& lane : lanes_) lane.publish();
}

int PeerLink::release() {
  if (is_forked()) return RINGMAIL_EFORKED;
  if (holds_expired_) {
    holds_expired_ = false;
    return flush();
  }
  if (holds_left_) [[unlikely]]
    return release_left();
  if (held_ring_ == nullptr) return fail(RINGMAIL_EMISUSE, "no message is held");
  if (held_ring_ == &held_lane_->mail_in) received_ += held_count_;
  held_ring_->advance_alike(held_count_);
  if (batch_.lane != nullptr) [[unlikely]]
    end_batch();
  // What the message led to is published before the cursor says that it is finished: a crash in between repeats, and
  // loses nothing.
  publish_open();
  if (held_body_) {
    bodies_->give_back(*held_body_);
    held_body_.reset();
  }
  // A host that waits for a block needs the cursor as well.
  const bool had_body = std::exchange(held_has_body_, false);
  if (had_body || held_ring_->cursor_due() || held_ring_->empty()) held_lane_->store_cursors();
  held_ring_ = nullptr;
  held_lane_ = nullptr;
  return 0;
}

/// Sleeps over the pipe where there is one, and else over the futex.
template <class HasWork>
SleepResult PeerLink::park(std::uint64_t timeout_ns, HasWork&& has_work) {
  if (!doorbell_) return parker_.park(timeout_ns, has_work);
  get_up();
  const bool ordered = parker_.lie_down();
  auto result = SleepResult::woken;
  if (!has_work()) {
    ++sleeps_;
    result = doorbell_->sleep(std::min(timeout_ns, ordered ? longest_sleep_ns : longest_unordered_sleep_ns));
  }
  parker_.get_up();
  doorbell_->quiet();
  return result;
}

int PeerLink::wait(std::int64_t timeout_ns) {
  if (is_forked()) return RINGMAIL_EFORKED;
  if (holds_message()) return fail(RINGMAIL_EMISUSE, "the message received before has not been released");
  if (closed_) return RINGMAIL_ECLOSED;
  flush();
  for (PeerLane& lane : lanes_) lane.store_cursors();
  const auto has_work = [this] { return has_input() || interrupted_.load(std::memory_order_seq_cst); };
  const std::uint64_t deadline_ns = deadline_after(timeout_ns);
  const std::uint64_t until_ns = std::min(deadline_ns, asks_.earliest_ns());
  if (answers_on_stream()) look_at_stream(monotonic_ns());
  const std::uint64_t drained = received_ - std::exchange(received_at_wait_, received_);
  if (!has_work() && (timeout_ns == 0 || !spin_.spin(has_work, drained, until_ns))) {
    while (true) {
      if (other_is_gone()) {
        if (closed_) return RINGMAIL_ECLOSED;
        if (!lost_) break;
        if (has_work()) break;
        const int back = come_back(until_ns);
        if (back < 0) return back;
        if (back > 0) break;
      }
      const std::uint64_t now_ns = monotonic_ns();
      if (now_ns >= asks_.earliest_ns()) return 1;
      if (now_ns >= deadline_ns) return 0;
      if (lost_) continue;
      const SleepResult slept = park(until_ns - now_ns, has_work);
      if (has_work()) break;
      if (slept == SleepResult::interrupted) return fail(RINGMAIL_EINTERRUPTED, "interrupted by a signal");
    }
    spin_.observe();
  }
  if (interrupted_.exchange(false, std::memory_order_seq_cst)) return fail(RINGMAIL_EINTERRUPTED, "interrupted");
  return 1;
}

void PeerLink::interrupt() {
  // Not the one that sets a text: this may be a signal handler.
  if (owner_.is_forked()) return;
  interrupted_.store(true, std::memory_order_seq_cst);
  if (doorbell_) {
    doorbell_->interrupt();
  } else if (Bell* const bell = bell_.load(std::memory_order_seq_cst)) {
    wake(*bell);
  }
}

/// `try_loan`: gives the room, or null.
template <class TryLoan>
int PeerLink::wait_for_room(PeerLane& lane,
                            RingProducer& ring,
                            const char* where,
                            std::uint64_t deadline_ns,
                            std::byte** room,
                            TryLoan&& try_loan) {
  // What is open must be seen, or the consumer could not make room. The messages held back by it count as sent.
  flush();
  const auto is_broken = [&] { return ring.fault() != RingFault::none || lane.bodies_out.fault() != RingFault::none; };
  const auto broken = [&] {
    const int result = faulted(lane);
    return result != 0 ? result : is_cut_off(lane);
  };
  const auto try_again = [&] { return (*room = try_loan()) != nullptr || is_broken(); };
  const bool may_wait = deadline_ns != 0;
  if (try_again() || (may_wait && spin_.spin(try_again, 0, deadline_ns))) return is_broken() ? broken() : 0;
  if (!may_wait) return fail(RINGMAIL_EFULL, "no room in the %s to the %s", where, other());
  // What is finished is told before a sleep: the host may wait for that room.
  for (PeerLane& each : lanes_) each.store_cursors();
  ring.want_room(true);
  int result = 0;
  while (!try_again()) {
    if (other_is_gone()) {
      if (!lost_) {
        result = RINGMAIL_ECLOSED;
        break;
      }
      // The lane goes with its host: who waits for room in it finds another one, or that the time is up.
      const int back = come_back(deadline_ns);
      if (back > 0) return came_back;
      if (lanes_.empty()) return back < 0 ? back : fail(RINGMAIL_EFULL, "there is no host now");
      result = back < 0 ? back : fail(RINGMAIL_EFULL, "there is no host now");
      break;
    }
    if (lane.is_cut()) {
      result = is_cut_off(lane);
      break;
    }
    // Whoever asked is dead, and nobody makes room for answers to him.
    if (lane.other == Presence::away && &ring == &lane.control_out) {
      result = RINGMAIL_EFULL;
      break;
    }
    const std::uint64_t now_ns = monotonic_ns();
    if (now_ns >= deadline_ns) {
      result = fail(RINGMAIL_EFULL, "no room in the %s to the %s", where, other());
      break;
    }
    const SleepResult slept = park(deadline_ns - now_ns, try_again);
    if (*room != nullptr) break;  // the loan is open: trying again would open a second
    if (slept == SleepResult::interrupted) {
      result = fail(RINGMAIL_EINTERRUPTED, "interrupted by a signal");
      break;
    }
  }
  ring.want_room(&ring == &lane.mail_out && lane.is_short());
  return is_broken() ? broken() : result;
}

int PeerLink::wait_for_room(
    PeerLane& lane, RingProducer& ring, std::uint32_t length, std::uint64_t deadline_ns, std::byte** room) {
  return wait_for_room(lane, ring, "ring", deadline_ns, room, [&] { return ring.try_loan(length); });
}

[[gnu::always_inline]] inline int PeerLink::loan_on(
    PeerLane& lane, ringmail_mailbox target, std::uint32_t length, std::int64_t timeout_ns, void** payload) {
  if (lane.is_cut()) return is_cut_off(lane);
  if (length > lane.mail_out.max_payload()) {
    return fail(RINGMAIL_ETOOLONG, "a payload of %u bytes is more than half a ring (%u)", length,
                lane.mail_out.max_payload());
  }
  std::byte* room = lane.mail_out.try_loan(length);
  if (room == nullptr) {
    const int result = wait_for_room(lane, lane.mail_out, length, deadline_after(timeout_ns), &room);
    if (result == came_back) return loan(target, length, timeout_ns, payload);
    if (result != 0) return result;
  }
  if (lane.short_of_room) [[unlikely]] {
    lane.short_of_room = false;
    lane.mail_out.want_room(lane.is_short());
  }
  loan_lane_ = &lane;
  loan_target_ = on_wire(lane, target);
  *payload = room;
  return 0;
}

int PeerLink::loan(ringmail_mailbox target, std::uint32_t length, std::int64_t timeout_ns, void** payload) {
  if (is_forked()) return RINGMAIL_EFORKED;
  if (loan_lane_ != nullptr) return fail(RINGMAIL_EMISUSE, "another loan is open");
  if (closed_ || gone_) return RINGMAIL_ECLOSED;
  if (lost_) [[unlikely]] {
    if (const int back = find_host(timeout_ns); back != 0) return back;
  }
  PeerLane* found = lane_to(target);
  if (found == nullptr) return fail(RINGMAIL_ENOTFOUND, "there is no such mailbox");
  if (batch_.lane != nullptr) [[unlikely]] {
    if (const int result = join_batch(length, deadline_after(timeout_ns)); result != 0) return result;
    found = batch_.lane;
  }
  return loan_on(*found, target, length, timeout_ns, payload);
}

/// It goes where it always goes, whatever is in hand.
int PeerLink::loan_signal(ringmail_mailbox target, std::int64_t timeout_ns) {
  if (loan_lane_ != nullptr) return fail(RINGMAIL_EMISUSE, "another loan is open");
  if (lost_) [[unlikely]] {
    if (const int back = find_host(timeout_ns); back != 0) return back;
  }
  PeerLane* const lane = lane_to(target);
  if (lane == nullptr) return fail(RINGMAIL_ENOTFOUND, "there is no such mailbox");
  void* room = nullptr;
  return loan_on(*lane, target, 0, timeout_ns, &room);
}

/// Its target is that of the loan.
int PeerLink::publish_loan(FrameHead head) {
  if (is_forked()) return RINGMAIL_EFORKED;
  if (loan_lane_ == nullptr) return fail(RINGMAIL_EMISUSE, "no loan is open");
  commit_loan(head);
  return 0;
}

void PeerLink::commit_loan(FrameHead head) {
  head.target = loan_target_;
  if (accepted_) head.sender = own_mailbox;
  loan_lane_->mail_out.commit(head);
  loan_lane_ = nullptr;
  dirty_ = true;
}

int PeerLink::cancel_loan() {
  if (is_forked()) return RINGMAIL_EFORKED;
  if (loan_lane_ == nullptr) return fail(RINGMAIL_EMISUSE, "no loan is open");
  loan_lane_->mail_out.cancel();
  loan_lane_ = nullptr;
  return 0;
}

PeerLink::PeerLane* PeerLink::lane_to(ringmail_mailbox target) {
  if (target == 0 || (accepted_ && target != other_mailbox)) return nullptr;
  const std::uint32_t index = lane_of(target);
  return index < lanes_.size() ? &lanes_[index] : nullptr;
}

// --- Bodies

int PeerLink::loan_large(ringmail_mailbox target, std::uint64_t length, std::int64_t timeout_ns, ringmail_body& body) {
  if (is_forked()) return RINGMAIL_EFORKED;
  if (loan_lane_ != nullptr) return fail(RINGMAIL_EMISUSE, "another loan is open");
  if (closed_ || gone_) return RINGMAIL_ECLOSED;
  if (lost_) [[unlikely]] {
    if (const int back = find_host(timeout_ns); back != 0) return back;
  }
  PeerLane* const lane = lane_to(target);
  if (lane == nullptr) return fail(RINGMAIL_ENOTFOUND, "there is no such mailbox");
  if (accepted_ || lane->met) return fail(RINGMAIL_EREFUSED, "there are no bodies between two peers");
  if (length > lane->bodies_out.bytes() || !bodies_) {
    return fail(RINGMAIL_ETOOLONG, "a body of %llu bytes is more than the host has room for (%llu)",
                static_cast<unsigned long long>(length), static_cast<unsigned long long>(lane->bodies_out.bytes()));
  }
  const auto try_loan = [&] { return lane->bodies_out.try_loan(length, lane->mail_out); };
  std::byte* block = try_loan();
  if (block == nullptr) {
    const int result = wait_for_room(*lane, lane->mail_out, "arena", deadline_after(timeout_ns), &block, try_loan);
    if (result == came_back) return loan_large(target, length, timeout_ns, body);
    if (result != 0) return result;
  }
  if (lane->short_of_arena) [[unlikely]] {
    lane->short_of_arena = false;
    lane->mail_out.want_room(lane->is_short());
  }
  body = {.data = block, .length = length, .owner = nullptr, .lane = lane->index, .slot = 0, .serial = 0};
  return 0;
}

int PeerLink::send_large(ringmail_mailbox target,
                         std::uint32_t type,
                         std::uint32_t correlation,
                         std::span<const std::byte> payload,
                         const ringmail_body& body,
                         std::int64_t timeout_ns) {
  if (is_forked()) return RINGMAIL_EFORKED;
  const auto* const block = static_cast<const std::byte*>(body.data);
  const auto no_loan = [this] { return fail(RINGMAIL_EMISUSE, "the body is no open loan for that mailbox"); };
  if (const PeerLane* const lane = lane_to(target); lane != nullptr && !lane->bodies_out.is_loaned(block))
    return no_loan();
  if (payload.size() > UINT32_MAX - sizeof(BodyPlace))
    return fail(RINGMAIL_ETOOLONG, "a message of %zu bytes is more than half a ring", payload.size());
  void* room = nullptr;
  const auto length = static_cast<std::uint32_t>(sizeof(BodyPlace) + payload.size());
  if (const int result = loan(target, length, timeout_ns, &room); result != 0) return result;
  // While it waited for room another host may have come, and the block was the one's before.
  PeerLane& lane = *loan_lane_;
  if (!lane.bodies_out.is_loaned(block)) {
    cancel_loan();
    return no_loan();
  }
  const BodyPlace place = lane.bodies_out.place_of(block);
  std::memcpy(room, &place, sizeof place);
  if (!payload.empty()) std::memcpy(static_cast<std::byte*>(room) + sizeof place, payload.data(), payload.size());
  commit_loan({.kind = FrameKind::large, .type = type, .correlation = correlation});
  lane.bodies_out.committed(block, lane.mail_out);
  return 0;
}

int PeerLink::cancel_large(const ringmail_body& body) {
  if (is_forked()) return RINGMAIL_EFORKED;
  const auto* const block = static_cast<const std::byte*>(body.data);
  if (body.lane >= lanes_.size() || !lanes_[body.lane].bodies_out.is_loaned(block))
    return fail(RINGMAIL_EMISUSE, "the body is no open loan");
  lanes_[body.lane].bodies_out.cancel(block);
  return 0;
}

int PeerLink::held_body(ringmail_body& body) {
  if (is_forked()) return RINGMAIL_EFORKED;
  if (!held_body_) return 0;
  body = *held_body_;
  return 1;
}

int PeerLink::keep_body(ringmail_body& body) {
  const int result = held_body(body);
  if (result != 1) return result;
  bodies_->keep(body);
  held_body_.reset();
  return 1;
}

int PeerLink::answer(
    const ringmail_message& asked, FrameKind kind, std::uint32_t type, const void* payload, std::uint32_t length) {
  if (is_forked()) return RINGMAIL_EFORKED;
  if (loan_lane_ != nullptr) return fail(RINGMAIL_EMISUSE, "a loan is open");
  if (closed_ || gone_) return RINGMAIL_ECLOSED;
  if (asked.correlation == 0 || asked.kind != RINGMAIL_MESSAGE)
    return fail(RINGMAIL_EMISUSE, "nobody waits for an answer");
  // Whoever asked is no more, and whoever asks now may number his questions alike.
  if (lost_ || asked.lane >> lane_bits != restarts_) return 0;
  const std::uint32_t index = asked.lane % max_lanes;
  if (index >= lanes_.size()) return fail(RINGMAIL_EMISUSE, "the message is not one of this peer's");
  if (batch_.lane != nullptr) [[unlikely]] {
    return answer_in_batch(
        {.kind = kind, .type = type, .correlation = asked.correlation, .target = asked.sender, .sender = asked.target},
        payload, length);
  }
  PeerLane& lane = lanes_[index];
  if (lane.is_cut() || lane.other == Presence::away) return 0;  // whoever asked is no more
  RingProducer& ring = lane.control_out;
  if (length > ring.max_payload()) {
    return fail(RINGMAIL_ETOOLONG, "a reply of %u bytes is more than half a control ring (%u)", length,
                ring.max_payload());
  }
  std::byte* room = ring.try_loan(length);
  if (room == nullptr) {
    const int result = wait_for_room(lane, ring, length, UINT64_MAX, &room);
    if (result == came_back) return 0;
    if (result < 0 && lanes_.empty()) return result;
    if (result != 0) return lane.is_cut() || lane.other == Presence::away ? 0 : result;
  }
  if (length != 0) std::memcpy(room, payload, length);
  ring.commit({.kind = kind,
               .type = type,
               .correlation = asked.correlation,
               .target = on_wire(lane, asked.sender),
               .sender = asked.target});
  dirty_ = true;
  return 0;
}

std::uint32_t PeerLink::next_correlation() {
  asked_ = (asked_ + 1) & asks_of_a_life;
  if (asked_ == 0) ++asked_;
  return life() | asked_;
}

std::uint32_t PeerLink::next_timed_correlation() {
  asks_.reserve();
  std::uint32_t correlation = 0;
  do {
    timed_asked_ = (timed_asked_ + 1) & asks_of_a_life;
    correlation = TimedAsks::mark | life() | timed_asked_;
  } while (asks_.contains(correlation));
  return correlation;
}

int PeerLink::flush() {
  if (is_forked()) return RINGMAIL_EFORKED;
  publish_open();
  return 0;
}

/// 0: the link goes on, without that lane.
int PeerLink::faulted(PeerLane& lane) {
  const auto fault = lane.fault() != RingFault::none ? lane.fault() : lane.bodies_out.fault();
  if (lane.met) return lane.broken ? 0 : cut(lane, std::string(to_string(fault)).c_str());
  return fail(RINGMAIL_EPROTOCOL, "the %s broke the protocol: %.*s", other(), static_cast<int>(to_string(fault).size()),
              to_string(fault).data());
}

void PeerLink::detach() {
  // A child only gives its copies back.
  if (!owner_.is_forked()) {
    if (has_stream() && !closed_ && !lanes_.empty()) say_goodbye();
    leave();
  }
  lanes_.clear();
  link_.close_stream();
  accepted_.reset();
}

void PeerLink::count(ringmail_counters& counters) const {
  std::uint64_t sent = 0;
  for (const PeerLane& lane : lanes_) sent += lane.mail_out.published_messages();
  // After leave_host() its parker sleeps on, while there is no host; those sleeps are not counted.
  const bool counts = !lost_ || !has_left_ || !lanes_.empty();
  counters = {.received = received_,
              .sent = past_.sent + sent,
              .sleeps = past_.sleeps + (counts ? parker_.sleeps() : 0) + sleeps_,
              .lost_wakeups = past_.lost_wakeups + (counts ? parker_.lost_wakeups() : 0),
              .failed_barriers = past_.failed_barriers + (counts ? parker_.failed_barriers() : 0)};
}

}  // namespace ringmail::transport

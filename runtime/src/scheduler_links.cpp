// Lanes of links: frames that peers sent, and a peer's death as this scheduler lives it.
#include <algorithm>
#include <cassert>
#include <cstring>
#include <iterator>
#include <unordered_set>
#include <utility>

#include "ask_table.hpp"
#include "envelope.hpp"
#include "farewell.hpp"
#include "remote_lane.hpp"
#include "ringmail/runtime/scheduler.hpp"
#include "scheduler_cells.hpp"
#include "scheduler_outlets.hpp"

namespace ringmail::runtime {

using transport::FrameHead;
using transport::FrameKind;

/// Links are numbered from 1, so an address beyond is no link's.
constexpr std::uint32_t most_links = 1 << 20;

namespace {
/// Of signals nobody is told.
bool is_message(const std::optional<transport::Frame>& frame) {
  return frame && (frame->head.kind == FrameKind::message || frame->head.kind == FrameKind::large);
}
}  // namespace

RemoteLane* Scheduler::lane_of(std::uint32_t link) const { return link < lanes_.size() ? lanes_[link].get() : nullptr; }

RemoteSystem* Scheduler::system_behind(std::uint32_t link) const {
  const RemoteLane* const lane = lane_of(link);
  return lane != nullptr ? lane->system : nullptr;
}

/// Null for one who needs no answer any more: his process is dead, and his successor numbers its own questions alike.
RemoteLane* Scheduler::lane_of(const Asker& asker) const {
  RemoteLane* lane = lane_of(asker.address.link);
  return lane != nullptr && lane->open && lane->incarnation == asker.incarnation ? lane : nullptr;
}

/// To send over. A link is known to its users before this scheduler has opened its lane: they wait for that.
RemoteLane* Scheduler::lane_to(std::uint32_t link) {
  if (RemoteLane* lane = lane_of(link)) return lane;
  if (link > most_links) return nullptr;
  if (lanes_.size() <= link) lanes_.resize(link + 1);
  auto lane = std::make_unique<RemoteLane>();
  lane->link = link;
  lane->mail.ring = &lane->lane.mail_out;
  lane->control.ring = &lane->lane.control_out;
  lane->mail.bell = lane->control.bell = &lane->lane.bell;
  lane->mail.lane = lane->control.lane = lane.get();
  lane->mail.bodies = &lane->bodies_out;
  lane->mail.state = lane->control.state = Outlet::State::unopened;
  lane->mail_in = {
      .ring = &lane->lane.mail_in, .bell = &lane->lane.bell, .source = Inlet::Source::mail, .lane = lane.get()};
  lane->control_in = {
      .ring = &lane->lane.control_in, .bell = &lane->lane.bell, .source = Inlet::Source::control, .lane = lane.get()};
  lanes_[link] = std::move(lane);
  return lanes_[link].get();
}

// --- Frames

/// `now`: handlers may run. Else the message is queued at its actor.
void Scheduler::take_remote(Inlet& inlet, const transport::Frame& frame, bool now) {
  RemoteLane& lane = *inlet.lane;
  if (inlet.kept != nullptr) [[unlikely]] {
    take_kept(inlet, frame, now);
    return;
  }
  if (frame.head.kind == FrameKind::large) [[unlikely]] {
    take_large(inlet, frame, now);
    return;
  }
  if (frame.head.kind != FrameKind::message) [[unlikely]] {
    const bool answers = frame.head.kind == FrameKind::reply || frame.head.kind == FrameKind::no_reply;
    if (answers && lane.acknowledges) {
      take_answer(lane, frame);
      inlet.ring->advance();
      return;
    }
    if (frame.head.kind != FrameKind::signal) {
      report_fault(lane, "a system frame came as mail");
      return;
    }
    if (lane.system != nullptr) ++lane.received;  // between systems both ends count signals; a peer's are no messages
    take_signal(lane, frame);
    inlet.ring->advance();
    return;
  }
  const bool reaches = is_reachable(lane, ActorId(frame.head.target));
  if (ActorId(frame.head.target).needs_credit() && now && reaches &&
      must_stay_in_ring(ActorId(frame.head.target), &frame)) [[unlikely]] {
    inlet.waits_for = ActorId(frame.head.target);
    return;
  }
  ++lane.received;
  if (!reaches && lane.acknowledges && ActorId(frame.head.target).thread() != index_) [[unlikely]] {
    forward_later(lane, frame);
    inlet.ring->advance();
    return;
  }
  Message message{.payload = const_cast<std::byte*>(frame.payload),
                  .length = frame.length,
                  .type = frame.head.type,
                  .asker = asker_of(lane, frame),
                  .target = ActorId(frame.head.target),
                  .ring = inlet.ring};
  hand_on(message, reaches, now);
}

bool Scheduler::is_reachable(RemoteLane& lane, ActorId actor) {
  return lane.is_exported(actor.value()) || may_reach(lane, actor);
}

Asker Scheduler::asker_of(const RemoteLane& lane, const transport::Frame& frame) {
  return {.address = {lane.link, ActorId(frame.head.sender)},
          .correlation = frame.head.correlation,
          .incarnation = lane.incarnation};
}

void Scheduler::hand_on(Message& message, bool reaches, bool now) {
  if (!reaches) {
    // The peer is told the same as of one that does not exist.
    dead_letter(message, "the actor was not made known to that peer");
  } else if (now) {
    deliver(message);
  } else {
    deliver_later(message);
  }
}

/// Whether that actor of this scheduler was made known to the system at the other end, by whatever way.
bool Scheduler::may_reach(RemoteLane& lane, ActorId actor) {
  if (lane.system == nullptr || !lane.system->is_let_in(actor)) return false;
  Cell* const cell = find(actor);
  if (cell == nullptr) return false;
  lane.let_in(actor.value());
  cell->exported_ = true;
  return true;
}

void Scheduler::take_remote_control(Inlet& inlet, const transport::Frame& frame) {
  RemoteLane& lane = *inlet.lane;
  switch (frame.head.kind) {
    case FrameKind::reply: complete_wire(frame.head.correlation, lane.link, frame); break;
    case FrameKind::no_reply:
      complete_refused(frame.head.correlation, lane.link, ask_error(static_cast<transport::NoReply>(frame.head.type)));
      break;
    case FrameKind::pong: break;
    case FrameKind::stop:
      if (lane.joined && frame.length == sizeof(std::uint64_t)) {
        take_stop(lane, frame);
        break;
      }
      [[fallthrough]];
    default: report_fault(lane, "a frame of a kind that only a host sends"); return;
  }
  inlet.ring->advance();
}

void Scheduler::take_stop(RemoteLane& lane, const transport::Frame& frame) {
  std::uint64_t position = 0;
  std::memcpy(&position, frame.payload, sizeof position);
  lane.stop_at = position;
  lane.mail_in.stops = true;
}

void Scheduler::look_whether_drained(RemoteLane& lane) {
  if (lane.lane.mail_in.position() < lane.stop_at) return;
  lane.mail_in.stops = false;
  if (on_drained) on_drained(lane.link);
}

/// The link is cut here at once: nothing more is read from it. The reactor kills the process. Mail waits for the next one.
void Scheduler::report_fault(RemoteLane& lane, std::string what) {
  disconnect(lane);
  if (!lane.fault.empty()) return;
  lane.fault = what;
  if (on_fault) on_fault(lane.link, std::move(what));
}

void Scheduler::disconnect(RemoteLane& lane) {
  if (!lane.connected) return;
  lane.connected = false;
  lane.mail_in.waits_for = {};
  inlets_->remove(lane.mail_in);
  inlets_->remove(lane.control_in);
}

// --- Life of a lane

void Scheduler::open_lane(std::uint32_t link,
                          transport::RingProducer mail,
                          const transport::Incarnation::HostEnd& end,
                          RemoteSystem* system,
                          transport::ArenaProducer bodies,
                          std::shared_ptr<transport::Arena> arena) {
  assert(link <= most_links);
  RemoteLane& lane = *lane_to(link);
  lane.system = system;
  if (bodies) open_arena(lane, std::move(bodies), std::move(arena));
  lane.lane.mail_out = mail;
  connect(lane, end);
}

void Scheduler::open_joined_lane(std::uint32_t link,
                                 const transport::Lane& lane,
                                 transport::Ordering ordering,
                                 RemoteSystem& system) {
  lane_to(link)->joined = true;
  // Its producers would set the bits of cold rings in a bell that this thread does not look into for them.
  open_lane(link, lane.mail_out,
            {.control_out = lane.control_out,
             .mail_in = lane.mail_in,
             .control_in = lane.control_in,
             .bell = lane.bell,
             .mail_consumer = nullptr,
             .trust = transport::Trust::untrusted},
            &system);
  order_lane(link, ordering, false);
}

void Scheduler::connect(RemoteLane& lane, const transport::Incarnation::HostEnd& end) {
  lane.lane.control_out = end.control_out;
  lane.lane.control_in = end.control_in;
  lane.lane.mail_in = end.mail_in;
  lane.lane.bell = end.bell;
  lane.bodies_in = end.bodies_in;
  if (end.kept && lane.kept == nullptr) lane.kept = std::make_unique<KeptMail>();
  lane.mail_in.kept = lane.kept.get();
  // Until this incarnation is ready and has agreed to something else.
  lane.lane.order(transport::Ordering::sequential);
  const bool shares_bells = end.trust == transport::Trust::trusted;
  lane.mail_in.may_go_cold = lane.control_in.may_go_cold = shares_bells;
  lane.mail_in.rings_itself = lane.control_in.rings_itself = shares_bells;
  // Control first: it is drained before mail in every turn.
  inlets_->add(lane.control_in);
  inlets_->add(lane.mail_in);
  lane.connected = true;
  lane.stopping = false;
  ++lane.incarnation;
  open(lane.mail);
  open(lane.control);
}

/// `most_bytes`: of its payload, which is copied, because it lies in the ring.
MessageInHand Scheduler::message_in_hand(const transport::Frame& frame, std::size_t most_bytes) const {
  return {.lane = index_,
          .type = frame.head.type,
          .length = frame.length,
          .target = ActorId(frame.head.target),
          .sender = ActorId(frame.head.sender),
          .asked = frame.head.correlation != 0,
          .has_body = frame.head.kind == FrameKind::large,
          .payload = {frame.payload, frame.payload + std::min<std::size_t>(frame.length, most_bytes)}};
}

LinkSight Scheduler::look_at_lane(std::uint32_t link) {
  RemoteLane* const lane = lane_of(link);
  if (lane == nullptr || !lane->open || lane->mail.state != Outlet::State::open) return {};
  publish(lane->mail);
  const auto unfinished = lane->lane.mail_out.unfinished(lane->acknowledged.position());
  look_for_fault(lane->mail);
  LinkSight sight{.waiting = unfinished.messages};
  if (is_message(unfinished.in_hand)) {
    sight.in_hand.push_back(message_in_hand(*unfinished.in_hand, MessageInHand::most_payload_bytes));
  }
  return sight;
}

Scheduler::LaneReport Scheduler::settle_lane(std::uint32_t link, const Redelivery& redelivery) {
  RemoteLane& lane = *lane_of(link);
  // Before what it published is taken: a child of its that reads on would else finish messages whose answers nobody reads.
  lane.lane.mail_out.freeze_consumer(lane.last_words);
  // Everything that the dead process published is delivered before anybody hears of its death. Up to the first zero word:
  // what is not published is not there. Handlers do not run here, but their messages wait in front of the news.
  take_all(lane);
  if (lane.fault.empty() && lane.connected) {
    for (const auto fault : {lane.lane.control_in.fault(), lane.lane.mail_in.fault()}) {
      if (fault != transport::RingFault::none) lane.fault = to_string(fault);
    }
  }
  disconnect(lane);
  forward(lane);
  lane.control.overflow.clear();
  publish(lane.mail);
  auto unfinished = lane.lane.mail_out.unfinished(lane.acknowledged.position());
  if (redelivery.handed_over) {
    if (lane.attempted != unfinished.cursor) lane.attempts = 0;
    keep_asks(lane, unfinished);
  } else {
    // The same message in hand at one death after the other: the next incarnation is told how often.
    const bool in_hand = lane.lane.mail_out.in_hand() == unfinished.cursor;
    lane.attempts = !in_hand ? 0 : lane.attempted == unfinished.cursor ? lane.attempts + 1 : 1;
    lane.attempted = unfinished.cursor;
  }
  std::optional<MessageInHand> message;
  if (is_message(unfinished.in_hand)) {
    const bool is_first = unfinished.in_hand->position == unfinished.cursor;
    const bool was_tried_enough = redelivery.max_attempts != 0 && lane.attempts >= redelivery.max_attempts;
    // At most once: its handler has begun, and those of all before it.
    const bool is_given_up = redelivery.at_most_once || (is_first && was_tried_enough);
    message = message_in_hand(*unfinished.in_hand,
                              is_given_up ? unfinished.in_hand->length : MessageInHand::most_payload_bytes);
    message->attempts = is_first ? lane.attempts : 0;
    message->given_up = is_given_up;
    if (is_given_up) {
      unfinished = lane.lane.mail_out.leave_out_through(*unfinished.in_hand);
      lane.attempts = 0;
      ++lane.given_up;
    }
  }
  // Who leaves between two messages has seen none of the rest; one before him may have.
  lane.seen = redelivery.at_most_once  ? unfinished.cursor
              : redelivery.handed_over ? std::max(lane.seen, unfinished.cursor)
                                       : lane.lane.mail_out.tail();
  LaneReport report{.resume = {.cursor = unfinished.cursor,
                               .tail = lane.seen,
                               .sequence = unfinished.sequence,
                               .attempt = lane.attempts},
                    .account = {.published = lane.lane.mail_out.published_messages(),
                                .unfinished = unfinished.messages,
                                .received = lane.received,
                                .given_up = lane.given_up,
                                .fault = lane.fault}};
  if (message) report.account.in_hand.push_back(std::move(*message));
  if (lane.lane.mail_out.fault() != transport::RingFault::none) {
    report.account.fault = to_string(lane.lane.mail_out.fault());
  }
  lane.fault.clear();
  return report;
}

/// Of those that wait in its mail: the next incarnation answers them.
void Scheduler::keep_asks(const RemoteLane& lane, const transport::RingProducer::Unfinished& left) {
  std::unordered_set<std::uint32_t> waiting;
  const auto note = [&waiting](const FrameHead& head) {
    if (head.correlation != 0) waiting.insert(head.correlation);
  };
  lane.lane.mail_out.each_unfinished(left, [&](const transport::Frame& frame) { note(frame.head); });
  for (const Outlet::Pending& pending : lane.mail.overflow) note(pending.head);
  asks_->for_each([&](PendingAsk& ask) {
    const bool is_his = ask.asked.link == lane.link && ask.incarnation == lane.incarnation;
    if (is_his && waiting.contains(ask.correlation)) ask.incarnation = lane.incarnation + 1;
  });
}

void Scheduler::take_all(RemoteLane& lane) {
  const auto take = [&lane](Inlet& inlet, auto&& each) {
    transport::RingConsumer& ring = *inlet.ring;
    // What is kept is finished later, and its cursor says nothing of what was read.
    for (const std::uint64_t start = ring.position(); inlet.kept != nullptr && lane.connected;) {
      const auto frame = ring.peek();
      if (!frame) return inlet.store_cursor();
      if (ring.position() - start > ring.memory().capacity) {
        lane.fault = "more was written than its ring holds";
        return;
      }
      each(*frame);
    }
    // A cursor is due after each quarter, so that a ring's worth is four. The dead process can have left no more; a child of
    // its that writes on would keep this thread here for ever.
    for (int quarters = 0; lane.connected; ++quarters) {
      if (quarters == 4) {
        lane.fault = "more was written than its ring holds";
        return;
      }
      while (!ring.cursor_due()) {
        const auto frame = ring.peek();
        if (!frame) {
          ring.store_cursor();  // whose process is not dead but leaves counts what was read
          return;
        }
        each(*frame);
        if (!lane.connected) return;  // the frame was a fault
      }
      ring.store_cursor();
    }
  };
  take(lane.control_in, [&](const transport::Frame& frame) { take_remote_control(lane.control_in, frame); });
  take(lane.mail_in, [&](const transport::Frame& frame) { take_remote(lane.mail_in, frame, false); });
}

void Scheduler::switch_lane(std::uint32_t link,
                            const transport::ConsumerBlock* consumer,
                            const transport::Incarnation::HostEnd& end) {
  RemoteLane& lane = *lane_of(link);
  if (lane.bodies_out) lane.bodies_out.switch_consumer(lane.lane.mail_out.cursor(), end.returns);
  lane.lane.mail_out.switch_consumer(consumer);
  connect(lane, end);
}

void Scheduler::order_lane(std::uint32_t link, transport::Ordering ordering, bool takes_bodies) {
  RemoteLane& lane = *lane_of(link);
  lane.lane.order(ordering);
  let_bodies(lane, takes_bodies);
  for (const RemoteLane::Watcher& watcher : lane.watchers) {
    if (watcher.kind == RemoteLane::Watcher::Kind::parent) child_started(watcher.actor, {link, ActorId()});
  }
}

void Scheduler::close_lane(std::uint32_t link) {
  RemoteLane& lane = *lane_of(link);
  lane.open = false;
  close(lane.mail);
  close_arena(lane);
  close(lane.control);
}

/// Of those before the incarnation that lives: who asked since was asking that one.
void Scheduler::fail_asks(const RemoteLane& lane) {
  const std::uint32_t living = lane.open ? lane.incarnation : lane.incarnation + 1;
  asks_->for_each([&](PendingAsk& ask) {
    if (ask.asked.link != lane.link || ask.settled || ask.incarnation == 0 || ask.incarnation == living) return;
    settle(ask, AskError::unreachable);
  });
}

void Scheduler::lane_handed_over(std::uint32_t link) {
  RemoteLane& lane = *lane_of(link);
  fail_asks(lane);
  // What the one before had monitored: its successor has numbers of its own.
  std::erase_if(lane.watchers, [&](const RemoteLane::Watcher& watcher) {
    if (watcher.kind != RemoteLane::Watcher::Kind::watched) return false;
    forget_monitor(watcher.actor, {link, watcher.whom});
    return true;
  });
}

void Scheduler::lane_down(std::uint32_t link, const ExitReason& reason) {
  RemoteLane& lane = *lane_of(link);
  fail_asks(lane);
  // Once: a monitor of a peer that is restarted is set again by whoever wants to know of its next death.
  using Watcher = RemoteLane::Watcher;
  std::vector<Watcher> watchers;
  watchers.swap(lane.watchers);
  const bool for_good = !lane.open;
  if (!for_good) {
    std::ranges::copy_if(watchers, std::back_inserter(lane.watchers),
                         [](const Watcher& watcher) { return watcher.kind == Watcher::Kind::parent; });
  }
  const auto reason_for = [&](ActorId whom) {
    // Of an actor there it is only known that it cannot be reached any more.
    const bool is_lost = whom && !reason.is_normal();
    return is_lost ? reason.leads_to(ExitReason::Kind::unreachable, "its system is gone") : reason;
  };
  for (const Watcher& watcher : watchers) {
    const Address who{link, watcher.whom};
    switch (watcher.kind) {
      case Watcher::Kind::monitor: tell_down({0, watcher.actor}, *watcher.down, who, reason_for(watcher.whom)); break;
      case Watcher::Kind::link: take_exit(watcher.actor, who, reason_for(watcher.whom)); break;
      case Watcher::Kind::parent:
        child_down(watcher.actor, {.who = who, .reason = reason, .for_good = for_good});
        break;
      case Watcher::Kind::watched: forget_monitor(watcher.actor, who); break;
    }
  }
}

void Scheduler::stop_lane(std::uint32_t link, StopAt where) {
  RemoteLane* lane = lane_of(link);
  if (lane == nullptr || !lane->open || lane->stopping) return;
  lane->stopping = true;
  publish(lane->mail);
  // Mail goes on where the successor reads it from the same ring.
  if (where == StopAt::end_for_good) close(lane->mail);
  if (where == StopAt::end) lane->mail.state = Outlet::State::unopened;
  // Where the peer has been, it need not go on.
  const transport::RingProducer& mail = lane->lane.mail_out;
  write_word(lane->control, {.kind = FrameKind::stop}, where == StopAt::message ? mail.cursor() : mail.tail());
  publish(lane->control);
}

bool Scheduler::export_to(std::uint32_t link, ActorId actor) {
  RemoteLane* lane = lane_of(link);
  Cell* cell = find(actor);
  if (lane == nullptr || cell == nullptr) return false;
  lane->let_in(actor.value());
  cell->exported_ = true;
  return true;
}

}  // namespace ringmail::runtime

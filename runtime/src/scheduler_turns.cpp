// Turns: whose it is, what happens in one, and how it ends; and the rings, whose frames begin most of them. In one file, so
// that the compiler sees the way of a message as one.
#include <algorithm>
#include <cassert>
#include <typeinfo>

#include "local_ring.hpp"
#include "poll_set.hpp"
#include "remote_lane.hpp"
#include "ringmail/runtime/scheduler.hpp"
#include "scheduler_cells.hpp"
#include "scheduler_outlets.hpp"
#include "type_text.hpp"

namespace ringmail::runtime {
namespace {

/// Messages of waiting actors before the rings' turn; each actor has had one by then, if there are more of them.
constexpr int messages_per_turn = 64;

std::string describe(const std::exception& exception) {
  return demangled(typeid(exception).name()).append(": ").append(exception.what());
}

}  // namespace

/// A turn is what waited when it began, as far as the budget goes: what an actor sends to itself meanwhile has to wait for the
/// next one, and so keeps no neighbour waiting.
inline void Scheduler::begin_turn(Cell& cell) {
  turn_cell_ = &cell;
  turn_left_ = std::min(cell.queued_, budget_messages_);
  if (turn_left_ <= 1) return;
  if (cell.pace_ == slowest_pace) {
    turn_.begin_now(cell.pace_, last_look_);
  } else {
    turn_.begin(cell.pace_);
  }
}

/// With its next message, before anybody else.
inline bool Scheduler::goes_on(Cell& cell) {
  if (turn_left_ <= 1) return false;
  --turn_left_;
  return !turn_.is_over(cell.pace_, budget_ns_, last_look_);
}

inline void Scheduler::make_next(Cell& cell) {
  cell.state_ = Cell::State::ready;
  cell.next_ready_ = first_ready_;
  if (first_ready_ == nullptr) last_ready_ = &cell;
  first_ready_ = &cell;
  backlog_ += cell.queued_;
  turn_goes_on_ = true;
}

[[gnu::always_inline]] inline void Scheduler::finish_now(Cell& cell) {
  current_cell_ = nullptr;
  // A suspended handler may be a function of one of them.
  if (cell.conduct_ != nullptr && cell.waiter_ == nullptr) [[unlikely]] {
    cell.conduct_->past.clear();
    if (!cell.conduct_->receipts.empty()) finish_received(*cell.conduct_);
  }
  if (cell.bound_ != nullptr) [[unlikely]]
    offer_room(cell, Offer::quarters);
  publish_dirty();
  if (cell.waiter_ != nullptr || cell.in_line_) [[unlikely]] {
    release_handlers(cell);
    return;
  }
  if (cell.stop_requested_) {
    wind_up(cell);
    return;
  }
  cell.state_ = Cell::State::idle;
  if (cell.first_ == nullptr) return;
  if (&cell == turn_cell_ && goes_on(cell)) {
    make_next(cell);
  } else {
    turn_cell_ = nullptr;
    make_ready(cell);
  }
}

void Scheduler::finish_turn(Cell& cell) { finish_now(cell); }

/// A handler's turn: from here to finish_turn() other cells may run in between, on other stacks, if it suspends.
template <class Turn>
[[gnu::always_inline]] inline void Scheduler::turn(Cell& cell, const Asker& asker, Turn&& body) {
  current_cell_ = &cell;
  mark_turn(cell);
  cell.state_ = Cell::State::running;
  cell.asker_ = asker;
  sends_in_turn_ = 0;
  try {
    body();
  } catch (const std::exception& exception) {
    fail(cell, {.kind = ExitReason::Kind::failed, .text = describe(exception)});
    refuse(cell.take_asker(), transport::NoReply::failed);
  } catch (...) {
    fail(cell, {.kind = ExitReason::Kind::failed, .text = "an exception that is no std::exception"});
    refuse(cell.take_asker(), transport::NoReply::failed);
  }
  finish_now(cell);
}

/// The sender knew, where it knew the actor's class. Of what came from another process, or by a protocol, the actor's own table
/// knows.
inline const Binding* Scheduler::binding_for(const Cell& cell, const Message& message) const {
  if (cell.conduct_ != nullptr) [[unlikely]] {
    const Behaviour* behaviour = cell.conduct_->top();
    if (const Binding* binding = behaviour != nullptr ? behaviour->find(message) : nullptr) return binding;
  }
  const Binding* binding = message.binding;
  return binding != nullptr && binding->handler != nullptr ? binding : cell.find(message.type);
}

/// Where the message lies in an envelope it is gone when its handler has taken it.
[[gnu::always_inline]] inline void Scheduler::execute(Cell& cell, Message& message) {
  const Binding* const binding = binding_for(cell, message);
  if (binding == nullptr || (binding != message.binding && !message_is(message, *binding->type))) {
    dead_letter(message, binding == nullptr ? "the actor has no handler for it" : "its bytes are not those of its type",
                transport::NoReply::no_handler);
    finish_turn(cell);
    return;
  }
  ++counters_.messages;
  if (simulator_ != nullptr) [[unlikely]]
    note_handled(cell, binding->type);
  const std::uint32_t link = message.asker.address.link;
  const Receipt receipt = message.receipt();
  turn(cell, message.asker, [&] {
    cell.handling_ = binding;
    binding->handler(cell, message);
  });
  // What it has sent is out.
  if (receipt.number != 0) [[unlikely]]
    finish(link, receipt);
}

void Scheduler::execute_start(Cell& cell) {
  cell.started_ = true;
  cell.handling_ = nullptr;
  // One with a parent is stopped by it, in its order.
  if (stopping_ && !cell.parent_) cell.stop_requested_ = true;
  if (cell.stop_requested_) {
    finish_turn(cell);
    return;
  }
  if (simulator_ != nullptr) [[unlikely]]
    note_handled(cell, nullptr);
  turn(cell, {}, [&] {
    if (cell.supervised_) cell.make();
    cell.start();
    if (!cell.supervises_) tell_started(cell);
  });
}

/// A reentrant cell whose handler has stepped aside: it takes what waits.
void Scheduler::step_back(Cell& cell) {
  if (std::exchange(cell.in_line_, false)) {
    cell.state_ = Cell::State::ready;
    backlog_ += cell.queued_;
    return;
  }
  cell.state_ = Cell::State::idle;
  if (cell.first_ != nullptr) make_ready(cell);
}

/// Of a reentrant cell one handler has ended, others are suspended, or have just been. One that is to stop ends with the last of
/// them, and not while it is on the list of those that are ready.
void Scheduler::release_handlers(Cell& cell) {
  if (!cell.stop_requested_ || cell.in_line_) {
    step_back(cell);
    return;
  }
  cell.state_ = Cell::State::suspended;
  stop_waiting(cell);
}

/// One message of one cell.
inline void Scheduler::run_cell(Cell& cell) {
  if (!cell.started_) {
    execute_start(cell);
    return;
  }
  if (cell.stop_requested_ || cell.first_ == nullptr) {
    finish_turn(cell);
    return;
  }
  execute(cell, take_first(cell)->message);
}

bool Scheduler::run_ready() {
  // Those that become ready meanwhile have their turn after the rings.
  Cell* const last = last_ready_;
  bool was_round = false;
  Stretch phase;
  phase.begin(ready_pace_);
  for (int messages = 1; first_ready_ != nullptr; ++messages) {
    Cell* cell = std::exchange(first_ready_, first_ready_->next_ready_);
    if (first_ready_ == nullptr) last_ready_ = nullptr;
    backlog_ -= cell->queued_;
    was_round = was_round || cell == last;
    busy_ = true;
    if (!std::exchange(turn_goes_on_, false)) begin_turn(*cell);
    run_cell(*cell);
    if (!fibers_.owns_loop()) return false;
    if (was_round && messages >= messages_per_turn) break;
    // Those that are left have their turn after the rings and the timers.
    if (first_ready_ != nullptr && phase.is_over(ready_pace_, budget_ns_, last_look_)) break;
    if (!own_inlets_.empty() && own_lane_waits()) [[unlikely]]
      break;
  }
  return true;
}

// --- Frames of one ring

[[gnu::always_inline]] inline void Scheduler::deliver_now(Message& message) {
  Cell* const cell = find(message.target);
  if (cell != nullptr && cell->state_ == Cell::State::idle && cell->started_) [[likely]] {
    execute(*cell, message);
  } else {
    deliver_later(message);
  }
}

void Scheduler::deliver(Message& message) { deliver_now(message); }

[[gnu::always_inline]] inline void Scheduler::take_local(Inlet& inlet, const transport::Frame& frame) {
  if (frame.head.kind == transport::FrameKind::local_control) {
    take_local_control(inlet, frame);
    return;
  }
  Message message = LocalFrame::message(*inlet.ring, frame);
  if (message.admission == Admission::credited) [[unlikely]] {
    if (const Cell* cell = find(message.target)) --cell->bound_->promised;
  }
  deliver_now(message);
}

bool Scheduler::drain(Inlet& inlet) {
  if (inlet.held || inlet.runs_ahead) [[unlikely]]
    return true;
  if (inlet.waits_for) [[unlikely]] {
    if (must_stay_in_ring(inlet.waits_for, nullptr)) return true;
    inlet.waits_for = {};
  }
  auto frame = inlet.ring->peek();
  if (!frame) {
    if (inlet.ring->fault() != transport::RingFault::none) [[unlikely]] {
      report_fault(*inlet.lane, std::string(to_string(inlet.ring->fault())));
    } else if (inlets_->note_quiet(inlet)) {
      --next_inlet_;  // the next one has moved here
    } else if (inlet.stops) [[unlikely]] {
      look_whether_drained(*inlet.lane);
    }
    return true;
  }
  busy_ = true;
  inlet.quiet_polls = 0;
  Stretch phase;
  phase.begin(inlet.pace);
  for (std::uint32_t frames = 0; frame && frames < frames_per_turn_; ++frames) {
    switch (inlet.source) {
      case Inlet::Source::local: take_local(inlet, *frame); break;
      case Inlet::Source::mail: take_remote(inlet, *frame); break;
      case Inlet::Source::control: take_remote_control(inlet, *frame); break;
    }
    if (!fibers_.owns_loop()) return false;
    if (inlet.lane != nullptr && !inlet.lane->connected) [[unlikely]]
      return true;  // the frame was a fault
    if (inlet.waits_for) [[unlikely]]
      break;  // the frame is still there
    if (inlet.ring->cursor_due()) inlet.store_cursor();
    frame = inlet.ring->peek();
    // What is left has its turn after everybody else's.
    if (frame && phase.is_over(inlet.pace, budget_ns_, last_look_)) break;
  }
  inlet.store_cursor();
  return true;
}

}  // namespace ringmail::runtime

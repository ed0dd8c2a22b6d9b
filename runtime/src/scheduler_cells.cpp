// Cells: where they live, how a message reaches one, and what a turn is. How one ends stands in scheduler_endings.cpp.
#include "scheduler_cells.hpp"

#include <algorithm>
#include <cassert>
#include <typeinfo>

#include "envelope.hpp"
#include "remote_lane.hpp"
#include "ringmail/runtime/scheduler.hpp"
#include "type_text.hpp"

namespace ringmail::runtime {
namespace {

std::string describe(const std::exception& exception) {
  return demangled(typeid(exception).name()).append(": ").append(exception.what());
}

}  // namespace

/// Null: this scheduler has ended, and the cell is gone.
ActorId Scheduler::place(std::unique_ptr<Cell> cell) {
  Cell* const placed = cell.get();
  placed->scheduler_ = this;
  const std::lock_guard lock(slots_mutex_);
  if (ended_) return {};
  std::uint32_t index = 0;
  if (free_slots_.empty()) {
    index = used_slots_++;
    assert(index < 1u << ActorId::slot_bits);
    if (index % chunk_slots == 0) chunks_[index / chunk_slots].store(new Slot[chunk_slots], std::memory_order_release);
  } else {
    index = free_slots_.back();
    free_slots_.pop_back();
  }
  Slot& slot = chunks_[index / chunk_slots].load(std::memory_order_relaxed)[index % chunk_slots];
  const bool needs_credit = placed->bound_ != nullptr && placed->bound_->limit.needs_credit();
  ActorId id;
  // No actor may have the id that is nobody's.
  do {
    id = ActorId(index_, ++slot.generation, index, needs_credit);
  } while (!id);
  placed->id_ = id;
  group_->live_cells.fetch_add(1, std::memory_order_relaxed);
  // SYNC(slot): with the load in find(). Whoever learns the id learns it after this.
  slot.cell.store(cell.release(), std::memory_order_release);
  return id;
}

ActorId Scheduler::add(std::unique_ptr<Cell> cell) {
  Cell* const added = cell.get();
  const ActorId id = place(std::move(cell));
  if (!id) return {};
  if (current() == this) {
    make_ready(*added);
  } else {
    post([this, id] {
      // A message may have come first and have made it ready.
      Cell* started = find(id);
      if (started != nullptr && started->state_ == Cell::State::idle && !started->started_) make_ready(*started);
    });
  }
  return id;
}

/// Null also for one that will not be restarted.
Cell* Scheduler::find_lasting(ActorId id) const {
  Cell* const cell = find(id);
  return cell != nullptr && cell->state_ != Cell::State::closed ? cell : nullptr;
}

bool Scheduler::is_live(ActorId id) const {
  const std::lock_guard lock(slots_mutex_);
  const std::uint32_t index = id.slot();
  if (id.thread() != index_ || index >= used_slots_) return false;
  const Slot& slot = chunks_[index / chunk_slots].load(std::memory_order_relaxed)[index % chunk_slots];
  return slot.cell.load(std::memory_order_relaxed) != nullptr &&
         slot.generation % (1u << ActorId::generation_bits) == id.generation();
}

void Scheduler::deliver(Message& message) {
  Cell* cell = find(message.target);
  if (cell != nullptr && cell->state_ == Cell::State::idle && cell->started_) {
    execute(*cell, message);
  } else {
    deliver_later(message);
  }
}

/// Runs no handler.
void Scheduler::deliver_later(Message& message) {
  Cell* cell = find(message.target);
  if (cell == nullptr) {
    dead_letter(message, "there is no such actor");
  } else if (!hand_over(*cell, message)) {
    enqueue(*cell, message);
  }
}

/// To a handler that waits for a message of just this type. Not to one that waits no longer: it may have been told already
/// that its time is up, and the message then waits like any other.
bool Scheduler::hand_over_now(Cell& cell, Message& message) {
  for (Waiter* waiter = cell.waiter_; waiter != nullptr; waiter = waiter->next_of_cell) {
    if (waiter->wanted == nullptr || !waiter->waiting || !message_is(message, *waiter->wanted)) continue;
    ++counters_.messages;
    waiter->received_from = message.asker;
    message.take(*waiter->wanted, waiter->received);
    waiter->wanted = nullptr;
    wake(*waiter, Wake::ready);
    return true;
  }
  return false;
}

bool Scheduler::message_is(Message& message, const MessageType& type) {
  if (message.binding != nullptr) return message.binding->type == &type;
  if (!type.may_be(message.type, message.length)) return false;
  if (type.valid == nullptr) return true;
  message.copy_out();
  return type.valid(message.payload);
}

void Scheduler::enqueue(Cell& cell, Message& message) {
  const std::size_t bytes = message.binding != nullptr ? message.binding->type->size : message.length;
  Envelope* envelope = EnvelopePool::make(bytes);
  Message& kept = envelope->message;
  std::byte* const payload = kept.payload;
  kept = message;
  kept.ring = nullptr;
  kept.envelope = envelope;
  kept.payload = payload;
  if (message.binding != nullptr) {
    message.take(*message.binding->type, payload);
  } else {
    MessageType bytes_only;
    bytes_only.size = message.length;
    message.take(bytes_only, payload);
  }
  append(cell, *envelope);
}

/// A turn is what waited when it began, as far as the budget goes: what an actor sends to itself meanwhile has to wait for the
/// next one, and so keeps no neighbour waiting.
void Scheduler::begin_turn(Cell& cell) {
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
bool Scheduler::goes_on(Cell& cell) {
  if (turn_left_ <= 1) return false;
  --turn_left_;
  return !turn_.is_over(cell.pace_, budget_ns_, last_look_);
}

void Scheduler::make_next(Cell& cell) {
  cell.state_ = Cell::State::ready;
  cell.next_ready_ = first_ready_;
  if (first_ready_ == nullptr) last_ready_ = &cell;
  first_ready_ = &cell;
  backlog_ += cell.queued_;
  turn_goes_on_ = true;
}

/// One message of one cell.
void Scheduler::run_cell(Cell& cell) {
  if (!cell.started_) {
    execute_start(cell);
    return;
  }
  if (cell.stop_requested_ || cell.first_ == nullptr) {
    finish_turn(cell);
    return;
  }
  Message message = take_first(cell)->message;
  execute(cell, message);
}

/// A handler's turn: from here to finish_turn() other cells may run in between, on other stacks, if it suspends.
template <class Turn>
void Scheduler::turn(Cell& cell, const Asker& asker, Turn&& body) {
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
  finish_turn(cell);
}

/// The sender knew, where it knew the actor's class. Of what came from another process, or by a protocol, the actor's own table
/// knows.
const Binding* Scheduler::binding_for(const Cell& cell, const Message& message) const {
  if (cell.conduct_ != nullptr) [[unlikely]] {
    const Behaviour* behaviour = cell.conduct_->top();
    if (const Binding* binding = behaviour != nullptr ? behaviour->find(message) : nullptr) return binding;
  }
  const Binding* binding = message.binding;
  return binding != nullptr && binding->handler != nullptr ? binding : cell.find(message.type);
}

void Scheduler::execute(Cell& cell, Message& message) {
  const Binding* const binding = binding_for(cell, message);
  if (binding == nullptr || (binding != message.binding && !message_is(message, *binding->type))) {
    dead_letter(message, binding == nullptr ? "the actor has no handler for it" : "its bytes are not those of its type",
                transport::NoReply::no_handler);
    finish_turn(cell);
    return;
  }
  ++counters_.messages;
  turn(cell, message.asker, [&] {
    cell.handling_ = binding;
    binding->handler(cell, message);
    assert(message.is_taken());
  });
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
  turn(cell, {}, [&] {
    if (cell.supervised_) cell.make();
    cell.start();
    if (!cell.supervises_) tell_started(cell);
  });
}

void Scheduler::finish_turn(Cell& cell) {
  current_cell_ = nullptr;
  // A suspended handler may be a function of one of them.
  if (cell.conduct_ != nullptr && cell.waiter_ == nullptr) [[unlikely]]
    cell.conduct_->past.clear();
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

void Scheduler::dead_letter(Message& message, const char* why, transport::NoReply reason) {
  const Asker asker = message.asker;
  bury(message, why);
  refuse(asker, reason);
}

void Scheduler::bury(Message& message, const char* why) {
  ++counters_.dead_letters;
  if (on_dead_letter) on_dead_letter(message, why);
  message.discard();
}

}  // namespace ringmail::runtime

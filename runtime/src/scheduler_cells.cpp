// Cells: where they live, and how a message reaches one. Its turn stands in scheduler_turns.cpp, its end in scheduler_endings.cpp.
#include "scheduler_cells.hpp"

#include <algorithm>
#include <cassert>

#include "envelope.hpp"
#include "own_lanes.hpp"
#include "remote_lane.hpp"
#include "ringmail/runtime/scheduler.hpp"

namespace ringmail::runtime {

/// With slots_mutex_.
std::uint32_t Scheduler::take_slot() {
  if (!free_slots_.empty()) {
    const std::uint32_t index = free_slots_.back();
    free_slots_.pop_back();
    return index;
  }
  const std::uint32_t index = used_slots_++;
  assert(index < 1u << ActorId::slot_bits);
  if (index % chunk_slots == 0) {
    auto* const chunk = new Slot[chunk_slots];
    for (std::uint32_t i = 0; first_generation_ != 0 && i < chunk_slots; ++i) chunk[i].generation = first_generation_;
    chunks_[index / chunk_slots].store(chunk, std::memory_order_release);
  }
  return index;
}

/// On the scheduler's own thread.
std::uint32_t Scheduler::take_own_slot() {
  std::uint32_t count = own_slot_count_.load(std::memory_order_relaxed);
  if (count == 0) {
    const std::lock_guard lock(slots_mutex_);
    while (count < own_slots_.size()) own_slots_[count++] = take_slot();
  }
  own_slot_count_.store(--count, std::memory_order_relaxed);
  return own_slots_[count];
}

/// With slots_mutex_.
std::uint32_t Scheduler::live_slots() const {
  return used_slots_ - static_cast<std::uint32_t>(free_slots_.size()) - own_slot_count_.load(std::memory_order_relaxed);
}

/// Before the cell can end. Where actors come and go on their own scheduler that takes no atomic.
void Scheduler::take_life(bool is_own) {
  if (is_own && kept_lives_ != 0) {
    --kept_lives_;
  } else {
    group_->live_cells.fetch_add(1, std::memory_order_relaxed);
  }
}

void Scheduler::give_back_lives(std::uint64_t lives) {
  if (lives == 0) return;
  // Release: what the cells have sent comes before they have ended. With is_done().
  const bool were_last = group_->live_cells.fetch_sub(lives, std::memory_order_acq_rel) == lives;
  if (were_last && stopping_ && group_->on_empty) group_->on_empty();
}

/// Null: this scheduler has ended, and the cell is gone.
ActorId Scheduler::place(std::unique_ptr<Cell> cell) {
  Cell* const placed = cell.get();
  placed->scheduler_ = this;
  // Only on its own thread does it end, and then that makes no actors.
  std::unique_lock lock(slots_mutex_, std::defer_lock);
  const bool is_own = current() == this;
  if (!is_own) {
    lock.lock();
    if (ended_) return {};
  }
  const std::uint32_t index = is_own ? take_own_slot() : take_slot();
  const std::uint32_t lane = placed->own_lane_ && own_lanes_ != nullptr ? own_lanes_->take(index_) : 0;
  Slot& slot = chunks_[index / chunk_slots].load(std::memory_order_relaxed)[index % chunk_slots];
  const bool needs_credit = placed->bound_ != nullptr && placed->bound_->limit.needs_credit();
  ActorId id;
  // No actor may have the id that is nobody's.
  do {
    id = ActorId(index_, ++slot.generation, index, needs_credit, lane);
  } while (!id);
  placed->id_ = id;
  take_life(is_own);
  // SYNC(slot): with the load in find(), and with those of whoever goes through all slots. Whoever learns the id learns it after
  // this.
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
  const Cell* const cell = slot.cell.load(std::memory_order_acquire);  // SYNC(slot)
  return cell != nullptr && cell->id_ == id;
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
    if (simulator_ != nullptr) [[unlikely]]
      note_handled(cell, waiter->wanted);
    waiter->received_from = message.asker;
    note_received(cell, message);
    message.take(*waiter->wanted, waiter->received);
    waiter->wanted = nullptr;
    wake(*waiter, Wake::ready);
    return true;
  }
  return false;
}

bool Scheduler::message_is(Message& message, const MessageType& type) {
  if (message.binding != nullptr) {
    const MessageType& is = *message.binding->type;
    // With a body and without it is the same message: take() makes the one of the other.
    return &is == &type || (is.id != 0 && is.id == type.id && is.may_have_body() != type.may_have_body());
  }
  if (!type.may_be(message.type, message.length)) return false;
  if (type.valid == nullptr) return true;
  message.copy_out();
  return type.valid(message.payload, message.length);
}

void Scheduler::enqueue(Cell& cell, Message& message) {
  if (message.envelope != nullptr && &message.envelope->message == &message) {
    append(cell, *message.envelope);
    return;
  }
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

void Scheduler::dead_letter(Message& message, const char* why, transport::NoReply reason) {
  const Asker asker = message.asker;
  bury(message, why);
  refuse(asker, reason);
}

void Scheduler::bury(Message& message, const char* why) {
  ++counters_.dead_letters;
  if (on_dead_letter) on_dead_letter(message, why);
  const std::uint32_t link = message.asker.address.link;
  const Receipt receipt = message.receipt();
  message.discard();
  if (receipt.number != 0) [[unlikely]]
    finish(link, receipt);
}

}  // namespace ringmail::runtime

// What every message to a cell goes through, inline: a call costs as much as what it would do.
#pragma once

#include <cassert>
#include <utility>

#include "envelope.hpp"
#include "ringmail/runtime/scheduler.hpp"

namespace ringmail::runtime {

/// So many messages may wait at actors that could run before the rings are left alone, and a handler that sends on and on steps
/// aside.
inline constexpr std::uint64_t most_backlog = 1024;

inline Cell* Scheduler::find(ActorId id) const {
  const std::uint32_t index = id.slot();
  const Slot* slots = chunks_[index / chunk_slots].load(std::memory_order_acquire);
  if (slots == nullptr) return nullptr;
  Cell* cell = slots[index % chunk_slots].cell.load(std::memory_order_acquire);  // SYNC(slot)
  return cell != nullptr && cell->id_ == id ? cell : nullptr;
}

inline void Scheduler::append(Cell& cell, Envelope& envelope) {
  if (cell.bound_ != nullptr && !admit(cell, envelope.message)) [[unlikely]]
    return;
  (cell.first_ == nullptr ? cell.first_ : cell.last_->next) = &envelope;
  cell.last_ = &envelope;
  ++cell.queued_;
  if (cell.state_ == Cell::State::ready) {
    ++backlog_;
  } else if (cell.state_ == Cell::State::idle) {
    make_ready(cell);
  } else if (cell.state_ >= Cell::State::ending && !cell.waits_for_next_life()) [[unlikely]] {
    discard_mail(cell);
  }
}

inline Envelope* Scheduler::take_first(Cell& cell) {
  Envelope* envelope = cell.first_;
  cell.first_ = std::exchange(envelope->next, nullptr);
  if (cell.first_ == nullptr) cell.last_ = nullptr;
  --cell.queued_;
  return envelope;
}

inline void Scheduler::make_ready(Cell& cell) {
  assert(cell.state_ != Cell::State::ready && cell.state_ != Cell::State::suspended);
  cell.state_ = Cell::State::ready;
  cell.next_ready_ = nullptr;
  (first_ready_ == nullptr ? first_ready_ : last_ready_->next_ready_) = &cell;
  last_ready_ = &cell;
  backlog_ += cell.queued_;
}

inline bool Scheduler::hand_over(Cell& cell, Message& message) {
  return cell.waiter_ != nullptr && hand_over_now(cell, message);
}

}  // namespace ringmail::runtime

// The actor that runs changes what it does: puts on and takes off behaviours, puts mail aside and takes it back.
#include <cassert>

#include "envelope.hpp"
#include "ringmail/runtime/scheduler.hpp"

namespace ringmail::runtime {

Conduct& Scheduler::conduct() {
  assert(current_cell_ != nullptr && "only a handler can change what its actor does");
  if (current_cell_->conduct_ == nullptr) current_cell_->conduct_ = std::make_unique<Conduct>();
  return *current_cell_->conduct_;
}

void Scheduler::become(std::unique_ptr<Behaviour> behaviour) {
  unbecome();
  become_stacked(std::move(behaviour));
}

void Scheduler::become_stacked(std::unique_ptr<Behaviour> behaviour) {
  conduct().stack.push_back(std::move(behaviour));
}

void Scheduler::unbecome() {
  Conduct& conduct = this->conduct();
  if (conduct.stack.empty()) return;
  conduct.past.push_back(std::move(conduct.stack.back()));
  conduct.stack.pop_back();
}

bool Scheduler::can_stash(std::size_t capacity) { return conduct().stashed < capacity; }

void Scheduler::stash(const MessageType& type, void* object) {
  Conduct& conduct = this->conduct();
  Cell& cell = *current_cell_;
  assert(cell.handling_ != nullptr && cell.handling_->type == &type &&
         "only the message that is being handled is stashed");
  Envelope* envelope = EnvelopePool::make(type.size);
  Message& message = envelope->message;
  message.binding = cell.handling_;
  message.type = type.id;
  message.target = cell.id_;
  // Who asked goes on waiting.
  message.asker = cell.take_asker();
  type.relocate(message.payload, object);
  (conduct.first_stashed == nullptr ? conduct.first_stashed : conduct.last_stashed->next) = envelope;
  conduct.last_stashed = envelope;
  ++conduct.stashed;
  // It will be delivered once more.
  --counters_.messages;
}

/// Before all else that waits, in the order in which it was put aside.
void Scheduler::unstash() {
  Cell& cell = *current_cell_;
  Conduct& conduct = this->conduct();
  if (conduct.stashed == 0) return;
  conduct.last_stashed->next = cell.first_;
  if (cell.first_ == nullptr) cell.last_ = conduct.last_stashed;
  cell.first_ = conduct.first_stashed;
  // A running cell has no share in the backlog.
  cell.queued_ += static_cast<std::uint32_t>(conduct.stashed);
  conduct.first_stashed = conduct.last_stashed = nullptr;
  conduct.stashed = 0;
}

}  // namespace ringmail::runtime

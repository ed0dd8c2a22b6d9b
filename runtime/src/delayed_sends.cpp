#include "delayed_sends.hpp"

#include "envelope.hpp"
#include "scheduler_cells.hpp"

namespace ringmail::runtime {

SendTimer DelayedSends::add(DelayedSend&& send, void* object) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  send.sequence = ++last_sequence_;
  send.slot = slot;
  send.kept.emplace(*send.binding->type, object);
  slots_[slot] = std::move(send);
  return {.slot = slot, .sequence = last_sequence_};
}

DelayedSend* DelayedSends::find(SendTimer timer) {
  if (timer.slot >= slots_.size()) return nullptr;
  DelayedSend& send = slots_[timer.slot];
  return send.kept && send.sequence == timer.sequence ? &send : nullptr;
}

void DelayedSends::drop(DelayedSend& send) {
  free_.push_back(send.slot);
  send = {};
}

// --- Of a scheduler

SendTimer Scheduler::send_later(const Address& to,
                                const Binding& binding,
                                void* object,
                                std::uint64_t delay_ns,
                                std::uint64_t period_ns,
                                CopyObject copy) {
  const std::uint64_t deadline_ns = now_ns() + delay_ns;
  const SendTimer timer = delayed_->add({.owner = current_cell_->id_,
                                         .life = current_cell_->life_,
                                         .to = to,
                                         .binding = &binding,
                                         .copy = copy,
                                         .deadline_ns = deadline_ns,
                                         .period_ns = period_ns},
                                        object);
  start(delayed_->at(timer.slot));
  return timer;
}

void Scheduler::start(DelayedSend& send) {
  send.timer =
      timers_.add(send.deadline_ns, {.function =
                                         [](void* self, std::uint64_t slot) {
                                           auto& scheduler = *static_cast<Scheduler*>(self);
                                           scheduler.send_due(scheduler.delayed_->at(static_cast<std::uint32_t>(slot)));
                                         },
                                     .context = this,
                                     .argument = send.slot});
}

bool Scheduler::cancel(SendTimer timer) {
  DelayedSend* send = delayed_->find(timer);
  if (send == nullptr) return false;
  timers_.cancel(send->timer);
  delayed_->drop(*send);
  return true;
}

/// From nobody: this is no handler, so what finds no room waits for it in the lane and not here.
void Scheduler::send_due(DelayedSend& send) {
  if (const Cell* owner = find(send.owner); owner == nullptr || owner->life_ != send.life) {
    delayed_->drop(send);
    return;
  }
  const auto send_now = [&](void* object) {
    const auto sent = this->send(send.to, *send.binding, object, no_deadline);
    if (sent || sent.error() != SendError::full || !send.to.is_local()) return;
    ++counters_.sent;
    Message message{.binding = send.binding,
                    .length = send.binding->type->size,
                    .type = send.binding->type->id,
                    .asker = {},
                    .target = send.to.actor};
    bury(message, "the actor's mailbox is full");
  };
  if (send.period_ns == 0) {
    send.kept->hand_to(send_now);
    delayed_->drop(send);
    return;
  }
  // One object a period. Periods that were missed are not made up for.
  Envelope* copy = EnvelopePool::make(send.binding->type->size);
  send.copy(copy->message.payload, send.kept->object());
  send_now(copy->message.payload);
  EnvelopePool::free(copy);
  const std::uint64_t now = now_ns();
  send.deadline_ns += send.period_ns;
  if (send.deadline_ns <= now) send.deadline_ns = now + send.period_ns;
  start(send);
}

}  // namespace ringmail::runtime

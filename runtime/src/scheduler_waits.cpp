// Suspending a handler, and going on with it.
#include <cassert>

#include "ask_table.hpp"
#include "envelope.hpp"
#include "remote_lane.hpp"
#include "ringmail/runtime/scheduler.hpp"

namespace ringmail::runtime {

Wake Scheduler::wait(Waiter& waiter, Deadline deadline) {
  Cell* const cell = current_cell_;
  assert(cell != nullptr && "only a handler can wait");
  if (cell->stop_requested_) return Wake::stopped;
  // What the handler has sent so far belongs to this turn, which ends here.
  publish_dirty();
  const std::uint64_t deadline_ns = deadline.at_ns();
  waiter.fiber = fibers_.current();
  waiter.cell = cell;
  waiter.waiting = true;
  const Asker asker = cell->asker_;
  TimerId timer;
  if (deadline_ns != no_deadline) {
    timer = timers_.add(deadline_ns, {.function =
                                          [](void* context, std::uint64_t) {
                                            auto& expired = *static_cast<Waiter*>(context);
                                            expired.cell->scheduler().wake(expired, Wake::timed_out);
                                          },
                                      .context = &waiter});
  }
  cell->state_ = Cell::State::suspended;
  cell->waiter_ = &waiter;
  current_cell_ = nullptr;
  const bool suspended = fibers_.suspend().has_value();
  waiter.waiting = false;
  // Here again, on the same stack; the loop may now be upon another.
  current_cell_ = cell;
  cell->waiter_ = nullptr;
  cell->state_ = Cell::State::running;
  cell->asker_ = asker;
  if (deadline_ns != no_deadline) timers_.cancel(timer);
  return suspended ? waiter.result : Wake::no_stack;
}

void Scheduler::wake(Waiter& waiter, Wake result) {
  if (!waiter.waiting) return;
  waiter.waiting = false;
  waiter.result = result;
  waiter.next_resumable = nullptr;
  (first_resumable_ == nullptr ? first_resumable_ : last_resumable_->next_resumable) = &waiter;
  last_resumable_ = &waiter;
}

Wake Scheduler::sleep_until(Deadline deadline) {
  Waiter waiter;
  const Wake woken = wait(waiter, deadline);
  return woken == Wake::timed_out ? Wake::ready : woken;
}

Wake Scheduler::receive(const MessageType& type, void* to, Asker& from, Deadline deadline) {
  Cell* const cell = current_cell_;
  for (Envelope* previous = nullptr; Envelope* envelope = previous == nullptr ? cell->first_ : previous->next;
       previous = envelope) {
    if (!message_is(envelope->message, type)) continue;
    (previous == nullptr ? cell->first_ : previous->next) = envelope->next;
    if (cell->last_ == envelope) cell->last_ = previous;
    --cell->queued_;
    ++counters_.messages;
    Message message = envelope->message;
    from = message.asker;
    message.take(type, to);
    return Wake::ready;
  }
  Waiter waiter;
  waiter.wanted = &type;
  waiter.received = to;
  const Wake woken = wait(waiter, deadline);
  from = waiter.received_from;
  // The message may have come in the same turn as the time-out.
  return waiter.wanted == nullptr ? Wake::ready : woken;
}

std::expected<void, AskError> Scheduler::ask(const Address& to,
                                             const Binding& binding,
                                             void* object,
                                             const MessageType& reply_type,
                                             void* reply,
                                             Deadline deadline) {
  PendingAsk pending(*asks_, to, reply_type, reply);
  const auto sent = send(to, binding, object, pending.correlation, deadline);
  if (!sent) {
    return std::unexpected(sent.error() == SendError::unreachable ? AskError::unreachable
                           : sent.error() == SendError::stopped   ? AskError::stopped
                           : sent.error() == SendError::full      ? AskError::full
                                                                  : AskError::wrong_type);
  }
  if (const RemoteLane* lane = to.is_local() ? nullptr : lane_of(to.link)) pending.incarnation = lane->incarnation;
  Wake woken = Wake::ready;
  // An actor of this scheduler that has ended refuses at once.
  if (!pending.is_settled()) woken = wait(pending.waiter, deadline);
  // The answer may have come in the same turn as the time-out.
  if (pending.answered) return {};
  return std::unexpected(woken == Wake::stopped ? AskError::stopped : pending.error);
}

/// Who waits for this answer. Null: nobody, or he has it already.
PendingAsk* Scheduler::asked(std::uint32_t correlation, std::uint32_t link) const {
  PendingAsk* ask = asks_->find(correlation);
  return ask != nullptr && ask->asked.link == link && !ask->is_settled() ? ask : nullptr;
}

void Scheduler::complete(std::uint32_t correlation, std::uint32_t link, const MessageType& type, void* object) {
  PendingAsk* ask = asked(correlation, link);
  if (ask == nullptr) {
    // Too late, or nobody asked: it goes nowhere.
    if (type.destroy != nullptr) type.destroy(object);
    return;
  }
  if (&type == ask->reply_type) {
    type.relocate(ask->reply, object);
    ask->answered = true;
  } else {
    if (type.destroy != nullptr) type.destroy(object);
    ask->error = AskError::wrong_type;
  }
  wake(ask->waiter, Wake::ready);
}

void Scheduler::complete_wire(std::uint32_t correlation, std::uint32_t link, const transport::Frame& frame) {
  PendingAsk* ask = asked(correlation, link);
  if (ask == nullptr) return;
  const MessageType& type = *ask->reply_type;
  if (type.may_be(frame.head.type, frame.length)) {
    // Copied before it is looked at: who wrote it may write on.
    std::memcpy(ask->reply, frame.payload, frame.length);
    ask->answered = type.valid == nullptr || type.valid(static_cast<const std::byte*>(ask->reply));
  }
  if (!ask->answered) ask->error = AskError::wrong_type;
  wake(ask->waiter, Wake::ready);
}

void Scheduler::complete_refused(std::uint32_t correlation, std::uint32_t link, AskError error) {
  PendingAsk* ask = asked(correlation, link);
  if (ask == nullptr) return;
  ask->error = error;
  wake(ask->waiter, Wake::ready);
}

}  // namespace ringmail::runtime

// Suspending a handler, and going on with it.
#include <cassert>

#include "envelope.hpp"
#include "fiber_switch.hpp"
#include "ringmail/runtime/scheduler.hpp"

namespace ringmail::runtime {

/// Its handler goes on.
inline void Scheduler::step_forward(Cell& cell, Waiter& waiter) {
  Waiter** place = &cell.waiter_;
  while (*place != &waiter) place = &(*place)->next_of_cell;
  *place = waiter.next_of_cell;
  waiter.next_of_cell = nullptr;
  if (cell.state_ == Cell::State::ready) {
    cell.in_line_ = true;
    backlog_ -= cell.queued_;
  }
  cell.state_ = Cell::State::running;
}

/// Until somebody resumes its fiber. False: there is no stack for the loop.
[[gnu::always_inline]] inline bool Scheduler::suspend(Waiter& waiter) {
  Cell* const cell = current_cell_;
  if (cell->bound_ != nullptr) [[unlikely]]
    offer_room(*cell, Offer::all);
  // What the handler has sent so far belongs to this turn, which ends here.
  publish_dirty();
  waiter.fiber = fibers_.current();
  waiter.cell = cell;
  const Asker asker = cell->asker_;
  const Binding* const handling = cell->handling_;
  Waiter** last = &cell->waiter_;
  while (*last != nullptr) last = &(*last)->next_of_cell;
  *last = &waiter;
  // Not in its start: what comes before it has started waits.
  if (cell->reentrant_ && handling != nullptr && (!cell->stop_requested_ || cell->in_line_)) {
    step_back(*cell);
  } else {
    cell->state_ = Cell::State::suspended;
  }
  current_cell_ = nullptr;
  const bool suspended = fibers_.suspend_now().has_value();
  // Here again, on the same stack; the loop may now be upon another.
  current_cell_ = cell;
  mark_turn(*cell);
  step_forward(*cell, waiter);
  cell->asker_ = asker;
  cell->handling_ = handling;
  return suspended;
}

Wake Scheduler::wait(Waiter& waiter, Deadline deadline) {
  Cell* const cell = current_cell_;
  assert(cell != nullptr && "only a handler can wait");
  if (told_to_stop() && !waiter.until_done) return Wake::stopped;
  // First: the clock and the timer take their time while what was sent is under way.
  publish_dirty();
  const std::uint64_t deadline_ns = deadline.at_ns();
  waiter.cell = cell;
  waiter.waiting = true;
  waiter.deadline_ns = deadline_ns;
  TimerId timer;
  if (deadline_ns != no_deadline) {
    timer = timers_.add(deadline_ns, {.function =
                                          [](void* context, std::uint64_t) {
                                            auto& expired = *static_cast<Waiter*>(context);
                                            expired.cell->scheduler().wake(expired, Wake::timed_out);
                                          },
                                      .context = &waiter});
  }
  const bool suspended = suspend(waiter);
  waiter.waiting = false;
  if (deadline_ns != no_deadline) timers_.cancel(timer);
  return suspended ? waiter.result : Wake::no_stack;
}

bool Scheduler::told_to_stop() const { return current_cell_->stop_requested_; }

Wake Scheduler::yield() {
  Cell* const cell = current_cell_;
  assert(cell != nullptr && "only a handler can wait");
  // Not `waiting`: that it goes on is settled, and a stop changes nothing about it. Who was told to stop yields, too: he may go on
  // for as long as he likes, but not keep his neighbours from running.
  Waiter waiter;
  Waiter* const before = last_yielded_;
  (before == nullptr ? first_yielded_ : before->next_resumable) = &waiter;
  last_yielded_ = &waiter;
  if (suspend(waiter)) return cell->stop_requested_ ? Wake::stopped : Wake::ready;
  last_yielded_ = before;
  (before == nullptr ? first_yielded_ : before->next_resumable) = nullptr;
  return Wake::no_stack;
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
  waiter.what = WaitFor::time;
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
    if (simulator_ != nullptr) [[unlikely]]
      note_handled(*cell, &type);
    Message message = envelope->message;
    from = message.asker;
    note_received(*cell, message);
    message.take(type, to);
    return Wake::ready;
  }
  Waiter waiter;
  waiter.what = WaitFor::message;
  waiter.wanted = &type;
  waiter.received = to;
  const Wake woken = wait(waiter, deadline);
  from = waiter.received_from;
  // The message may have come in the same turn as the time-out.
  return waiter.wanted == nullptr ? Wake::ready : woken;
}

}  // namespace ringmail::runtime

#include "ringmail/runtime/io_allowance.hpp"

#include <cassert>

#include "io_hub.hpp"
#include "ringmail/runtime/scheduler.hpp"
#include "ringmail/runtime/system.hpp"

namespace ringmail::runtime {

IoAllowance::IoAllowance(Scheduler& home, std::shared_ptr<IoHub> hub, std::uint32_t count)
    : home_(home), hub_(std::move(hub)), left_(count) {}

std::shared_ptr<IoAllowance> IoAllowance::create(std::uint32_t count) {
  Scheduler* const home = Scheduler::current();
  assert(home != nullptr && home->current_cell() != nullptr && count > 0);
  return std::shared_ptr<IoAllowance>(new IoAllowance(*home, home->system()->io(), count));
}

IoCredit IoAllowance::take() {
  // Only this handler takes, so what is there stays there. Relaxed: nothing is read on the strength of a credit.
  while (left_.load(std::memory_order_relaxed) == 0) {
    Waiter waiter;
    waiter_ = &waiter;
    const Wake woken = home_.wait(waiter, Deadline::never);
    waiter_ = nullptr;
    if (woken != Wake::ready) return nullptr;
  }
  left_.fetch_sub(1, std::memory_order_relaxed);
  return IoCredit(static_cast<const void*>(this), [self = shared_from_this()](const void*) { self->give_back(); });
}

/// By way of the reactor, which knows whether the scheduler is still there.
void IoAllowance::give_back() {
  // Whoever ends the shortage says so. Who waits saw the 0 before this, and is woken by the task, which comes after it has begun
  // to wait, for it runs on that thread.
  if (left_.fetch_add(1, std::memory_order_relaxed) != 0) return;
  hub_->post([self = shared_from_this()] {
    self->home_.post([self] {
      if (self->waiter_ != nullptr) self->home_.wake(*self->waiter_, Wake::ready);
    });
  });
}

}  // namespace ringmail::runtime

// The loop and its phases, and what each does with the frames it finds.
#include "ringmail/runtime/scheduler.hpp"

#include <algorithm>
#include <cassert>

#include "ask_table.hpp"
#include "credits.hpp"
#include "delayed_sends.hpp"
#include "fiber_switch.hpp"
#include "local_ring.hpp"
#include "outlet.hpp"
#include "poll_set.hpp"
#include "remote_lane.hpp"
#include "ringmail/runtime/clock.hpp"
#include "scheduler_cells.hpp"

namespace ringmail::runtime {
namespace {

/// Turns of a busy loop between two looks at the clock, at most: fewer where turns are long.
constexpr std::uint32_t busy_turns_per_clock = 16;
constexpr std::uint64_t messages_per_clock = 64;

/// Turns of the loop between two polls of the cold rings, when it never sleeps.
constexpr std::uint32_t turns_per_cold_poll = 1 << 16;

/// For so many turns at most are the rings left alone, while `most_backlog` messages wait.
constexpr std::uint32_t most_turns_behind = 1024;

}  // namespace

Scheduler::Scheduler(std::uint32_t index,
                     transport::Bell& bell,
                     transport::Ordering ordering,
                     System* system,
                     const StackPoolOptions& stacks)
    : index_(index),
      bell_(bell),
      ordering_(ordering),
      system_(system),
      stacks_(stacks),
      fibers_(stacks_),
      parker_(bell, ordering),
      inlets_(std::make_unique<PollSet>(bell, ordering)),
      asks_(std::make_unique<AskTable>()),
      delayed_(std::make_unique<DelayedSends>()),
      credits_(std::make_unique<CreditTable>()),
      chunks_(std::make_unique<std::atomic<Slot*>[]>((1u << ActorId::slot_bits) / chunk_slots)) {}

Scheduler::~Scheduler() {
  for (std::uint32_t chunk = 0; chunk * chunk_slots < used_slots_; ++chunk) {
    Slot* slots = chunks_[chunk].load(std::memory_order_relaxed);
    // Only where run() never was.
    for (std::uint32_t slot = 0; slot < chunk_slots; ++slot) delete slots[slot].cell.load(std::memory_order_relaxed);
    delete[] slots;
  }
}

void Scheduler::run() {
  current_ = this;
  do {
    // No stack means that no thread could have been started either.
    const auto ran = fibers_.run([](void* self) { static_cast<Scheduler*>(self)->loop(); }, this);
    assert(ran);
    if (!ran) break;
  } while (!end());
  current_ = nullptr;
}

/// False where a cell was added since the loop looked last: it is to be run as well.
bool Scheduler::end() {
  const std::lock_guard lock(slots_mutex_);
  ended_ = live_slots() == 0;
  return ended_;
}

/// Keeps nothing in locals across a handler: one that suspends keeps this stack, and the loop goes on upon another. So each
/// phase that runs handlers says whether this stack still has the loop.
void Scheduler::loop() {
  while (!is_done()) {
    busy_ = false;
    resume_waiters();
    if (first_ready_ != nullptr && !run_ready()) return;
    if (!drain()) return;
    resume_yielded();
    resume_waiters();  // whose answers were in the rings
    expire_timers();
    flush();
    if (stepped_) return;
    if (busy_ || spin()) continue;
    park();
  }
  flush();
}

// --- run: handlers that may go on. Actors with waiting messages: scheduler_turns.cpp

inline void Scheduler::resume_waiters() {
  // Those that may go on only because of these have their turn later.
  Waiter* const last_waiter = last_resumable_;
  while (first_resumable_ != nullptr) {
    // It lies on the stack that is resumed.
    Waiter* waiter = std::exchange(first_resumable_, first_resumable_->next_resumable);
    if (first_resumable_ == nullptr) last_resumable_ = nullptr;
    busy_ = true;
    fibers_.resume_now(waiter->fiber);
    if (waiter == last_waiter) break;
  }
}

/// Everybody else has had a turn. Who yields again is in a list of its own by then, and has the next one.
inline void Scheduler::resume_yielded() {
  if (first_yielded_ == nullptr) return;
  (first_resumable_ == nullptr ? first_resumable_ : last_resumable_->next_resumable) = first_yielded_;
  last_resumable_ = last_yielded_;
  first_yielded_ = last_yielded_ = nullptr;
}

// --- drain: posted tasks, then every ring.

inline bool Scheduler::drain() {
  shown_backlog_.store(backlog_, std::memory_order_relaxed);  // who places actors may know an older one
  if (has_tasks_.load(std::memory_order_relaxed)) take_tasks();
  if (!drain_own_lanes()) return false;
  if (is_behind()) return true;
  inlets_->take_pending();
  if (++turns_ % turns_per_cold_poll == 0) inlets_->poll_cold();
  // Begins where the last turn left off, so that a handler that suspends costs the rings behind it no turn.
  for (std::size_t polled = inlets_->hot_count(); polled > 0 && inlets_->hot_count() > 0; --polled) {
    if (next_inlet_ >= inlets_->hot_count()) next_inlet_ = 0;
    Inlet& inlet = inlets_->hot(next_inlet_++);
    if (!drain(inlet) || !drain_own_lanes()) return false;
  }
  return true;
}

/// Between any two of the other rings, and also where those are left alone. As far as the budget of one ring goes, so that the
/// others have their turn as well.
inline bool Scheduler::drain_own_lanes() {
  // By number: a handler may have one more made.
  for (std::size_t i = 0; i < own_inlets_.size(); ++i) {
    if (!drain(*own_inlets_[i].inlet)) return false;
  }
  return true;
}

bool Scheduler::own_lane_waits() const {
  return std::ranges::any_of(own_inlets_, [](const OwnInlet& own) { return own.inlet->has_frame(); });
}

/// What the rings hold would only wait behind what waits already, and there its senders no longer feel that it waits. What waits
/// at a suspended actor does not count: the message that it waits for may be in a ring.
inline bool Scheduler::is_behind() {
  if (backlog_ < most_backlog || ++turns_behind_ == most_turns_behind) turns_behind_ = 0;
  return turns_behind_ != 0;
}

void Scheduler::take_tasks() {
  std::vector<MoveOnlyFunction<void()>> tasks;
  {
    const std::lock_guard lock(tasks_mutex_);
    tasks.swap(tasks_);
    has_tasks_.store(false, std::memory_order_relaxed);
  }
  busy_ = true;
  for (auto& task : tasks) task();
}

// --- timers

inline void Scheduler::expire_timers() {
  // The clock costs as much as a message. Whoever idles sees a deadline come; whoever is busy looks now and then.
  if (timers_.next_deadline_ns() == TimerQueue::never) return;
  if (!timers_due_ && ++turns_since_clock_ < turns_per_clock_ &&
      counters_.messages - messages_at_clock_ < messages_per_clock) {
    return;
  }
  turns_since_clock_ = 0;
  messages_at_clock_ = counters_.messages;
  timers_due_ = false;
  const std::uint64_t now = now_ns();
  // Where handlers are slow, the clock costs nothing beside them, and 16 of their turns are too long for a deadline.
  const bool was_long = now - std::exchange(last_clock_ns_, now) > budget_ns_;
  turns_per_clock_ = was_long ? 1 : std::min(2 * turns_per_clock_, busy_turns_per_clock);
  if (timers_.expire(now) != 0) busy_ = true;
}

// --- flush: what handlers left open, what waits for room, and the cursors of rings that a suspension left half drained.

void Scheduler::retry_crowded() {
  for (std::size_t i = 0; i < crowded_.size();) {
    Outlet& outlet = *crowded_[i];
    const bool had_overflow = !outlet.overflow.empty();
    retry_overflow(outlet);
    if (outlet.overflow.empty() && (had_overflow || outlet.may_have_room())) next_in_line(outlet);
    if (outlet.may_have_block()) next_for_body(outlet);
    if (outlet.is_crowded()) {
      ++i;
    } else {
      if (outlet.state == Outlet::State::open) outlet.ring->want_room(false);
      outlet.crowded = false;
      crowded_.erase(crowded_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  publish_dirty();
}

inline void Scheduler::flush() {
  if (credits_->has_to_give_back()) [[unlikely]]
    give_back_credits();
  publish_dirty();
  if (!crowded_.empty()) [[unlikely]]
    retry_crowded();
  for (std::size_t i = 0; i < inlets_->hot_count(); ++i) inlets_->hot(i).store_cursor();
  for (const OwnInlet& own : own_inlets_) own.inlet->store_cursor();
}

// --- spin, park

bool Scheduler::has_work() const {
  if (first_ready_ != nullptr || first_resumable_ != nullptr || has_tasks_.load(std::memory_order_seq_cst)) return true;
  if (inlets_->any_hot() || inlets_->has_pending() || own_lane_waits()) return true;
  for (const Outlet* outlet : crowded_) {
    if (outlet->may_have_room() || outlet->may_have_block()) return true;
  }
  return false;
}

bool Scheduler::spin() {
  timers_due_ = true;  // unless there is work first
  const std::uint64_t drained = counters_.messages - std::exchange(messages_at_spin_, counters_.messages);
  if (!spin_.spin([this] { return has_work(); }, drained, timers_.next_deadline_ns())) return false;
  timers_due_ = false;
  return true;
}

void Scheduler::park() {
  const std::uint64_t deadline_ns = timers_.next_deadline_ns();
  const std::uint64_t now = now_ns();
  if (deadline_ns <= now) return;
  const bool ordered_so_far = parker_.failed_barriers() == 0;
  const auto slept =
      parker_.park(deadline_ns - now, [this] { return has_work(); }, [this] { return inlets_->any_from_sleeper(); });
  if (ordered_so_far && parker_.failed_barriers() != 0 && on_failed_barrier) on_failed_barrier();
  if (slept == transport::SleepResult::timed_out) inlets_->poll_cold();
  spin_.observe();
}

void Scheduler::set_budget(const ActorBudget& budget) {
  budget_messages_ = std::max<std::uint32_t>(budget.messages, 1);
  budget_ns_ = budget.time.count() > 0 ? static_cast<std::uint64_t>(budget.time.count()) : 0;
}

void Scheduler::post(MoveOnlyFunction<void()> task) {
  {
    const std::lock_guard lock(tasks_mutex_);
    tasks_.push_back(std::move(task));
    // SYNC(park): before the load of the park word in wake(); with has_work(), called after the word says parked.
    has_tasks_.store(true, std::memory_order_seq_cst);
  }
  transport::wake(bell_);
}

void Scheduler::request_stop() {
  post([this] {
    stopping_ = true;
    give_back_lives(std::exchange(kept_lives_, 0));
    for (std::uint32_t slot = 0;; ++slot) {
      Cell* cell = nullptr;
      {
        const std::lock_guard lock(slots_mutex_);
        if (slot >= used_slots_) break;
        cell = chunks_[slot / chunk_slots].load(std::memory_order_relaxed)[slot % chunk_slots].cell.load(
            std::memory_order_acquire);  // SYNC(slot)
      }
      // One with a parent is stopped by it, in its order.
      if (cell != nullptr && !cell->parent_) request_stop(*cell);
    }
    // Whoever ended the last cell may not have known yet that all are to stop.
    if (is_done() && group_->on_empty) group_->on_empty();
  });
}

SchedulerCounters Scheduler::counters() const {
  SchedulerCounters counters = counters_;
  counters.sleeps = parker_.sleeps();
  counters.spins = spin_.spins();
  counters.lost_wakeups = parker_.lost_wakeups();
  counters.failed_barriers = parker_.failed_barriers();
  return counters;
}

}  // namespace ringmail::runtime

// The loop and its phases, and what each does with the frames it finds.
#include "ringmail/runtime/scheduler.hpp"

#include <cassert>

#include "ask_table.hpp"
#include "local_ring.hpp"
#include "outlet.hpp"
#include "poll_set.hpp"
#include "remote_lane.hpp"
#include "ringmail/runtime/clock.hpp"

namespace ringmail::runtime {
namespace {

thread_local Scheduler* current_scheduler = nullptr;

/// Frames taken from one ring before the next one's turn.
constexpr int frames_per_turn = 64;

/// Turns of a busy loop between two looks at the clock.
constexpr std::uint32_t busy_turns_per_clock = 16;

/// Turns of the loop between two polls of the cold rings, when it never sleeps.
constexpr std::uint32_t turns_per_cold_poll = 1 << 16;

}  // namespace

Scheduler::Scheduler(std::uint32_t index, transport::Bell& bell, System* system)
    : index_(index),
      bell_(bell),
      system_(system),
      fibers_(stacks_),
      parker_(bell),
      inlets_(std::make_unique<PollSet>(bell)),
      asks_(std::make_unique<AskTable>()),
      chunks_(std::make_unique<std::atomic<Slot*>[]>((1u << ActorId::slot_bits) / chunk_slots)) {}

Scheduler::~Scheduler() {
  for (std::uint32_t chunk = 0; chunk * chunk_slots < used_slots_; ++chunk) {
    Slot* slots = chunks_[chunk].load(std::memory_order_relaxed);
    for (std::uint32_t slot = 0; slot < chunk_slots; ++slot) delete slots[slot].cell.load(std::memory_order_relaxed);
    delete[] slots;
  }
}

Scheduler* Scheduler::current() { return current_scheduler; }

void Scheduler::run() {
  current_scheduler = this;
  // No stack means that no thread could have been started either.
  const auto ran = fibers_.run([](void* self) { static_cast<Scheduler*>(self)->loop(); }, this);
  assert(ran);
  static_cast<void>(ran);
  current_scheduler = nullptr;
}

/// Keeps nothing in locals across a handler: one that suspends keeps this stack, and the loop goes on upon another. So each
/// phase that runs handlers says whether this stack still has the loop.
void Scheduler::loop() {
  while (!(stopping_ && live_cells_.load(std::memory_order_acquire) == 0)) {
    busy_ = false;
    if (!run_ready()) return;
    if (!drain()) return;
    expire_timers();
    flush();
    if (busy_ || spin()) continue;
    park();
  }
  flush();
}

// --- run: actors with waiting messages, and handlers that may go on.

bool Scheduler::run_ready() {
  // Those that become ready meanwhile have their turn after the rings.
  for (std::size_t turns = resumable_.size(); turns > 0 && !resumable_.empty(); --turns) {
    Waiter* waiter = resumable_.front();
    resumable_.pop_front();
    busy_ = true;
    fibers_.resume(waiter->fiber);
  }
  Cell* const last = last_ready_;
  while (first_ready_ != nullptr) {
    Cell* cell = first_ready_;
    const bool was_last = cell == last;
    first_ready_ = cell->next_ready_;
    if (first_ready_ == nullptr) last_ready_ = nullptr;
    busy_ = true;
    run_cell(*cell);
    if (!fibers_.owns_loop()) return false;
    if (was_last) break;
  }
  return true;
}

// --- drain: posted tasks, then every ring.

bool Scheduler::drain() {
  take_tasks();
  inlets_->take_pending();
  if (++turns_ % turns_per_cold_poll == 0) inlets_->poll_cold();
  // Begins where the last turn left off, so that a handler that suspends costs the rings behind it no turn.
  for (std::size_t polled = inlets_->hot_count(); polled > 0 && inlets_->hot_count() > 0; --polled) {
    if (next_inlet_ >= inlets_->hot_count()) next_inlet_ = 0;
    Inlet& inlet = inlets_->hot(next_inlet_++);
    if (!drain(inlet)) return false;
  }
  return true;
}

bool Scheduler::drain(Inlet& inlet) {
  const transport::Frame* frame = inlet.ring->peek();
  if (frame == nullptr) {
    if (inlet.ring->fault() != transport::RingFault::none) [[unlikely]] {
      faulted(*inlet.lane);
    } else if (inlets_->note_quiet(inlet)) {
      --next_inlet_;  // the next one has moved here
    }
    return true;
  }
  busy_ = true;
  inlet.quiet_polls = 0;
  for (int frames = 0; frame != nullptr && frames < frames_per_turn; ++frames) {
    switch (inlet.source) {
      case Inlet::Source::local: take_local(inlet, *frame); break;
      case Inlet::Source::mail: take_remote(inlet, *frame); break;
      case Inlet::Source::control: take_remote_control(inlet, *frame); break;
    }
    if (!fibers_.owns_loop()) return false;
    if (inlet.ring->cursor_due()) store_cursor(inlet);
    frame = inlet.ring->peek();
  }
  store_cursor(inlet);
  return true;
}

void Scheduler::store_cursor(Inlet& inlet) {
  if (inlet.ring->store_cursor()) inlet.bell->ring();
}

void Scheduler::take_local(Inlet& inlet, const transport::Frame& frame) {
  if (frame.head.kind == transport::FrameKind::local_control) {
    take_local_control(inlet, frame);
    return;
  }
  // The ring's memory is this process's own, and the frame is the consumer's until it advances.
  std::byte* payload = const_cast<std::byte*>(frame.payload);
  const Binding* binding = nullptr;
  std::memcpy(&binding, payload, sizeof binding);
  Message message{.binding = binding,
                  .payload = payload + LocalPayload::object_offset(*binding->type),
                  .length = binding->type->size,
                  .type = binding->type->id,
                  .asker = {.address = {0, ActorId(frame.head.sender)}, .correlation = frame.head.correlation},
                  .target = ActorId(frame.head.target),
                  .ring = inlet.ring};
  deliver(message);
}

void Scheduler::take_local_control(Inlet& inlet, const transport::Frame& frame) {
  std::byte* payload = const_cast<std::byte*>(frame.payload);
  const transport::FrameHead head = frame.head;
  switch (static_cast<Operation>(head.type)) {
    case Operation::reply: {
      const MessageType* type = nullptr;
      std::memcpy(&type, payload, sizeof type);
      complete(head.correlation, 0, *type, payload + LocalPayload::object_offset(*type));
      break;
    }
    case Operation::refuse: complete_refused(head.correlation, 0, static_cast<AskError>(head.target)); break;
    case Operation::stop: {
      if (Cell* cell = find(ActorId(head.target))) request_stop(*cell);
      break;
    }
    case Operation::monitor: {
      const Binding* down = nullptr;
      std::memcpy(&down, payload, sizeof down);
      monitor({0, ActorId(head.target)}, ActorId(head.sender), *down);
      break;
    }
    case Operation::demonitor: demonitor({0, ActorId(head.target)}, ActorId(head.sender)); break;
  }
  inlet.ring->advance();
}

void Scheduler::take_tasks() {
  if (!has_tasks_.load(std::memory_order_relaxed)) return;
  std::vector<std::move_only_function<void()>> tasks;
  {
    const std::lock_guard lock(tasks_mutex_);
    tasks.swap(tasks_);
    has_tasks_.store(false, std::memory_order_relaxed);
  }
  busy_ = true;
  for (auto& task : tasks) task();
}

// --- timers

void Scheduler::expire_timers() {
  // The clock costs as much as a message. Whoever idles sees a deadline come; whoever is busy looks now and then.
  if (timers_.next_deadline_ns() == TimerQueue::never) return;
  if (!timers_due_ && ++turns_since_clock_ < busy_turns_per_clock) return;
  turns_since_clock_ = 0;
  timers_due_ = false;
  if (timers_.expire(now_ns()) != 0) busy_ = true;
}

// --- flush: what handlers left open, what waits for room, and the cursors of rings that a suspension left half drained.

void Scheduler::flush() {
  publish_dirty();
  for (std::size_t i = 0; i < crowded_.size();) {
    Outlet& outlet = *crowded_[i];
    retry_overflow(outlet);
    if (outlet.first != nullptr && outlet.overflow.empty() && outlet.ring->cursor_moved()) {
      busy_ = true;
      wake_room_waiters(outlet, Wake::ready);
    }
    if (outlet.is_crowded()) {
      ++i;
    } else {
      outlet.ring->want_room(false);
      outlet.crowded = false;
      crowded_.erase(crowded_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  publish_dirty();
  for (std::size_t i = 0; i < inlets_->hot_count(); ++i) store_cursor(inlets_->hot(i));
}

// --- spin, park

bool Scheduler::has_work() const {
  if (first_ready_ != nullptr || !resumable_.empty() || has_tasks_.load(std::memory_order_seq_cst)) return true;
  if (inlets_->any_hot() || inlets_->has_pending()) return true;
  for (const Outlet* outlet : crowded_) {
    if (outlet->ring->cursor_moved()) return true;
  }
  return false;
}

bool Scheduler::spin() {
  timers_due_ = true;  // unless there is work first
  if (!spin_.spin([this] { return has_work(); }, timers_.next_deadline_ns())) return false;
  timers_due_ = false;
  return true;
}

void Scheduler::park() {
  const std::uint64_t deadline_ns = timers_.next_deadline_ns();
  const std::uint64_t now = now_ns();
  if (deadline_ns <= now) return;
  const auto slept = parker_.park(deadline_ns - now, [this] { return has_work(); });
  if (slept == transport::SleepResult::timed_out) inlets_->poll_cold();
  spin_.observe();
}

void Scheduler::post(std::move_only_function<void()> task) {
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
    for (std::uint32_t slot = 0;; ++slot) {
      Cell* cell = nullptr;
      {
        const std::lock_guard lock(slots_mutex_);
        if (slot >= used_slots_) break;
        cell = chunks_[slot / chunk_slots].load(std::memory_order_relaxed)[slot % chunk_slots].cell.load(
            std::memory_order_relaxed);
      }
      if (cell != nullptr) request_stop(*cell);
    }
  });
}

SchedulerCounters Scheduler::counters() const {
  SchedulerCounters counters = counters_;
  counters.sleeps = parker_.sleeps();
  counters.lost_wakeups = parker_.lost_wakeups();
  return counters;
}

void Scheduler::connect_from(LocalRing& ring, transport::Bell& sender) {
  auto& own = local_inlets_.emplace_back(std::make_unique<LocalInlet>(ring.consumer(), sender));
  inlets_->add(*own);
}

void Scheduler::connect_to(std::uint32_t target, LocalRing& ring, transport::Bell& bell) {
  if (outlets_.size() <= target) outlets_.resize(target + 1);
  outlets_[target] = std::make_unique<LocalOutlet>(ring.producer(), bell);
}

}  // namespace ringmail::runtime

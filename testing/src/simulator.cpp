#include "simulator.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "peers.hpp"
#include "ringmail/runtime/cell.hpp"
#include "ringmail/runtime/clock.hpp"

namespace ringmail::testing {

using runtime::Scheduler;

namespace {

/// What is said of one run is not said a thousand times.
constexpr std::size_t most_problems = 16;

}  // namespace

Simulator::Simulator(const SimulationOptions& given)
    : options(given), faults(given.faults), own_random(~given.seed), trace(given.keep_trace), random_(given.seed) {
  assert(runtime::simulated_clock_ns == nullptr && "one simulation a thread at a time");
  runtime::simulated_clock_ns = &clock_ns_;
}

Simulator::~Simulator() { runtime::simulated_clock_ns = nullptr; }

std::unique_ptr<runtime::PeerKeeper> Simulator::attach(runtime::System& system, runtime::LinkOwner& links) {
  system_ = &system;
  for (std::uint32_t i = 0; i < system.schedulers(); ++i) {
    Scheduler& scheduler = system.scheduler(i);
    seats_.push_back({.scheduler = &scheduler,
                      .held_until_ns = std::vector<std::uint64_t>(system.schedulers(), 0),
                      .has_come = std::vector<bool>(system.schedulers(), false)});
    scheduler.tell(this);
    scheduler.on_exit = [this, i, before = std::move(scheduler.on_exit)](
                            runtime::ActorId id, const runtime::ExitReason& reason, bool for_good) {
      trace.add({.time = now(), .scheduler = i, .what = TraceEntry::What::ended, .actor = id, .type = {}});
      if (before) before(id, reason, for_good);
    };
    scheduler.on_dead_letter = [this, i, before = std::move(scheduler.on_dead_letter)](const runtime::Message& message,
                                                                                       const char* why) {
      trace.add({.time = now(),
                 .scheduler = i,
                 .what = TraceEntry::What::dead_letter,
                 .actor = message.target,
                 .type = message.binding != nullptr ? message.binding->type->name : std::string_view()});
      if (before) before(message, why);
    };
  }
  return std::make_unique<Peers>(*this, links);
}

void Simulator::handled(const Scheduler& scheduler, const runtime::Cell& cell, const runtime::MessageType* type) {
  using What = TraceEntry::What;
  trace.add({.time = now(),
             .scheduler = scheduler.index(),
             .what = type != nullptr ? What::handled : What::started,
             .actor = cell.id(),
             .type = type != nullptr ? type->name : std::string_view(cell.class_name())});
}

// --- Who goes next

bool Simulator::can_run(const Seat& seat) const {
  if (seat.ended) return false;
  return !seat.lies || seat.scheduler->is_rung() || seat.scheduler->next_deadline_ns() <= clock_ns_;
}

/// False: it is nobody's turn until the clock moves.
bool Simulator::step() {
  runnable_.clear();
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    if (can_run(seats_[i])) runnable_.push_back(i);
  }
  if (!tasks_.empty()) runnable_.push_back(seats_.size());
  if (peers != nullptr && peers->can_run()) runnable_.push_back(seats_.size() + 1);
  if (runnable_.empty()) return false;
  const std::size_t chosen = runnable_[random_.below(runnable_.size())];
  if (chosen == seats_.size()) {
    const auto task = std::move(tasks_.front());
    tasks_.erase(tasks_.begin());
    task();
  } else if (chosen > seats_.size()) {
    peers->run();
  } else {
    take_turn(seats_[chosen]);
  }
  look_for_sleepers();
  if (const auto most = options.turn_time.count(); most > 0) {
    clock_ns_ += random_.below(static_cast<std::uint64_t>(most) + 1);
    release();
  }
  return true;
}

void Simulator::take_turn(Seat& seat) {
  Scheduler& scheduler = *seat.scheduler;
  if (std::exchange(seat.lies, false)) scheduler.get_up();
  delay_rings(seat);
  // Where a turn ends is as much left to chance as whose it is.
  constexpr std::uint32_t frames[] = {1, 1, 2, 5, 64};
  constexpr std::uint32_t messages[] = {1, 2, 64};
  scheduler.set_budget({.messages = messages[random_.below(std::size(messages))]});
  switch (scheduler.run_turn(frames[random_.below(std::size(frames))])) {
    case Scheduler::TurnEnd::ended: seat.ended = true; break;
    case Scheduler::TurnEnd::busy: break;
    case Scheduler::TurnEnd::idle:
      // It would have looked a few times more before it sleeps.
      if (random_.below(2) == 0) seat.lies = scheduler.lie_down();
      break;
  }
  if (!fragile.empty() && random_.chance(faults.failure)) {
    fail(fragile[random_.below(fragile.size())], "an injected failure");
  }
}

void Simulator::fail(runtime::ActorId actor, std::string why) {
  if (actor.thread() >= seats_.size()) return;
  Scheduler& scheduler = *seats_[actor.thread()].scheduler;
  scheduler.post([&scheduler, actor, why = std::move(why)] {
    scheduler.crash(actor, {.kind = runtime::ExitReason::Kind::failed, .text = why});
  });
}

void Simulator::delay_rings(Seat& seat) {
  if (faults.delay <= 0) return;
  const auto longest = static_cast<std::uint64_t>(std::max<std::int64_t>(faults.longest_delay.count(), 1));
  for (std::uint32_t from = 0; from < seats_.size(); ++from) {
    if (from == seat.scheduler->index() || seat.held_until_ns[from] != 0) continue;
    // Once, or a delay of every ring at every turn would be for ever.
    if (seat.has_come[from]) {
      seat.has_come[from] = false;
      continue;
    }
    if (!random_.chance(faults.delay)) continue;
    seat.held_until_ns[from] = clock_ns_ + 1 + random_.below(longest);
    seat.scheduler->hold(from, true);
  }
}

/// What was to come about by now.
void Simulator::release() {
  while (!later_.empty() && later_.begin()->first <= clock_ns_) {
    tasks_.push_back(std::move(later_.begin()->second));
    later_.erase(later_.begin());
  }
  for (Seat& seat : seats_) {
    for (std::uint32_t from = 0; from < seat.held_until_ns.size(); ++from) {
      if (seat.held_until_ns[from] == 0 || seat.held_until_ns[from] > clock_ns_) continue;
      seat.held_until_ns[from] = 0;
      seat.has_come[from] = true;
      seat.scheduler->hold(from, false);
      // Now it arrives. It rang when it was written, and may have found him awake.
      if (std::exchange(seat.lies, false)) seat.scheduler->get_up();
    }
  }
}

/// Nobody is in the middle of anything: whoever lies has been rung for all that there is for him.
void Simulator::look_for_sleepers() {
  for (Seat& seat : seats_) {
    if (seat.ended || !seat.lies || !seat.scheduler->overslept()) continue;
    note("lost wakeup: scheduler " + std::to_string(seat.scheduler->index()) + " sleeps over work");
    seat.lies = false;
    seat.scheduler->get_up();
  }
}

// --- The clock

std::uint64_t Simulator::next_event_ns() const {
  std::uint64_t next = later_.empty() ? never : later_.begin()->first;
  for (const Seat& seat : seats_) {
    if (seat.ended) continue;
    next = std::min(next, seat.scheduler->next_deadline_ns());
    for (const std::uint64_t until : seat.held_until_ns) {
      if (until != 0) next = std::min(next, until);
    }
  }
  return next;
}

void Simulator::go_to(std::uint64_t time_ns) {
  clock_ns_ = std::max(clock_ns_, time_ns);
  release();
}

bool Simulator::run_until(const std::function<bool()>& done, std::chrono::nanoseconds limit) {
  assert(Scheduler::current() == nullptr && "a handler waits by other means");
  const bool is_limited = limit != std::chrono::nanoseconds::max();
  const std::uint64_t end_ns =
      is_limited ? clock_ns_ + static_cast<std::uint64_t>(std::max<std::int64_t>(limit.count(), 0)) : never;
  for (std::uint64_t turns = 0; !done(); ++turns) {
    if (clock_ns_ > end_ns) return false;
    if (turns == options.most_turns) {
      note("no end after " + std::to_string(turns) + " turns: " + system_->explain_shutdown().to_string());
      return false;
    }
    if (step()) continue;
    const std::uint64_t next = next_event_ns();
    if (next != never && next <= end_ns) {
      go_to(next);
    } else if (is_limited) {
      go_to(end_ns);
      return done();
    } else {
      note("nothing can happen any more: " + system_->explain_shutdown().to_string());
      return false;
    }
  }
  return true;
}

void Simulator::settle() {
  for (std::uint64_t turns = 0; turns < options.most_turns; ++turns) {
    if (!step()) return;
  }
  note("it does not settle");
}

void Simulator::note(std::string problem) {
  if (problems.size() < most_problems) problems.push_back(std::move(problem));
}

}  // namespace ringmail::testing

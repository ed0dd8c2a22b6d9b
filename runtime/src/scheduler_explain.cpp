// What a scheduler can say of its actors: all of it on its own thread, and something to any thread while it does not answer.
#include <spdlog/fmt/fmt.h>

#include "ask_table.hpp"
#include "ringmail/runtime/scheduler.hpp"
#include "type_text.hpp"

namespace ringmail::runtime {
namespace {

std::string until(std::uint64_t deadline_ns, std::uint64_t now) {
  if (deadline_ns == Deadline::never) return "without a deadline";
  if (deadline_ns <= now) return "and its time has come";
  return fmt::format("for {:.3f} s more", static_cast<double>(deadline_ns - now) / 1e9);
}

std::string text_of(const Address& whom) {
  if (whom.link == 0) return fmt::format("actor {:#x}", whom.actor.value());
  return whom.actor ? fmt::format("actor {:#x} of peer {}", whom.actor.value(), whom.link)
                    : fmt::format("peer {}", whom.link);
}

std::string text_of(const Waiter& waiter, std::uint64_t now) {
  const std::string how_long = until(waiter.deadline_ns, now);
  if (!waiter.waiting) return "about to go on with its handler";
  switch (waiter.what) {
    case WaitFor::time: return "sleeps " + how_long;
    case WaitFor::message:
      return fmt::format("waits for a message of type {} {}",
                         waiter.wanted != nullptr ? waiter.wanted->name : std::string_view("that has come"), how_long);
    case WaitFor::answer: return fmt::format("waits for the answer of {} {}", text_of(waiter.whom), how_long);
    case WaitFor::room:
      return waiter.whom.link != 0 ? fmt::format("waits for room towards peer {} {}", waiter.whom.link, how_long)
             : waiter.whom.actor ? fmt::format("waits for room in the mailbox of {} {}", text_of(waiter.whom), how_long)
                                 : "waits for room towards another scheduler " + how_long;
    case WaitFor::blocking: return "waits for a blocking function";
    case WaitFor::something: break;
  }
  return "waits " + how_long;
}

}  // namespace

std::size_t Scheduler::list_actors(std::vector<LiveActor>& actors, std::size_t most) const {
  // The lock keeps the cells: whoever ends one takes it out under this lock first.
  const std::lock_guard lock(slots_mutex_);
  const std::uint64_t mark = turn_mark();
  std::size_t count = 0;
  for (std::uint32_t index = 0; index < used_slots_; ++index) {
    const Slot* slots = chunks_[index / chunk_slots].load(std::memory_order_relaxed);
    const Cell* cell = slots[index % chunk_slots].cell.load(std::memory_order_acquire);  // SYNC(slot)
    if (cell == nullptr || ++count > most) continue;
    const bool was_last = (mark & ((1u << ActorId::slot_bits) - 1)) == index && mark != 0;
    actors.push_back({.id = cell->id_,
                      .class_name = demangled(cell->class_name()),
                      .name = {},
                      .doing = was_last ? "is in a handler that has not come back" : "waits for its scheduler",
                      .waiting = 0});
  }
  return count;
}

std::size_t Scheduler::explain_actors(std::vector<LiveActor>& actors, std::size_t most) const {
  const std::uint64_t now = now_ns();
  const std::lock_guard lock(slots_mutex_);
  std::size_t count = 0;
  for (std::uint32_t index = 0; index < used_slots_; ++index) {
    const Slot* slots = chunks_[index / chunk_slots].load(std::memory_order_relaxed);
    const Cell* cell = slots[index % chunk_slots].cell.load(std::memory_order_acquire);  // SYNC(slot)
    if (cell == nullptr || ++count > most) continue;
    std::string doing;
    switch (cell->state_) {
      case Cell::State::idle: doing = cell->waiter_ != nullptr ? text_of(*cell->waiter_, now) : "idle"; break;
      case Cell::State::ready:
        doing = cell->started_ ? "has messages and waits for its turn" : "has not started";
        break;
      case Cell::State::running: doing = "runs"; break;
      case Cell::State::suspended: doing = text_of(*cell->waiter_, now); break;
      case Cell::State::ending:
        doing = "waits for " + std::to_string(cell->ties_ != nullptr ? cell->ties_->children.size() : 0) +
                " of its children to end";
        break;
      case Cell::State::down: doing = "is down, and its supervisor may restart it"; break;
      case Cell::State::closed: doing = "is down for good, as long as its supervisor lives"; break;
    }
    if (cell->stop_requested_) doing += "; it has been told to stop";
    actors.push_back({.id = cell->id_,
                      .class_name = demangled(cell->class_name()),
                      .name = {},
                      .doing = std::move(doing),
                      .waiting = cell->queued_});
  }
  return count;
}

bool Scheduler::is_drained() const {
  // A question may have been asked by who goes on meanwhile.
  if (has_work() || !crowded_.empty() || !asks_->empty()) return false;
  const std::lock_guard lock(slots_mutex_);
  for (std::uint32_t index = 0; index < used_slots_; ++index) {
    const Slot* slots = chunks_[index / chunk_slots].load(std::memory_order_relaxed);
    const Cell* cell = slots[index % chunk_slots].cell.load(std::memory_order_acquire);  // SYNC(slot)
    if (cell == nullptr) continue;
    if (cell->queued_ != 0) return false;
    // One that is down with nothing to do may stay so for ever.
    if (!cell->started_ && cell->state_ != Cell::State::down && cell->state_ != Cell::State::closed) return false;
    // One that sleeps or waits for a message may do so for ever.
    for (const Waiter* waiter = cell->waiter_; waiter != nullptr; waiter = waiter->next_of_cell) {
      if (waiter->what != WaitFor::time && waiter->what != WaitFor::message) return false;
    }
  }
  return true;
}

Scheduler::Load Scheduler::load() const {
  const std::lock_guard lock(slots_mutex_);
  return {.waiting = shown_backlog_.load(std::memory_order_relaxed), .actors = live_slots()};
}

}  // namespace ringmail::runtime

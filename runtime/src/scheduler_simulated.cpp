// A scheduler whose loop somebody else goes round: what a simulator does in place of run().
#include <cassert>

#include "ask_table.hpp"
#include "credits.hpp"
#include "delayed_sends.hpp"
#include "outlet.hpp"
#include "poll_set.hpp"
#include "remote_lane.hpp"
#include "ringmail/runtime/simulator.hpp"
#include "scheduler_cells.hpp"

namespace ringmail::runtime {

Scheduler::TurnEnd Scheduler::run_turn(std::uint32_t frames) {
  assert(current_ == nullptr);
  stepped_ = true;
  frames_per_turn_ = frames;
  timers_due_ = true;
  current_ = this;
  const auto ran = fibers_.run([](void* self) { static_cast<Scheduler*>(self)->loop(); }, this);
  current_ = nullptr;
  assert(ran);
  static_cast<void>(ran);
  if (is_done() && end()) return TurnEnd::ended;
  return busy_ ? TurnEnd::busy : TurnEnd::idle;
}

bool Scheduler::lie_down() {
  parker_.lie_down();
  if (!has_work()) return true;
  parker_.get_up();
  return false;
}

bool Scheduler::is_rung() const { return transport::ParkWord::state(park_word()) != transport::ParkState::parked; }

void Scheduler::hold(std::uint32_t from, bool held) {
  assert(from != index_);
  local_inlets_[from < index_ ? from : from - 1]->held = held;
  for (const OwnInlet& own : own_inlets_) {
    if (own.from == from) own.inlet->held = held;
  }
}

bool Scheduler::has_ended() const {
  const std::lock_guard lock(slots_mutex_);
  return ended_;
}

void Scheduler::crash(ActorId id, ExitReason reason) {
  if (Cell* cell = find(id)) end(*cell, std::move(reason));
}

void Scheduler::note_handled(const Cell& cell, const MessageType* type) const {
  simulator_->handled(*this, cell, type);
}

}  // namespace ringmail::runtime

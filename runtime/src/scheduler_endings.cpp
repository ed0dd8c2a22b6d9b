// How a cell ends: it winds up, which is to wait for its children; then its life ends; then, unless somebody supervises it, it
// is destroyed. One that is supervised is down instead, until it is told what is to become of it.
#include <cassert>

#include "envelope.hpp"
#include "farewell.hpp"
#include "local_ring.hpp"
#include "own_lanes.hpp"
#include "remote_lane.hpp"
#include "ringmail/runtime/scheduler.hpp"
#include "scheduler_cells.hpp"

namespace ringmail::runtime {

void Scheduler::request_stop(Cell& cell) {
  switch (cell.state_) {
    case Cell::State::idle:
      cell.stop_requested_ = true;
      make_ready(cell);
      stop_waiting(cell);
      break;
    case Cell::State::suspended:
    case Cell::State::ready:
    case Cell::State::running:
      cell.stop_requested_ = true;
      stop_waiting(cell);
      break;
    case Cell::State::ending: break;
    case Cell::State::down:
    case Cell::State::closed:
      // Its parent knows that it is down, and decides. Without one it is a supervisor that was never started.
      if (!cell.supervised_) remove(cell);
      break;
  }
}

/// What its suspended handlers wait for is not to come any more.
void Scheduler::stop_waiting(Cell& cell) {
  for (Waiter* waiter = cell.waiter_; waiter != nullptr; waiter = waiter->next_of_cell) {
    if (!waiter->until_done) wake(*waiter, Wake::stopped);
  }
}

/// The first reason stands: what a handler throws because it was stopped explains nothing.
void Scheduler::fail(Cell& cell, ExitReason reason) {
  CellTies& ties = cell.ties();
  if (!ties.failure) ties.failure = std::move(reason);
  cell.stop_requested_ = true;
}

void Scheduler::end(Cell& cell, ExitReason reason) {
  if (cell.state_ >= Cell::State::ending) return;
  fail(cell, std::move(reason));
  request_stop(cell);
}

/// Called at the end of a turn, and once more when the last child has ended.
void Scheduler::wind_up(Cell& cell) {
  cell.state_ = Cell::State::ending;
  if (!cell.winding_up_) {
    cell.winding_up_ = true;
    // What was put aside came before what waits.
    take_back_stash(cell);
    if (!cell.keeps_mail_) discard_mail(cell);
    if (cell.supervises_) cell.wind_up();
    if (cell.ties_ != nullptr) {
      for (const Address& child : cell.ties_->children) stop(child);
    }
  }
  if (!cell.has_wound_up_altogether()) return;
  terminate(cell);
}

void Scheduler::terminate(Cell& cell) {
  const std::unique_ptr<CellTies> ties = std::move(cell.ties_);
  const ExitReason reason = ties != nullptr && ties->failure ? *ties->failure : ExitReason{};
  const Address self{0, cell.id_};
  const ActorId parent = cell.parent_;
  const bool for_good = !cell.supervised_;
  if (for_good) leave_slot(cell);
  if (on_exit) on_exit(cell.id_, reason, for_good);
  try {
    cell.stopped(reason);
  } catch (...) {
    // It has ended for another reason already.
  }
  take_back_stash(cell);
  cell.conduct_.reset();  // before the actor, which its functions may refer to
  if (cell.supervised_) cell.unmake();
  if (!cell.keeps_mail_) discard_mail(cell);
  if (ties != nullptr) say_farewell(self, *ties, reason);
  if (for_good) {
    if (cell.supervises_) cell.leave();
    destroy_cell(cell);
  } else {
    cell.state_ = Cell::State::down;
    cell.started_ = cell.stop_requested_ = cell.winding_up_ = false;
    ++cell.life_;
    discard_continuations(cell);
  }
  // Last: a supervisor of this scheduler decides at once.
  if (parent) tell_parent(parent, {.who = self, .reason = reason, .for_good = for_good});
  publish_dirty();
}

/// From here on its id is nobody's.
void Scheduler::leave_slot(Cell& cell) {
  if (cell.bound_ != nullptr) say_gone(cell);
  if (cell.exported_) {
    for (const auto& lane : lanes_) {
      if (lane != nullptr) lane->shut_out(cell.id_.value());
    }
  }
  if (cell.id_.lane() != 0) own_lanes_->give_back(index_, cell.id_.lane());
  const std::lock_guard lock(slots_mutex_);
  const std::uint32_t index = cell.id_.slot();
  chunks_[index / chunk_slots].load(std::memory_order_relaxed)[index % chunk_slots].cell.store(
      nullptr, std::memory_order_relaxed);
  free_slots_.push_back(index);
}

void Scheduler::destroy_cell(Cell& cell) {
  delete &cell;
  if (stopping_) {
    give_back_lives(1);
  } else {
    ++kept_lives_;
  }
}

void Scheduler::discard_mail(Cell& cell) {
  while (cell.first_ != nullptr) {
    Message message = take_first(cell)->message;
    dead_letter(message, "the actor has ended");
  }
  if (cell.bound_ != nullptr) offer_room(cell, Offer::all);
}

void Scheduler::take_back_stash(Cell& cell) {
  if (cell.conduct_ == nullptr) return;
  current_cell_ = &cell;
  unstash();
  current_cell_ = nullptr;
}

// --- Between two lives

ActorId Scheduler::add_down(std::unique_ptr<Cell> cell, const Role& role) {
  assert(role.parent || !role.supervised);
  cell->state_ = Cell::State::down;
  cell->parent_ = role.parent;
  cell->supervised_ = role.supervised;
  cell->keeps_mail_ = role.keeps_mail;
  return place(std::move(cell));
}

void Scheduler::restart(ActorId id) {
  if (id.thread() != index_) {
    tell_elsewhere(id, Operation::restart, ActorId());
    return;
  }
  Cell* const cell = find(id);
  if (cell == nullptr || (cell->state_ != Cell::State::down && cell->state_ != Cell::State::closed)) return;
  cell->state_ = Cell::State::idle;
  make_ready(*cell);
}

void Scheduler::close(ActorId id) {
  if (id.thread() != index_) {
    tell_elsewhere(id, Operation::close, ActorId());
    return;
  }
  Cell* const cell = find(id);
  if (cell == nullptr || cell->state_ != Cell::State::down) return;
  cell->state_ = Cell::State::closed;
  if (on_exit) on_exit(id, {}, true);
  discard_mail(*cell);
  if (cell->supervises_) cell->closed();
}

void Scheduler::remove(ActorId id) {
  if (id.thread() != index_) {
    tell_elsewhere(id, Operation::remove, ActorId());
    return;
  }
  Cell* const cell = find(id);
  if (cell != nullptr && (cell->state_ == Cell::State::down || cell->state_ == Cell::State::closed)) remove(*cell);
}

void Scheduler::remove(Cell& cell) {
  const ActorId id = cell.id_;
  const ActorId parent = cell.supervised_ ? ActorId() : cell.parent_;
  leave_slot(cell);
  if (on_exit) on_exit(id, {}, true);
  discard_mail(cell);
  // Whoever has tied himself to it since its last life.
  if (const std::unique_ptr<CellTies> ties = std::move(cell.ties_)) {
    say_farewell({0, id}, *ties, {.kind = ExitReason::Kind::unreachable, .text = "it is not restarted"});
  }
  if (cell.supervises_) cell.leave();
  destroy_cell(cell);
  if (parent) tell_parent(parent, {.who = {0, id}, .reason = {}});
}

// --- Parents

ActorId Scheduler::add_child(std::unique_ptr<Cell> cell, Scheduler& where, bool linked) {
  Cell* const parent = current_cell_;
  assert(parent != nullptr && "only a handler has an actor that can be a parent");
  cell->parent_ = parent->id_;
  if (linked) cell->ties().links.push_back({0, parent->id_});
  // What it has to say comes through this scheduler's loop, so not before it is known here.
  const ActorId id = where.add(std::move(cell));
  if (!id) return id;
  parent->ties().children.insert({0, id});
  if (linked) parent->ties().links.push_back({0, id});
  return id;
}

void Scheduler::adopt(Cell& parent, const Address& child) {
  parent.ties().children.insert(child);
  if (!child.is_local()) supervise_peer(child.link, parent.id_);
}

void Scheduler::supervise_peer(std::uint32_t link, ActorId supervisor) {
  RemoteLane* const lane = lane_to(link);
  if (lane != nullptr && lane->open) {
    lane->watchers.push_back({supervisor, nullptr, RemoteLane::Watcher::Kind::parent});
  } else {
    child_down(supervisor, {.who = {link, {}}, .reason = {.kind = ExitReason::Kind::unreachable}});
  }
}

void Scheduler::tell_started(Cell& cell) {
  if (!cell.supervised_) return;
  if (cell.parent_.thread() == index_) {
    child_started(cell.parent_, {0, cell.id_});
  } else {
    tell_elsewhere(cell.parent_, Operation::child_started, cell.id_);
  }
}

void Scheduler::tell_parent(ActorId parent, Farewell farewell) {
  if (parent.thread() == index_) {
    child_down(parent, farewell);
  } else {
    tell_elsewhere(parent, Operation::child_down, std::move(farewell));
  }
}

void Scheduler::child_started(ActorId parent, const Address& child) {
  Cell* const cell = find(parent);
  if (cell != nullptr && cell->supervises_) cell->child_started(child);
}

void Scheduler::child_down(ActorId parent, const Farewell& farewell) {
  Cell* const cell = find(parent);
  if (cell == nullptr) return;
  if (farewell.for_good && cell->ties_ != nullptr) cell->ties_->children.erase(farewell.who);
  if (cell->supervises_) cell->child_down(farewell.who, farewell.reason, farewell.for_good);
  // In a turn of its own, or a long line of parents would end on one stack.
  if (cell->state_ == Cell::State::ending && cell->has_wound_up_altogether()) make_ready(*cell);
}

}  // namespace ringmail::runtime

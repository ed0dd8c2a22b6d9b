#include "supervisor_plan.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

namespace ringmail::detail {

using runtime::ExitReason;
using When = RestartPolicy::When;

SupervisorPlan::SupervisorPlan(const SupervisorOptions& options, Actions& actions)
    : options_(options), actions_(actions), window_(options.intensity, options.period) {}

std::size_t SupervisorPlan::add(Child child) {
  const std::size_t index = next_++;
  if (child.name.empty()) child.name = "child " + std::to_string(index);
  Entry entry{.child = std::move(child)};
  entry.history.emplace(entry.child.restart, seed_++);
  children_.emplace(index, std::move(entry));
  return index;
}

void SupervisorPlan::start(std::uint64_t now_ns, std::uint64_t seed) {
  winding_up_ = false;
  window_ = runtime::RestartWindow(options_.intensity, options_.period);
  for (auto& [index, entry] : children_) {
    entry.history.emplace(entry.child.restart, seed++);
    entry.was_up = entry.was_asked = entry.recycling = entry.is_overdue = false;
    entry.wanted = entry.state != State::gone;
    entry.due_ns = 0;
    if (entry.wanted) pending_.insert(index);
  }
  seed_ = seed;
  step(now_ns);
}

void SupervisorPlan::started(std::size_t index, std::uint64_t now_ns) {
  Entry& entry = children_.at(index);
  if (entry.state != State::starting) return;
  entry.state = State::up;
  entry.was_up = true;
  entry.was_asked = false;
  changed(index, now_ns);
}

void SupervisorPlan::ended(
    std::size_t index, const ExitReason& reason, bool for_good, bool may_restart, std::uint64_t now_ns) {
  Entry& entry = children_.at(index);
  // One that was to be stopped anyway has not failed, whatever it says.
  const bool was_expected = winding_up_ || entry.recycling || entry.state == State::stopping;
  const bool was_winding_up = winding_up_;
  const bool was_asked = std::exchange(entry.was_asked, false);
  entry.state = for_good ? State::gone : State::down;
  entry.recycling = entry.is_overdue = false;
  if (for_good || !may_restart) entry.wanted = false;
  if (for_good && !was_expected) {
    actions_.decided(index, reason, "it is gone");
  } else if (!was_expected && !may_restart) {
    close(index);
  } else if (!was_expected && was_asked) {
    actions_.decided(index, reason, "it was asked for and has not started");
    close(index);
  } else if (!was_expected) {
    failed(index, reason, now_ns);
  } else if (!winding_up_ && !entry.wanted) {
    close(index);
  }
  if (winding_up_ != was_winding_up) {
    step(now_ns);
  } else {
    changed(index, now_ns);
  }
}

void SupervisorPlan::failed(std::size_t index, const ExitReason& reason, std::uint64_t now_ns) {
  Entry& entry = children_.at(index);
  const auto decision = entry.history->after(reason, false, now_ns);
  if (!decision.restart && !decision.gave_up) {
    actions_.decided(index, reason, decision.why);
    close(index);
    return;
  }
  if (decision.gave_up || window_.is_full(now_ns)) {
    const std::string why = decision.gave_up ? decision.why : window_.given_up();
    actions_.decided(index, reason, why);
    begin_winding_up();
    actions_.escalate(reason.leads_to(ExitReason::Kind::escalated, "'" + entry.child.name + "' is " + why));
    return;
  }
  window_.count(now_ns);
  actions_.decided(index, reason, decision.why);
  want_again(index, now_ns + static_cast<std::uint64_t>(decision.delay.count()));
}

/// The child that failed, and whoever goes with it.
void SupervisorPlan::want_again(std::size_t failed, std::uint64_t due_ns) {
  const bool is_alone = options_.strategy == Strategy::one_for_one || options_.strategy == Strategy::simple_one_for_one;
  auto i = options_.strategy == Strategy::one_for_all ? children_.begin() : children_.find(failed);
  const auto end = is_alone ? std::next(i) : children_.end();
  for (; i != end; ++i) {
    auto& [index, entry] = *i;
    if (entry.state == State::gone) continue;
    if (entry.is_alive() && entry.state != State::stopping) entry.recycling = true;
    // As in OTP: transient ones that had ended come back with the others, temporary ones never.
    entry.wanted = entry.wanted || entry.child.restart.when != When::temporary;
    entry.due_ns = std::max(entry.due_ns, due_ns);
    if (entry.is_pending()) pending_.insert(index);
  }
}

void SupervisorPlan::close(std::size_t index) {
  children_.at(index).state = State::closed;
  actions_.close(index);
}

// --- On request

void SupervisorPlan::start_child(std::size_t index, std::uint64_t now_ns) {
  Entry& entry = children_.at(index);
  assert(!winding_up_ && is_at_rest(index) && entry.state != State::gone);
  entry.wanted = entry.was_asked = true;
  entry.was_up = false;
  entry.due_ns = 0;
  changed(index, now_ns);
}

void SupervisorPlan::stop_child(std::size_t index, std::uint64_t now_ns) {
  Entry& entry = children_.at(index);
  assert(!winding_up_);
  entry.wanted = entry.was_asked = false;
  if (entry.state == State::starting || entry.state == State::up) {
    stop_now(index, now_ns);
  } else if (entry.state == State::down) {
    close(index);
  }
  changed(index, now_ns);
}

void SupervisorPlan::remove(std::size_t index) {
  assert(is_at_rest(index));
  pending_.erase(index);
  children_.erase(index);
}

bool SupervisorPlan::is_at_rest(std::size_t index) const {
  const Entry& entry = children_.at(index);
  return !entry.wanted && !entry.is_alive();
}

// --- The end of all

void SupervisorPlan::wind_up(std::uint64_t now_ns) {
  begin_winding_up();
  step(now_ns);
}

void SupervisorPlan::begin_winding_up() {
  winding_up_ = true;
  pending_.clear();
  for (auto& [index, entry] : children_) {
    entry.wanted = false;
    entry.recycling = entry.state == State::starting || entry.state == State::up;
    if (entry.is_pending()) pending_.insert(index);
  }
}

bool SupervisorPlan::is_up() const { return !winding_up_ && pending_.empty(); }

/// Nobody is wanted, so whoever is pending lives.
bool SupervisorPlan::has_wound_up() const { return winding_up_ && pending_.empty(); }

// --- What follows from the states

/// After each change of one child.
void SupervisorPlan::changed(std::size_t index, std::uint64_t now_ns) {
  if (children_.at(index).is_pending()) {
    pending_.insert(index);
  } else {
    pending_.erase(index);
  }
  if (options_.strategy == Strategy::simple_one_for_one) {
    step_alone(index, now_ns);
  } else {
    step(now_ns);
  }
}

/// And when a deadline has come, or all are to end.
void SupervisorPlan::step(std::uint64_t now_ns) {
  std::erase_if(pending_, [this](std::size_t index) { return !children_.at(index).is_pending(); });
  next_deadline_ns_ = UINT64_MAX;
  if (options_.strategy == Strategy::simple_one_for_one) {
    for (const std::size_t index : pending_) step_alone(index, now_ns);
    return;
  }
  const bool all_down = stop_in_reverse(now_ns);
  // One that restarts alone waits for nobody.
  if (all_down || options_.strategy == Strategy::one_for_one) start_in_order(now_ns);
}

/// Waits for nobody, and nobody for it. Leaves next_deadline_ns() where it is or makes it earlier.
void SupervisorPlan::step_alone(std::size_t index, std::uint64_t now_ns) {
  Entry& entry = children_.at(index);
  if (entry.state == State::stopping) {
    look_at_deadline(index, now_ns);
  } else if (entry.recycling) {
    stop_now(index, now_ns);
  } else if (entry.wanted && !entry.is_alive()) {
    if (entry.due_ns > now_ns) {
      note_deadline(entry.due_ns);
    } else {
      start_now(index);
    }
  }
}

/// Whether nobody is on his way down.
bool SupervisorPlan::stop_in_reverse(std::uint64_t now_ns) {
  bool all_down = true;
  bool may_stop = true;  // the one before is down, or has had its time
  for (auto i = pending_.rbegin(); i != pending_.rend(); ++i) {
    Entry& entry = children_.at(*i);
    if (entry.state == State::stopping) {
      all_down = false;
      if (entry.deadline_ns > now_ns) may_stop = false;
      look_at_deadline(*i, now_ns);
    } else if (entry.recycling) {
      all_down = false;
      if (!may_stop) continue;
      may_stop = false;
      stop_now(*i, now_ns);
    }
  }
  return all_down;
}

void SupervisorPlan::start_in_order(std::uint64_t now_ns) {
  for (const std::size_t index : pending_) {
    Entry& entry = children_.at(index);
    const bool alone = starts_alone(entry);
    if (entry.state == State::starting && !alone) return;
    if (!entry.wanted || entry.is_alive()) continue;
    if (entry.due_ns > now_ns) {
      note_deadline(entry.due_ns);
      if (options_.strategy == Strategy::one_for_one) continue;
      return;
    }
    start_now(index);
    if (!alone) return;
  }
}

/// In the beginning all start in order, under any strategy.
bool SupervisorPlan::starts_alone(const Entry& entry) const {
  return options_.strategy == Strategy::one_for_one && (entry.was_up || entry.was_asked);
}

void SupervisorPlan::start_now(std::size_t index) {
  Entry& entry = children_.at(index);
  entry.wanted = false;
  entry.state = State::starting;
  if (entry.was_up) ++entry.restarts;
  actions_.start(index);
}

void SupervisorPlan::stop_now(std::size_t index, std::uint64_t now_ns) {
  Entry& entry = children_.at(index);
  entry.recycling = false;
  entry.state = State::stopping;
  entry.deadline_ns = now_ns + static_cast<std::uint64_t>(entry.child.stop_timeout.count());
  note_deadline(entry.deadline_ns);
  actions_.stop(index);
}

void SupervisorPlan::look_at_deadline(std::size_t index, std::uint64_t now_ns) {
  Entry& entry = children_.at(index);
  if (entry.deadline_ns > now_ns) {
    note_deadline(entry.deadline_ns);
  } else if (!std::exchange(entry.is_overdue, true)) {
    actions_.overdue(index);
  }
}

void SupervisorPlan::note_deadline(std::uint64_t deadline_ns) {
  next_deadline_ns_ = std::min(next_deadline_ns_, deadline_ns);
}

}  // namespace ringmail::detail

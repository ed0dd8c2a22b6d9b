#include "supervisor_plan.hpp"

#include <algorithm>
#include <utility>

namespace ringmail::detail {

using runtime::ExitReason;
using When = RestartPolicy::When;

SupervisorPlan::SupervisorPlan(const SupervisorOptions& options, Actions& actions)
    : options_(options), actions_(actions), window_(options.intensity, options.period) {}

std::size_t SupervisorPlan::add(Child child) {
  if (child.name.empty()) child.name = "child " + std::to_string(children_.size());
  children_.push_back({.child = std::move(child)});
  return children_.size() - 1;
}

void SupervisorPlan::start(std::uint64_t now_ns, std::uint64_t seed) {
  winding_up_ = false;
  window_ = runtime::RestartWindow(options_.intensity, options_.period);
  for (Entry& entry : children_) {
    entry.history.emplace(entry.child.restart, seed++);
    entry.was_up = entry.recycling = entry.is_overdue = false;
    entry.wanted = entry.state != State::gone;
    entry.due_ns = 0;
  }
  step(now_ns);
}

void SupervisorPlan::started(std::size_t index, std::uint64_t now_ns) {
  Entry& entry = children_[index];
  if (entry.state != State::starting) return;
  entry.state = State::up;
  entry.was_up = true;
  step(now_ns);
}

void SupervisorPlan::ended(
    std::size_t index, const ExitReason& reason, bool for_good, bool may_restart, std::uint64_t now_ns) {
  Entry& entry = children_[index];
  // One that was to be stopped anyway has not failed, whatever it says.
  const bool was_expected = winding_up_ || entry.recycling || entry.state == State::stopping;
  entry.state = for_good ? State::gone : State::down;
  entry.recycling = entry.is_overdue = false;
  if (for_good || !may_restart) entry.wanted = false;
  if (for_good && !was_expected) {
    actions_.decided(index, reason, "it is gone");
  } else if (!was_expected && !may_restart) {
    close(index);
  } else if (!was_expected) {
    failed(index, reason, now_ns);
  } else if (!winding_up_ && !entry.wanted) {
    close(index);
  }
  step(now_ns);
}

void SupervisorPlan::failed(std::size_t index, const ExitReason& reason, std::uint64_t now_ns) {
  Entry& entry = children_[index];
  const auto decision = entry.history->after(reason, false, now_ns);
  if (!decision.restart && !decision.gave_up) {
    actions_.decided(index, reason, decision.why);
    close(index);
    return;
  }
  if (decision.gave_up || window_.is_full(now_ns)) {
    const std::string why = decision.gave_up ? decision.why : window_.given_up();
    actions_.decided(index, reason, why);
    winding_up_ = true;
    actions_.escalate(reason.leads_to(ExitReason::Kind::escalated, "'" + entry.child.name + "' is " + why));
    return;
  }
  window_.count(now_ns);
  actions_.decided(index, reason, decision.why);
  want_again(index, now_ns + static_cast<std::uint64_t>(decision.delay.count()));
}

/// The child that failed, and whoever goes with it.
void SupervisorPlan::want_again(std::size_t failed, std::uint64_t due_ns) {
  const std::size_t first = options_.strategy == Strategy::one_for_all ? 0 : failed;
  const std::size_t end = options_.strategy == Strategy::one_for_one ? failed + 1 : children_.size();
  for (std::size_t i = first; i < end; ++i) {
    Entry& entry = children_[i];
    if (entry.state == State::gone) continue;
    if (entry.is_alive() && entry.state != State::stopping) entry.recycling = true;
    // As in OTP: transient ones that had ended come back with the others, temporary ones never.
    entry.wanted = entry.wanted || entry.child.restart.when != When::temporary;
    entry.due_ns = std::max(entry.due_ns, due_ns);
  }
}

void SupervisorPlan::close(std::size_t index) {
  children_[index].state = State::closed;
  actions_.close(index);
}

void SupervisorPlan::wind_up(std::uint64_t now_ns) {
  winding_up_ = true;
  step(now_ns);
}

bool SupervisorPlan::is_up() const {
  return !winding_up_ && std::ranges::none_of(children_, [](const Entry& entry) {
    return entry.wanted || entry.recycling || entry.state == State::starting || entry.state == State::stopping;
  });
}

bool SupervisorPlan::has_wound_up() const { return winding_up_ && std::ranges::none_of(children_, &Entry::is_alive); }

// --- What follows from the states. Called after each change, and when a deadline has come.

void SupervisorPlan::step(std::uint64_t now_ns) {
  next_deadline_ns_ = UINT64_MAX;
  if (winding_up_) {
    for (Entry& entry : children_) {
      entry.wanted = false;
      entry.recycling = entry.state == State::starting || entry.state == State::up;
    }
  }
  const bool all_down = stop_in_reverse(now_ns);
  // One that restarts alone waits for nobody.
  if (all_down || options_.strategy == Strategy::one_for_one) start_in_order(now_ns);
}

/// Whether nobody is on his way down.
bool SupervisorPlan::stop_in_reverse(std::uint64_t now_ns) {
  bool all_down = true;
  bool may_stop = true;  // the one before is down, or has had its time
  for (std::size_t i = children_.size(); i-- > 0;) {
    Entry& entry = children_[i];
    if (entry.state == State::stopping) {
      all_down = false;
      if (entry.deadline_ns > now_ns) {
        may_stop = false;
        note_deadline(entry.deadline_ns);
      } else if (!std::exchange(entry.is_overdue, true)) {
        actions_.overdue(i);
      }
    } else if (entry.recycling) {
      all_down = false;
      if (!may_stop) continue;
      may_stop = false;
      entry.recycling = false;
      entry.state = State::stopping;
      entry.deadline_ns = now_ns + static_cast<std::uint64_t>(entry.child.stop_timeout.count());
      note_deadline(entry.deadline_ns);
      actions_.stop(i);
    }
  }
  return all_down;
}

void SupervisorPlan::start_in_order(std::uint64_t now_ns) {
  const bool alone = options_.strategy == Strategy::one_for_one;
  for (std::size_t i = 0; i < children_.size(); ++i) {
    Entry& entry = children_[i];
    // In the beginning all start in order, under any strategy.
    if (entry.state == State::starting && !(alone && entry.was_up)) return;
    if (!entry.wanted || entry.is_alive()) continue;
    if (entry.due_ns > now_ns) {
      note_deadline(entry.due_ns);
      if (alone) continue;
      return;
    }
    entry.wanted = false;
    entry.state = State::starting;
    if (entry.was_up) ++entry.restarts;
    actions_.start(i);
    if (!(alone && entry.was_up)) return;
  }
}

void SupervisorPlan::note_deadline(std::uint64_t deadline_ns) {
  next_deadline_ns_ = std::min(next_deadline_ns_, deadline_ns);
}

}  // namespace ringmail::detail

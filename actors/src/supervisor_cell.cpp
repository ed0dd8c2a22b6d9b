#include "supervisor_cell.hpp"

#include <spdlog/spdlog.h>

#include <random>

#include "ringmail/runtime/simulator.hpp"

namespace ringmail::detail {

using runtime::Address;
using runtime::now_ns;

namespace {

std::uint64_t seed_of(const SupervisorOptions& options, const runtime::System& system) {
  if (options.seed != 0) return options.seed;
  if (system.simulator() != nullptr) return system.simulator()->random();
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

}  // namespace

SupervisorCell::SupervisorCell(runtime::System& system, std::shared_ptr<const SupervisorSpec> spec)
    : ActorCell<Supervisor>(Supervising{}, *this),
      system_(system),
      spec_(std::move(spec)),
      plan_(spec_->options, *this) {}

/// Once: what was declared by the time of the first start.
void SupervisorCell::declare() {
  is_declared_ = true;
  for (const SupervisorSpec::Child& child : spec_->children) take_in(child);
}

std::size_t SupervisorCell::take_in(SupervisorSpec::Child spec) {
  const ChildOptions& options = spec.options;
  const std::size_t number =
      plan_.add({.name = options.name, .restart = options.restart, .stop_timeout = options.stop_timeout});
  const Address address = spec.address;
  numbers_.emplace(address, number);
  names_.emplace(plan_.name(number), number);
  children_.emplace(number, Child{.spec = std::move(spec)});
  if (!address.is_local()) scheduler().supervise_peer(address.link, id());
  return number;
}

void SupervisorCell::start() {
  if (!is_declared_) declare();
  plan_.start(now_ns(), seed_of(spec_->options, system_));
  is_reported_ = false;
  follow_up();
}

void SupervisorCell::child_started(const Address& child) {
  const auto number = numbers_.find(child);
  if (number == numbers_.end()) return;
  plan_.started(number->second, now_ns());
  settle(number->second);
  follow_up();
}

void SupervisorCell::child_down(const Address& child, const ExitReason& reason, bool for_good) {
  const auto found = numbers_.find(child);
  if (found == numbers_.end()) return;  // forgotten
  const std::size_t number = found->second;
  Child& entry = children_.at(number);
  entry.last_exit = reason;
  plan_.ended(number, reason, for_good, !system_.is_stopping(), now_ns());
  answer(entry.until_down, {});
  settle(number);
  follow_up();
}

void SupervisorCell::wind_up() {
  plan_.wind_up(now_ns());
  follow_up();
}

/// As long as nobody starts it again.
void SupervisorCell::closed() {
  for (const auto& [number, child] : children_) {
    if (child.spec.address.is_local()) scheduler().close(child.spec.address.actor);
  }
}

/// All children are down. Those that were added go with this life, and who waits for any is told that there is nobody to answer.
void SupervisorCell::stopped(const ExitReason& reason) {
  ActorCell::stopped(reason);
  for (auto child = children_.begin(); child != children_.end();) {
    const auto& [number, entry] = *child++;
    if (entry.was_added) forget(number);
  }
  for (auto& [number, entry] : children_) {
    entry.until_up.clear();
    entry.until_down.clear();
  }
}

void SupervisorCell::leave() {
  scheduler().cancel_call(timer_);
  const auto dismiss = [this](const Address& child) {
    if (child.is_local()) {
      scheduler().remove(child.actor);
    } else {
      system_.end_peer(child.link);
    }
  };
  if (is_declared_) {
    for (const auto& [number, child] : children_) dismiss(child.spec.address);
  } else {
    for (const SupervisorSpec::Child& child : spec_->children) dismiss(child.address);
  }
}

// --- On request, in a handler

void SupervisorCell::start_child(const StartChild& start, Promise<ChildOutcome> answer) {
  // Should it end here, the child goes with the message.
  if (plan_.is_winding_up()) return answer.fail(AskError::unreachable);
  if (const auto same = names_.find(start.options.name); same != names_.end()) {
    const std::size_t number = same->second;
    const auto kind = plan_.is_at_rest(number) ? ChildError::Kind::already_present : ChildError::Kind::already_started;
    return answer.fulfil(std::unexpected(ChildError{.kind = kind, .child = children_.at(number).spec.address}));
  }
  const Address address = start.child->take();
  const std::size_t number = take_in({address, start.options, start.is_supervisor});
  // A peer that has gone meanwhile has been told of already.
  Child& child = children_.at(number);
  child.was_added = child.is_new = true;
  child.until_up.push_back(std::move(answer));
  if (plan_.state(number) == SupervisorPlan::State::gone) {
    settle(number);
  } else {
    plan_.start_child(number, now_ns());
  }
  follow_up();
}

void SupervisorCell::terminate_child(const ChildRef& which, Promise<ChildOutcome> answer) {
  if (plan_.is_winding_up()) return answer.fail(AskError::unreachable);
  std::size_t number = 0;
  Child* const child = child_of(which, number);
  if (child == nullptr) return answer.fulfil(std::unexpected(ChildError{.kind = ChildError::Kind::not_found}));
  child->is_on_request = true;
  plan_.stop_child(number, now_ns());
  if (plan_.is_at_rest(number)) {
    answer.fulfil(ChildOutcome());
  } else {
    child->until_down.push_back(std::move(answer));
  }
  settle(number);
  follow_up();
}

void SupervisorCell::restart_child(const ChildRef& which, Promise<ChildOutcome> answer) {
  if (plan_.is_winding_up()) return answer.fail(AskError::unreachable);
  std::size_t number = 0;
  Child* const child = child_of(which, number);
  if (child == nullptr) return answer.fulfil(std::unexpected(ChildError{.kind = ChildError::Kind::not_found}));
  if (!plan_.is_at_rest(number)) {
    return answer.fulfil(std::unexpected(ChildError{.kind = ChildError::Kind::running}));
  }
  child->is_on_request = true;
  child->until_up.push_back(std::move(answer));
  if (plan_.state(number) == SupervisorPlan::State::gone) {
    settle(number);
  } else {
    plan_.start_child(number, now_ns());
  }
  follow_up();
}

ChildOutcome SupervisorCell::delete_child(const ChildRef& which) {
  std::size_t number = 0;
  if (child_of(which, number) == nullptr) return std::unexpected(ChildError{.kind = ChildError::Kind::not_found});
  if (!plan_.is_at_rest(number)) return std::unexpected(ChildError{.kind = ChildError::Kind::running});
  forget(number);
  return {};
}

SupervisorCell::Child* SupervisorCell::child_of(const ChildRef& child, std::size_t& number) {
  const auto look = [&](const auto& index, const auto& key) -> Child* {
    const auto found = index.find(key);
    if (found == index.end()) return nullptr;
    number = found->second;
    return &children_.at(number);
  };
  if (const auto* name = std::get_if<std::string>(&child.get())) return look(names_, *name);
  return look(numbers_, std::get<Address>(child.get()));
}

/// Answers who waits for what has become of it, and forgets it if that was its end.
void SupervisorCell::settle(std::size_t number) {
  Child& child = children_.at(number);
  if (plan_.state(number) == SupervisorPlan::State::up) {
    child.is_new = child.is_on_request = false;
    answer(child.until_up, {});
  }
  if (!plan_.is_at_rest(number) || plan_.is_winding_up()) return;
  answer(child.until_up, std::unexpected(ChildError{.kind = ChildError::Kind::failed,
                                                    .reason = child.last_exit.value_or(ExitReason{})}));
  const bool comes_and_goes = child.spec.options.restart.when == RestartPolicy::When::temporary ||
                              spec_->options.strategy == Strategy::simple_one_for_one;
  if (child.was_added && (child.is_new || comes_and_goes)) forget(number);
}

/// Precondition: it is at rest, or the supervisor has wound up.
void SupervisorCell::forget(std::size_t number) {
  const auto child = children_.find(number);
  const Address address = child->second.spec.address;
  numbers_.erase(address);
  if (const auto name = names_.find(plan_.name(number)); name != names_.end() && name->second == number) {
    names_.erase(name);
  }
  plan_.remove(number);
  children_.erase(child);
  if (address.is_local()) {
    scheduler().remove(address.actor);
  } else {
    system_.end_peer(address.link);
  }
}

void SupervisorCell::answer(Answers& waiting, const ChildOutcome& outcome) {
  for (Promise<ChildOutcome>& promise : std::exchange(waiting, {})) promise.fulfil(outcome);
}

/// Last of all: its own supervisor may go on at once.
void SupervisorCell::follow_up() {
  set_timer();
  if (is_reported_ || !plan_.is_up()) return;
  is_reported_ = true;
  scheduler().tell_started(*this);
}

void SupervisorCell::set_timer() {
  scheduler().cancel_call(std::exchange(timer_, {}));
  if (plan_.next_deadline_ns() == runtime::TimerQueue::never) return;
  timer_ = scheduler().call_at(plan_.next_deadline_ns(), {.function =
                                                              [](void* context, std::uint64_t) {
                                                                auto& cell = *static_cast<SupervisorCell*>(context);
                                                                cell.plan_.look(now_ns());
                                                                cell.follow_up();
                                                              },
                                                          .context = this});
}

// --- What the plan wants done

void SupervisorCell::start(std::size_t child) {
  const Address& address = children_.at(child).spec.address;
  if (address.is_local()) {
    scheduler().restart(address.actor);
  } else {
    system_.restart_peer(address.link);
  }
}

void SupervisorCell::stop(std::size_t child) { scheduler().stop(children_.at(child).spec.address); }

void SupervisorCell::close(std::size_t child) {
  const Address& address = children_.at(child).spec.address;
  if (address.is_local()) {
    scheduler().close(address.actor);
  } else if (!children_.at(child).is_on_request) {
    system_.end_peer(address.link);
  }
}

void SupervisorCell::overdue(std::size_t child) {
  system_.log().warn("supervisor: '{}' was told to stop and has not ended in time; others are stopped meanwhile",
                     plan_.name(child));
}

void SupervisorCell::decided(std::size_t child, const ExitReason& reason, const std::string& what) {
  system_.log().info("supervisor: '{}' {}: {}", plan_.name(child), to_string(reason), what);
}

void SupervisorCell::escalate(ExitReason reason) { scheduler().end(*this, std::move(reason)); }

std::vector<ChildInfo> SupervisorCell::children() const {
  const auto state_of = [](SupervisorPlan::State state) {
    switch (state) {
      case SupervisorPlan::State::down: return ChildInfo::State::down;
      case SupervisorPlan::State::starting: return ChildInfo::State::starting;
      case SupervisorPlan::State::up: return ChildInfo::State::up;
      case SupervisorPlan::State::stopping: return ChildInfo::State::stopping;
      case SupervisorPlan::State::closed:
      case SupervisorPlan::State::gone: break;
    }
    return ChildInfo::State::ended;
  };
  std::vector<ChildInfo> all;
  all.reserve(children_.size());
  for (const auto& [number, child] : children_) {
    all.push_back({.name = plan_.name(number),
                   .address = child.spec.address,
                   .state = state_of(plan_.state(number)),
                   .restarts = plan_.restarts(number),
                   .last_exit = child.last_exit});
  }
  return all;
}

ChildCounts SupervisorCell::count() const {
  ChildCounts counts{.specified = children_.size()};
  for (const auto& [number, child] : children_) {
    const auto state = plan_.state(number);
    if (state == SupervisorPlan::State::starting || state == SupervisorPlan::State::up ||
        state == SupervisorPlan::State::stopping) {
      ++counts.active;
    }
    ++(child.spec.is_supervisor ? counts.supervisors : counts.workers);
  }
  return counts;
}

}  // namespace ringmail::detail

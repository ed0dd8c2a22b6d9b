#include "supervisor_cell.hpp"

#include <spdlog/spdlog.h>

#include <random>

namespace ringmail::detail {

using runtime::Address;
using runtime::now_ns;

namespace {

std::uint64_t seed_of(const SupervisorOptions& options) {
  if (options.seed != 0) return options.seed;
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
  for (const SupervisorSpec::Child& child : spec_->children) {
    const ChildOptions& options = child.options;
    numbers_.emplace(
        child.address,
        plan_.add({.name = options.name, .restart = options.restart, .stop_timeout = options.stop_timeout}));
  }
  last_exits_.resize(plan_.size());
  for (const SupervisorSpec::Child& child : spec_->children) {
    if (!child.address.is_local()) scheduler().supervise_peer(child.address.link, id());
  }
}

void SupervisorCell::start() {
  if (numbers_.empty()) declare();
  plan_.start(now_ns(), seed_of(spec_->options));
  is_reported_ = false;
  follow_up();
}

void SupervisorCell::child_started(const Address& child) {
  plan_.started(numbers_.at(child), now_ns());
  follow_up();
}

void SupervisorCell::child_down(const Address& child, const ExitReason& reason, bool for_good) {
  const std::size_t number = numbers_.at(child);
  last_exits_[number] = reason;
  plan_.ended(number, reason, for_good, !system_.is_stopping(), now_ns());
  follow_up();
}

void SupervisorCell::wind_up() {
  plan_.wind_up(now_ns());
  follow_up();
}

void SupervisorCell::leave() {
  scheduler().cancel_call(timer_);
  for (const SupervisorSpec::Child& child : spec_->children) {
    if (child.address.is_local()) {
      scheduler().remove(child.address.actor);
    } else {
      system_.end_peer(child.address.link);
    }
  }
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
  const Address& address = spec_->children[child].address;
  if (address.is_local()) {
    scheduler().restart(address.actor);
  } else {
    system_.restart_peer(address.link);
  }
}

void SupervisorCell::stop(std::size_t child) { scheduler().stop(spec_->children[child].address); }

void SupervisorCell::close(std::size_t child) {
  const Address& address = spec_->children[child].address;
  if (address.is_local()) {
    scheduler().close(address.actor);
  } else {
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
  for (std::size_t i = 0; i < plan_.size(); ++i) {
    all.push_back({.name = plan_.name(i),
                   .address = spec_->children[i].address,
                   .state = state_of(plan_.state(i)),
                   .restarts = plan_.restarts(i),
                   .last_exit = last_exits_[i]});
  }
  return all;
}

}  // namespace ringmail::detail

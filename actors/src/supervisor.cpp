#include "ringmail/actors/supervisor.hpp"

#include <cassert>

#include "ringmail/actors/children.hpp"
#include "ringmail/actors/running_supervisor.hpp"
#include "supervisor_cell.hpp"

namespace ringmail {
namespace {

/// On the thread of the scheduler that has it, and at once where this is that.
template <class Task>
void at_home(runtime::System& system, runtime::ActorId id, Task task) {
  if (!id || system.is_forked()) return;
  runtime::Scheduler& home = system.scheduler(id.thread());
  if (runtime::Scheduler::current() == &home) {
    task(home, id);
  } else {
    home.post([&home, id, task] { task(home, id); });
  }
}

/// Of a child that is made anew for each life.
runtime::ActorId add_down(runtime::System& system,
                          runtime::ActorId parent,
                          const ChildOptions& options,
                          std::unique_ptr<runtime::Cell> cell) {
  cell->limit_mailbox(options.mailbox);
  if (options.reentrant) cell->make_reentrant();
  if (options.own_lane) cell->give_own_lane();
  return system.scheduler(system.place(options.scheduler))
      .add_down(std::move(cell),
                {.parent = parent, .supervised = true, .keeps_mail = options.on_restart == Mail::keep});
}

}  // namespace

std::vector<ChildInfo> Supervisor::on(const WhichChildren&) const { return cell_.children(); }
ChildCounts Supervisor::on(const CountChildren&) const { return cell_.count(); }

Later<ChildOutcome> Supervisor::on(const detail::StartChild& start) {
  cell_.start_child(start, this_actor::promise<ChildOutcome>());
  return {};
}
Later<ChildOutcome> Supervisor::on(const detail::TerminateChild& terminate) {
  cell_.terminate_child(terminate.child, this_actor::promise<ChildOutcome>());
  return {};
}
Later<ChildOutcome> Supervisor::on(const detail::RestartChild& restart) {
  cell_.restart_child(restart.child, this_actor::promise<ChildOutcome>());
  return {};
}
ChildOutcome Supervisor::on(const detail::DeleteChild& remove) { return cell_.delete_child(remove.child); }

SupervisorBuilder::SupervisorBuilder(runtime::System& system,
                                     const SupervisorOptions& options,
                                     const runtime::Scheduler::Role& role)
    : system_(&system), spec_(std::make_shared<detail::SupervisorSpec>()) {
  spec_->options = options;
  if (system.is_forked()) return;
  auto cell = std::make_unique<detail::SupervisorCell>(system, spec_);
  id_ = system.scheduler(system.place(options.scheduler)).add_down(std::move(cell), role);
}

SupervisorBuilder::SupervisorBuilder(SupervisorBuilder&& other) noexcept
    : system_(other.system_),
      spec_(std::move(other.spec_)),
      id_(std::exchange(other.id_, {})),
      is_owner_(std::exchange(other.is_owner_, false)) {}

SupervisorBuilder::~SupervisorBuilder() {
  if (!is_owner_) return;
  at_home(*system_, id_, [](runtime::Scheduler& home, runtime::ActorId id) { home.remove(id); });
}

runtime::Address SupervisorBuilder::add(ChildOptions options, std::unique_ptr<runtime::Cell> cell) {
  if (!id_) return {};
  const runtime::Address address{0, add_down(*system_, id_, options, std::move(cell))};
  if (address) spec_->children.push_back({address, std::move(options)});
  return address;
}

void SupervisorBuilder::add_peer(ChildOptions options, const runtime::Address& peer) {
  if (id_) spec_->children.push_back({peer, std::move(options)});
}

SupervisorBuilder SupervisorBuilder::supervisor(ChildOptions options, const SupervisorOptions& supervisor) {
  SupervisorBuilder builder = nested(*system_, id_, supervisor);
  if (builder.id_) spec_->children.push_back({{0, builder.id_}, std::move(options), true});
  return builder;
}

SupervisorBuilder SupervisorBuilder::nested(runtime::System& system,
                                            runtime::ActorId parent,
                                            const SupervisorOptions& options) {
  SupervisorBuilder builder(system, options, {.parent = parent, .supervised = true, .keeps_mail = true});
  builder.is_owner_ = false;
  return builder;
}

Mailbox<Supervisor> SupervisorBuilder::start() {
  assert(is_owner_ && "started already, or the child of another supervisor");
  is_owner_ = false;
  at_home(*system_, id_, [](runtime::Scheduler& home, runtime::ActorId id) { home.restart(id); });
  return mailbox();
}

// --- One that runs

detail::NewChild::~NewChild() {
  if (!address_) return;
  if (address_.is_local()) {
    at_home(*system_, address_.actor, [](runtime::Scheduler& home, runtime::ActorId id) { home.remove(id); });
  } else if (!system_->is_forked()) {
    system_->end_peer(address_.link);
  }
}

runtime::Address detail::add_new_child(const Mailbox<Supervisor>& supervisor,
                                       const ChildOptions& options,
                                       std::unique_ptr<runtime::Cell> cell) {
  runtime::System& system = *supervisor.system();
  if (system.is_forked()) return {};
  return {0, add_down(system, supervisor.address().actor, options, std::move(cell))};
}

namespace {

template <class Request>
ChildOutcome request(const Mailbox<Supervisor>& supervisor, Request request, std::chrono::nanoseconds timeout) {
  const auto answer = ask(supervisor, std::move(request), timeout);
  if (answer) return *answer;
  switch (answer.error()) {
    case AskError::timed_out:
    case AskError::full: return std::unexpected(ChildError{.kind = ChildError::Kind::timed_out});
    case AskError::stopped: return std::unexpected(ChildError{.kind = ChildError::Kind::stopped});
    default: return std::unexpected(ChildError{.kind = ChildError::Kind::unreachable});
  }
}

}  // namespace

ChildOutcome detail::start_child(const Mailbox<Supervisor>& supervisor,
                                 const runtime::Address& child,
                                 ChildOptions options,
                                 bool is_supervisor,
                                 std::chrono::nanoseconds timeout) {
  if (!child) return std::unexpected(ChildError{.kind = ChildError::Kind::unreachable});
  return request(supervisor,
                 StartChild{.child = std::make_shared<NewChild>(*supervisor.system(), child),
                            .options = std::move(options),
                            .is_supervisor = is_supervisor},
                 timeout);
}

ChildOutcome terminate_child(const Mailbox<Supervisor>& supervisor, ChildRef child, std::chrono::nanoseconds timeout) {
  return request(supervisor, detail::TerminateChild{std::move(child)}, timeout);
}

ChildOutcome restart_child(const Mailbox<Supervisor>& supervisor, ChildRef child, std::chrono::nanoseconds timeout) {
  return request(supervisor, detail::RestartChild{std::move(child)}, timeout);
}

ChildOutcome delete_child(const Mailbox<Supervisor>& supervisor, ChildRef child, std::chrono::nanoseconds timeout) {
  return request(supervisor, detail::DeleteChild{std::move(child)}, timeout);
}

std::string_view to_string(ChildError::Kind kind) {
  switch (kind) {
    case ChildError::Kind::already_present: return "a child of that name is there, and does not run";
    case ChildError::Kind::already_started: return "a child of that name runs";
    case ChildError::Kind::not_found: return "there is no such child";
    case ChildError::Kind::running: return "the child runs";
    case ChildError::Kind::failed: return "the child ended before it was up";
    case ChildError::Kind::unreachable: return "there is no such supervisor";
    case ChildError::Kind::timed_out: return "the supervisor has not answered in time";
    case ChildError::Kind::stopped: return "the asker was told to stop";
  }
  return "?";
}

SupervisorBuilder this_actor::supervise(const SupervisorOptions& options) {
  SupervisorBuilder builder(detail::this_system(), options, {.parent = detail::this_address().actor});
  if (builder.mailbox().address()) detail::adopt(builder.mailbox().address());
  return builder;
}

}  // namespace ringmail

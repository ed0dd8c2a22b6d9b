#include "ringmail/actors/supervisor.hpp"

#include <cassert>

#include "ringmail/actors/children.hpp"
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

}  // namespace

std::vector<ChildInfo> Supervisor::on(const WhichChildren&) const { return cell_.children(); }

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
  runtime::Scheduler& scheduler = system_->scheduler(system_->place(options.scheduler));
  cell->limit_mailbox(options.mailbox);
  if (options.reentrant) cell->make_reentrant();
  const runtime::ActorId actor = scheduler.add_down(
      std::move(cell), {.parent = id_, .supervised = true, .keeps_mail = options.on_restart == Mail::keep});
  const runtime::Address address{0, actor};
  if (address) spec_->children.push_back({address, std::move(options)});
  return address;
}

void SupervisorBuilder::add_peer(ChildOptions options, const runtime::Address& peer) {
  if (id_) spec_->children.push_back({peer, std::move(options)});
}

SupervisorBuilder SupervisorBuilder::supervisor(ChildOptions options, const SupervisorOptions& supervisor) {
  SupervisorBuilder nested(*system_, supervisor, {.parent = id_, .supervised = true, .keeps_mail = true});
  nested.is_owner_ = false;
  if (nested.id_) spec_->children.push_back({{0, nested.id_}, std::move(options)});
  return nested;
}

Mailbox<Supervisor> SupervisorBuilder::start() {
  assert(is_owner_ && "started already, or the child of another supervisor");
  is_owner_ = false;
  at_home(*system_, id_, [](runtime::Scheduler& home, runtime::ActorId id) { home.restart(id); });
  return mailbox();
}

SupervisorBuilder this_actor::supervise(const SupervisorOptions& options) {
  SupervisorBuilder builder(detail::this_system(), options, {.parent = detail::this_address().actor});
  if (builder.mailbox().address()) detail::adopt(builder.mailbox().address());
  return builder;
}

}  // namespace ringmail

#include "ringmail/runtime/system.hpp"

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <random>
#include <semaphore>
#include <system_error>

#include "default_signals.hpp"
#include "forward.hpp"
#include "local_ring.hpp"
#include "own_lanes.hpp"
#include "ringmail/runtime/blocking_pool.hpp"
#include "ringmail/runtime/dead_letter.hpp"
#include "ringmail/runtime/reactor.hpp"
#include "ringmail/runtime/simulator.hpp"
#include "stall_detector.hpp"
#include "stall_signal.hpp"
#include "system_link.hpp"

namespace ringmail::runtime {
namespace {

constexpr std::uint32_t most_schedulers_by_default = 8;

/// 0, or an error number.
int pin(std::thread& thread, int cpu) {
#ifdef __linux__
  if (cpu < 0 || cpu >= CPU_SETSIZE) return EINVAL;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  return pthread_setaffinity_np(thread.native_handle(), sizeof set, &set);
#else
  static_cast<void>(thread);
  static_cast<void>(cpu);
  return ENOTSUP;
#endif
}

/// More threads than CPUs: who spins keeps from its CPU the very thread that it waits for.
transport::SpinPolicy spin_policy(SpinMode mode, std::uint32_t schedulers) {
  if (mode == SpinMode::never) return transport::SpinPolicy::never();
  return schedulers > transport::usable_cpus() ? transport::SpinPolicy(0) : transport::SpinPolicy();
}

/// A passing actor: runs one function as its start, and is gone.
class Caller : public Cell {
 public:
  struct Call {
    MoveOnlyFunction<void()> body;
    bool ran = false;
    std::binary_semaphore done{0};
  };

  explicit Caller(Call& call) : call_(call) {}
  // Whatever has become of it: a scheduler that has ended destroys it as it is.
  ~Caller() override { call_.done.release(); }
  void start() override {
    call_.ran = true;
    call_.body();
    scheduler().stop({0, id()});
  }

 private:
  Call& call_;
};

constexpr const char* in_a_fork = "the system stays with the process that made it, and this is a fork of that";

}  // namespace

std::expected<std::unique_ptr<System>, std::string> System::create(const SystemOptions& options) {
  auto system = std::unique_ptr<System>(new System);
  system->log_ = options.log != nullptr ? options.log : spdlog::default_logger();
  system->compare_schemas_ = options.compare_schemas;
  system->describe_message_ = options.describe_message;
  system->system_schema_ = options.system_schema;
  std::random_device random;
  // 1: not 0, whatever the device says.
  system->id_ = std::uint64_t{random()} << 32 | random() | 1;
  if (options.accept_systems && options.listen.empty()) {
    return std::unexpected("accept_systems needs a path to listen at");
  }

  auto owner = transport::ForkGuard::create();
  if (!owner) return std::unexpected(std::string("a page to tell forks by: ") + std::strerror(owner.error()));
  system->owner_ = std::move(*owner);
  const std::uint32_t count = options.schedulers != 0
                                  ? std::min(options.schedulers, transport::max_lanes)
                                  : std::min<std::uint32_t>(transport::usable_cpus(), most_schedulers_by_default);
  auto bells = transport::Bells::create("ringmail.bells", count);
  if (!bells) return std::unexpected(to_string(bells.error()));
  system->bells_ = std::move(*bells);
  auto mirrors = transport::ParkMirrors::create(count);
  if (!mirrors) return std::unexpected(to_string(mirrors.error()));
  system->mirrors_ = std::move(*mirrors);

  system->simulator_ = options.simulator;
  if (options.asymmetric_barriers && options.simulator == nullptr) system->ordering_ = transport::best_ordering();
  const transport::SpinPolicy spin = spin_policy(options.spin, count);
  for (std::uint32_t i = 0; i < count; ++i) {
    auto& scheduler = *system->schedulers_.emplace_back(
        std::make_unique<Scheduler>(i, system->bells_[i], system->ordering_, system.get()));
    scheduler.stop_together(system->group_);
    // A peer that outlives a host may still have ids of actors that lived there.
    if (!options.listen.empty()) scheduler.count_generations_from(static_cast<std::uint32_t>(system->id_ >> 32));
    scheduler.set_budget(options.budget);
    scheduler.set_spin(spin);
    scheduler.show(system->mirrors_[i]);
    scheduler.on_exit = [self = system.get()](ActorId id, const ExitReason& reason, bool for_good) {
      if (for_good) self->actor_ended(id);
      if (reason.kind == ExitReason::Kind::failed) self->log_->error("an actor failed: {}", reason.text);
      if (reason.kind == ExitReason::Kind::escalated) self->log_->error("a supervisor: {}", to_string(reason));
    };
    scheduler.on_dead_letter = [self = system.get(), &scheduler](const Message& message, const char* why) {
      self->log_->debug("dead letter of type {:#x}: {}", message.type, why);
      self->tell_dead_letter(scheduler,
                             {.sender = message.asker.address,
                              .target = message.target,
                              .type = message.type,
                              .why = why,
                              .asked = static_cast<bool>(message.asker)},
                             message.binding);
    };
    scheduler.on_failed_barrier = [log = system->log_.get()] {
      log->warn("the kernel refuses barriers that it granted before: sleeps last 1 ms at most from now on");
    };
    scheduler.on_name = [self = system.get()](std::string_view name) { return self->find_name(name); };
    scheduler.on_elsewhere = [self = system.get()](std::uint32_t index, MoveOnlyFunction<void()> task) {
      self->schedulers_[index]->post(std::move(task));
    };
    scheduler.on_drained = [self = system.get()](std::uint32_t link) { self->reactor_->drained(link); };
    scheduler.on_stop_peer = [self = system.get()](std::uint32_t link) { self->stop_peer(link); };
    scheduler.on_forward = [self = system.get()](std::uint32_t thread, std::uint32_t link,
                                                 std::vector<Forward>& forwards) {
      if (thread >= self->schedulers_.size()) return false;
      Scheduler& other = *self->schedulers_[thread];
      other.post(
          [&other, link, taken = std::move(forwards)]() mutable { other.take_forwards(link, std::move(taken)); });
      return true;
    };
    scheduler.on_fault = [self = system.get()](std::uint32_t link, std::string what) {
      self->reactor_->peer_broke_protocol(link, std::move(what));
    };
  }
  // They may all be asleep, each for what another one's last actor could have sent.
  system->group_.on_empty = [self = system.get()] {
    for (auto& scheduler : self->schedulers_) scheduler->post([] {});
  };
  const std::uint64_t ring_bytes = options.ring_bytes != 0 ? options.ring_bytes : LocalRing::capacity;
  system->own_lanes_ = std::make_unique<OwnLanes>(system->schedulers_, system->bells_, ring_bytes);
  for (const auto& scheduler : system->schedulers_) scheduler->lend_lanes(*system->own_lanes_);
  for (std::uint32_t from = 0; from < count; ++from) {
    for (std::uint32_t to = 0; to < count; ++to) {
      if (from == to) continue;
      LocalRing& ring = *system->rings_.emplace_back(std::make_unique<LocalRing>(ring_bytes));
      system->schedulers_[to]->connect_from(ring, system->bells_[from]);
      system->schedulers_[from]->connect_to(to, ring, system->bells_[to]);
    }
  }

  system->blocking_ = std::make_unique<BlockingPool>(options.blocking, options.simulator != nullptr);
  system->shutdown_options_ = options.shutdown;
  if (options.simulator != nullptr) {
    system->reactor_ = options.simulator->attach(*system, *system);
    system->running_ = true;
    return system;
  }
  auto reactor = Reactor::start({.log = system->log_,
                                 .listen = options.listen,
                                 .accept_systems = options.accept_systems,
                                 .peer_cgroup = options.peer_cgroup},
                                *system);
  if (!reactor) return std::unexpected(reactor.error());
  system->reactor_ = std::move(*reactor);
  system->running_ = true;
  try {
    system->start_threads(options);
  } catch (const std::system_error& error) {
    return std::unexpected(std::string("a thread: ") + error.what());
  }
  if (options.handle_signals) {
    const auto entered = DefaultSignals::enter(*system);
    system->handles_signals_ = entered.has_value();
    if (!entered) system->log_->warn("SIGINT and SIGTERM end the process at once: {}", entered.error());
  }
  return system;
}

void System::start_threads(const SystemOptions& options) {
  const bool watch = options.stall.limit.count() > 0;
  int stall_signal = 0;
  if (watch) {
    const auto installed = install_stall_signal(options.stall.signal);
    if (installed) {
      stall_signal = *installed;
    } else {
      log_->warn("stalls are reported without stacks: {}", installed.error());
    }
  }
  std::vector<StallDetector::Watched> watched;
  for (std::uint32_t i = 0; i < schedulers(); ++i) {
    auto& thread = threads_.emplace_back([this, scheduler = schedulers_[i].get(), stall_signal] {
      if (stall_signal != 0) let_ask(stall_signal);
      scheduler->run();
      thread_ended();
    });
    watched.push_back({.scheduler = schedulers_[i].get(), .thread = thread.native_handle()});
    if (i >= options.cpus.size()) continue;
    if (const int error = pin(thread, options.cpus[i]); error != 0) {
      log_->warn("scheduler {} is not pinned to CPU {}: {}", i, options.cpus[i], std::strerror(error));
    }
  }
  if (!watch) return;
  stalls_ = std::make_unique<StallDetector>(
      options.stall.limit, stall_signal, std::move(watched), [this](ActorId actor) { return name_of(actor); }, log_);
}

System::~System() {
  shutdown();
  if (!is_forked()) return;
  // Its threads are not here, so there is nobody to join, and what they were in the middle of cannot be taken apart.
  static_cast<void>(stalls_.release());
  static_cast<void>(blocking_.release());
  static_cast<void>(reactor_.release());
  for (auto& scheduler : schedulers_) static_cast<void>(scheduler.release());
  for (auto& ring : rings_) static_cast<void>(ring.release());
  static_cast<void>(own_lanes_.release());
  static_cast<void>(new std::vector<std::thread>(std::move(threads_)));
}

ActorId System::spawn(std::unique_ptr<Cell> cell, Placement placement) {
  if (is_gone()) return {};
  return schedulers_[place(placement)]->add(std::move(cell));
}

std::uint32_t System::place(Placement placement) {
  if (!placement.is_round_robin() && !placement.is_least_loaded()) return placement.scheduler() % schedulers();
  const std::uint32_t next = next_placement_.fetch_add(1, std::memory_order_relaxed) % schedulers();
  if (placement.is_round_robin()) return next;
  std::uint32_t best = next;
  Scheduler::Load least = schedulers_[best]->load();
  for (std::uint32_t i = 1; i < schedulers(); ++i) {
    const std::uint32_t index = (next + i) % schedulers();
    const Scheduler::Load load = schedulers_[index]->load();
    // A few messages come and go in a microsecond, and say nothing.
    const auto rank = [](const Scheduler::Load& of) { return std::pair(of.waiting / 64, of.actors); };
    if (rank(load) < rank(least)) {
      best = index;
      least = load;
    }
  }
  return best;
}

bool System::set_name(std::string name, ActorId actor) {
  const std::lock_guard lock(names_mutex_);
  const auto [entry, is_new] = names_.emplace(std::move(name), actor);
  if (!is_new) return false;
  name_count_.store(names_.size(), std::memory_order_relaxed);
  // It may have ended before there was a name to forget. After this it is actor_ended() that sees the name, ordered by the lock
  // that both this and the actor's end take.
  if (actor.thread() < schedulers_.size() && schedulers_[actor.thread()]->is_live(actor)) return true;
  names_.erase(entry);
  name_count_.store(names_.size(), std::memory_order_relaxed);
  return false;
}

ActorId System::find_name(std::string_view name) const {
  const std::lock_guard lock(names_mutex_);
  const auto found = names_.find(std::string(name));
  return found != names_.end() ? found->second : ActorId();
}

bool System::join(Group& group, const Member& member) {
  if (!groups_.join(group, member)) return false;
  if (!member.address.is_local()) return true;
  // As with a name: it may have ended before it was there to be forgotten.
  const ActorId actor = member.address.actor;
  if (actor.thread() < schedulers_.size() && schedulers_[actor.thread()]->is_live(actor)) return true;
  group.leave(member.address);
  return false;
}

/// `binding`: of the message in this process; null: it is not known.
void System::tell_dead_letter(Scheduler& scheduler, const DeadLetter& letter, const Binding* binding) {
  if (dead_letters_.version() == 0) return;
  for (const Member& member : *dead_letters_.members()) {
    // One that reaches nobody itself is not told of.
    if (binding != nullptr && binding->type == member.binding->type) continue;
    alignas(DeadLetter) std::byte room[sizeof(DeadLetter)];
    scheduler.send_system(member.address, *member.binding, ::new (room) DeadLetter(letter));
  }
}

void System::actor_ended(ActorId id) {
  groups_.forget({0, id});
  if (live_system_count_.load(std::memory_order_relaxed) != 0) {
    const std::lock_guard lock(systems_mutex_);
    for (RemoteSystem* const system : live_systems_) system->shut_out(id);
  }
  if (name_count_.load(std::memory_order_relaxed) == 0) return;
  const std::lock_guard lock(names_mutex_);
  std::erase_if(names_, [id](const auto& entry) { return entry.second == id; });
  name_count_.store(names_.size(), std::memory_order_relaxed);
}

bool System::call(std::uint32_t index, MoveOnlyFunction<void()> body) {
  assert(Scheduler::current() == nullptr && "a scheduler's thread must not wait for a scheduler");
  if (is_gone()) return false;
  if (simulator_ != nullptr) return call_simulated(*schedulers_[index % schedulers()], std::move(body));
  Caller::Call call{.body = std::move(body)};
  schedulers_[index % schedulers()]->add(std::make_unique<Caller>(call));
  call.done.acquire();
  return call.ran;
}

bool System::call_simulated(Scheduler& scheduler, MoveOnlyFunction<void()> body) {
  Caller::Call call{.body = std::move(body)};
  const ActorId caller = scheduler.add(std::make_unique<Caller>(call));
  const auto returned = [&] { return call.done.try_acquire(); };
  if (simulator_->run_until(returned, std::chrono::nanoseconds::max())) return call.ran;
  // What it waits for will not come: it goes on with an error, for it uses this stack.
  scheduler.post([&scheduler, caller] { scheduler.stop({0, caller}); });
  if (simulator_->run_until(returned, std::chrono::nanoseconds::max())) return call.ran;
  log_->critical("a simulated handler cannot be ended: {}", explain_shutdown().to_string());
  std::abort();
}

std::expected<System::PeerHandle, std::string> System::spawn_peer(const PeerOptions& options) {
  if (is_forked()) return std::unexpected(in_a_fork);
  Link* entry = nullptr;
  std::uint32_t number = 0;
  {
    const std::lock_guard lock(links_mutex_);
    links_.push_back(std::make_unique<Link>());
    entry = links_.back().get();
    entry->name = options.name;
    entry->schema = options.schema;
    entry->exactly_once = options.exactly_once;
    number = static_cast<std::uint32_t>(links_.size());
  }
  auto spawned = reactor_->spawn_peer(
      number, options,
      [this, number](const ExitReason& reason, const LinkAccount& account) { end_link(number, reason, account); });
  if (!spawned) {
    const std::lock_guard lock(entry->mutex);
    entry->end = PeerEnd{.reason = {.text = spawned.error()}, .account = {}};
    return std::unexpected(spawned.error());
  }
  return PeerHandle{number};
}

void System::stop_peer(std::uint32_t link) {
  if (is_forked()) return;
  const RemoteSystem* const system = system_behind(link);
  if (system == nullptr) return reactor_->stop_peer(link);
  for (std::uint32_t i = 0; i < system->schedulers(); ++i) reactor_->stop_peer(system->first_link() + i);
}

void System::restart_peer(std::uint32_t link) {
  if (!is_forked()) reactor_->restart_peer(link);
}

void System::end_peer(std::uint32_t link) {
  if (!is_forked()) reactor_->end_peer(link);
}

System::PeerEnd System::wait_for_end(std::uint32_t link) {
  if (is_forked()) return {.reason = {.text = in_a_fork}, .account = {}};
  Link& entry = link_entry(link);
  std::unique_lock lock(entry.mutex);
  entry.changed.wait(lock, [&] { return entry.end.has_value(); });
  return *entry.end;
}

bool System::wait_until_ready(std::uint32_t link) {
  if (is_forked()) return false;
  Link& entry = link_entry(link);
  std::unique_lock lock(entry.mutex);
  entry.changed.wait(lock, [&] { return entry.end.has_value() || entry.incarnation != 0; });
  return !entry.end.has_value();
}

int System::peer_pid(std::uint32_t link) const { return reactor_->peer_pid(link); }

std::uint64_t System::incarnation(std::uint32_t link) const {
  Link& entry = link_entry(link);
  const std::lock_guard lock(entry.mutex);
  return entry.incarnation;
}

const std::shared_ptr<IoHub>& System::io() const { return reactor_->io(); }

System::Link& System::link_entry(std::uint32_t link) const {
  const std::lock_guard lock(links_mutex_);
  assert(link >= 1 && link <= links_.size());
  return *links_[link - 1];
}

SystemCounters System::counters() {
  SystemCounters sum;
  if (phase_ == SystemPhase::given_up) return sum;
  for (auto& scheduler : schedulers_) {
    SchedulerCounters counters;
    if (running_ && !is_forked() && simulator_ == nullptr) {
      std::binary_semaphore done(0);
      scheduler->post([&] {
        counters = scheduler->counters();
        done.release();
      });
      done.acquire();
    } else {
      counters = scheduler->counters();
    }
    sum.sent += counters.sent;
    sum.messages += counters.messages;
    sum.dead_letters += counters.dead_letters;
    sum.dropped += counters.dropped;
    sum.sleeps += counters.sleeps;
    sum.spins += counters.spins;
    sum.lost_wakeups += counters.lost_wakeups;
    sum.failed_barriers += counters.failed_barriers;
  }
  return sum;
}

}  // namespace ringmail::runtime

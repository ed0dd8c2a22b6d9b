#include "ringmail/runtime/system.hpp"

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cassert>
#include <semaphore>

#include "local_ring.hpp"
#include "ringmail/runtime/reactor.hpp"
#include "system_link.hpp"

namespace ringmail::runtime {
namespace {

constexpr std::uint32_t most_schedulers_by_default = 8;

void pin(std::thread& thread, int cpu) {
#ifdef __linux__
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  pthread_setaffinity_np(thread.native_handle(), sizeof set, &set);
#else
  static_cast<void>(thread);
  static_cast<void>(cpu);
#endif
}

/// A passing actor: runs one function as its start, and is gone.
class Caller : public Cell {
 public:
  Caller(std::move_only_function<void()> body, std::binary_semaphore& done) : body_(std::move(body)), done_(done) {}
  void start() override {
    body_();
    scheduler().stop({0, id()});
  }
  void stopped(const ExitReason&) override { done_.release(); }

 private:
  std::move_only_function<void()> body_;
  std::binary_semaphore& done_;
};

}  // namespace

std::expected<std::unique_ptr<System>, std::string> System::create(const SystemOptions& options) {
  auto system = std::unique_ptr<System>(new System);
  system->log_ = options.log != nullptr ? options.log : spdlog::default_logger();
  system->compare_schemas_ = options.compare_schemas;

  const std::uint32_t count = options.schedulers != 0
                                  ? std::min(options.schedulers, transport::max_lanes)
                                  : std::min<std::uint32_t>(transport::usable_cpus(), most_schedulers_by_default);
  auto bells = transport::Bells::create("ringmail.bells", count);
  if (!bells) return std::unexpected(to_string(bells.error()));
  system->bells_ = std::move(*bells);

  for (std::uint32_t i = 0; i < count; ++i) {
    auto& scheduler = *system->schedulers_.emplace_back(std::make_unique<Scheduler>(i, system->bells_[i], system.get()));
    scheduler.on_exit = [self = system.get()](ActorId id, const ExitReason& reason) {
      self->actor_ended(id);
      if (reason.kind == ExitReason::Kind::failed) self->log_->error("an actor failed: {}", reason.text);
    };
    scheduler.on_dead_letter = [log = system->log_.get()](const Message& message, const char* why) {
      log->debug("dead letter of type {:#x}: {}", message.type, why);
    };
    scheduler.on_stop_peer = [self = system.get()](std::uint32_t link) { self->stop_peer(link); };
    scheduler.on_fault = [self = system.get()](std::uint32_t link, std::string what) {
      self->reactor_->peer_broke_protocol(link, std::move(what));
    };
  }
  for (std::uint32_t from = 0; from < count; ++from) {
    for (std::uint32_t to = 0; to < count; ++to) {
      if (from == to) continue;
      LocalRing& ring = *system->rings_.emplace_back(std::make_unique<LocalRing>());
      system->schedulers_[to]->connect_from(ring, system->bells_[from]);
      system->schedulers_[from]->connect_to(to, ring, system->bells_[to]);
    }
  }

  auto reactor = Reactor::start({.log = system->log_, .listen = options.listen}, *system);
  if (!reactor) return std::unexpected(reactor.error());
  system->reactor_ = std::move(*reactor);
  for (std::uint32_t i = 0; i < count; ++i) {
    auto& thread = system->threads_.emplace_back([scheduler = system->schedulers_[i].get()] { scheduler->run(); });
    if (i < options.cpus.size()) pin(thread, options.cpus[i]);
  }
  system->running_ = true;
  return system;
}

System::~System() { shutdown(); }

void System::shutdown() {
  assert(Scheduler::current() == nullptr);
  if (!running_) return;
  running_ = false;
  // Peers first: they drain through the schedulers.
  reactor_->stop();
  for (auto& scheduler : schedulers_) scheduler->request_stop();
  for (auto& thread : threads_) thread.join();
}

ActorId System::spawn(std::unique_ptr<Cell> cell, std::uint32_t placement) {
  const std::uint32_t index = placement != any_scheduler
                                  ? placement % schedulers()
                                  : next_placement_.fetch_add(1, std::memory_order_relaxed) % schedulers();
  return schedulers_[index]->add(std::move(cell));
}

bool System::set_name(std::string name, ActorId actor) {
  const std::lock_guard lock(names_mutex_);
  if (!names_.emplace(std::move(name), actor).second) return false;
  name_count_.store(names_.size(), std::memory_order_relaxed);
  return true;
}

ActorId System::find_name(std::string_view name) const {
  const std::lock_guard lock(names_mutex_);
  const auto found = names_.find(std::string(name));
  return found != names_.end() ? found->second : ActorId();
}

void System::actor_ended(ActorId id) {
  if (name_count_.load(std::memory_order_relaxed) == 0) return;
  const std::lock_guard lock(names_mutex_);
  std::erase_if(names_, [id](const auto& entry) { return entry.second == id; });
  name_count_.store(names_.size(), std::memory_order_relaxed);
}

void System::call(std::uint32_t index, std::move_only_function<void()> body) {
  assert(Scheduler::current() == nullptr && "a scheduler's thread must not wait for a scheduler");
  std::binary_semaphore done(0);
  schedulers_[index % schedulers()]->add(std::make_unique<Caller>(std::move(body), done));
  done.acquire();
}

std::expected<System::PeerHandle, std::string> System::spawn_peer(const PeerOptions& options) {
  Link* entry = nullptr;
  std::uint32_t number = 0;
  {
    const std::lock_guard lock(links_mutex_);
    links_.push_back(std::make_unique<Link>());
    entry = links_.back().get();
    number = static_cast<std::uint32_t>(links_.size());
  }
  auto spawned = reactor_->spawn_peer(number, options, [entry](ExitReason reason, LinkAccount account) {
    const std::lock_guard lock(entry->mutex);
    entry->end = PeerEnd{std::move(reason), std::move(account)};
    entry->changed.notify_all();
  });
  if (!spawned) return std::unexpected(spawned.error());
  return PeerHandle{number};
}

void System::stop_peer(std::uint32_t link) { reactor_->stop_peer(link); }

System::PeerEnd System::wait_for_end(std::uint32_t link) {
  Link& entry = link_entry(link);
  std::unique_lock lock(entry.mutex);
  entry.changed.wait(lock, [&] { return entry.end.has_value(); });
  return *entry.end;
}

bool System::wait_until_ready(std::uint32_t link) {
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

System::Link& System::link_entry(std::uint32_t link) const {
  const std::lock_guard lock(links_mutex_);
  assert(link >= 1 && link <= links_.size());
  return *links_[link - 1];
}

SystemCounters System::counters() {
  SystemCounters sum;
  for (std::uint32_t i = 0; i < schedulers(); ++i) {
    std::binary_semaphore done(0);
    SchedulerCounters counters;
    schedulers_[i]->post([&, i] {
      counters = schedulers_[i]->counters();
      done.release();
    });
    done.acquire();
    sum.messages += counters.messages;
    sum.dead_letters += counters.dead_letters;
    sum.sleeps += counters.sleeps;
    sum.lost_wakeups += counters.lost_wakeups;
  }
  return sum;
}

}  // namespace ringmail::runtime

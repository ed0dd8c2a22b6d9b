// How a system ends: drain, peers, actors, threads, each with its deadline; and what is left while it has not.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cassert>
#include <condition_variable>
#include <system_error>

#include "default_signals.hpp"
#include "ringmail/runtime/blocking_pool.hpp"
#include "ringmail/runtime/peer_keeper.hpp"
#include "ringmail/runtime/simulator.hpp"
#include "ringmail/runtime/system.hpp"
#include "scheduler_round.hpp"
#include "stall_detector.hpp"
#include "system_link.hpp"
#include "termination_signal.hpp"

namespace ringmail::runtime {
namespace {

using std::chrono::nanoseconds;

constexpr std::size_t most_reported_actors = 64;
constexpr std::size_t most_explained_peers = 16;
/// Schedulers are asked whether anything is left, first after 1 ms, then more and more seldom.
constexpr auto longest_drain_interval = std::chrono::milliseconds(20);

std::uint64_t after(nanoseconds time) { return Deadline::after(time).at_ns(); }

}  // namespace

/// Waits until `is_done`, which is called under the lock, and logs what it waits for. False: the time is up.
template <class IsDone>
bool System::wait_for_phase(nanoseconds limit, nanoseconds report_after, IsDone&& is_done) {
  const std::uint64_t begun = now_ns();
  const std::uint64_t deadline = after(limit);
  auto report_in = report_after;
  std::uint64_t report_at = after(report_in);
  std::unique_lock lock(end_mutex_);
  while (!is_done()) {
    const std::uint64_t now = now_ns();
    if (now >= deadline) return false;
    if (now >= report_at) {
      lock.unlock();
      log_->warn("shutdown takes {:.1f} s so far: {}", static_cast<double>(now - begun) / 1e9,
                 explain_shutdown().to_string());
      lock.lock();
      report_in *= 2;
      report_at = after(report_in);
      continue;
    }
    const std::uint64_t longest = std::min<std::uint64_t>(std::min(deadline, report_at) - now, 3'600'000'000'000);
    end_changed_.wait_for(lock, nanoseconds(longest));
  }
  return true;
}

bool System::shutdown(const ShutdownOptions& options) {
  if (is_forked()) return true;
  assert(Scheduler::current() == nullptr);
  // A signal may be shutting it down: whoever else asks for it waits for that.
  const std::lock_guard one_at_a_time(shutdown_mutex_);
  if (!running_) return phase_ == SystemPhase::ended;
  if (simulator_ != nullptr) return shutdown_simulated(options);
  running_ = false;
  if (options.drain > nanoseconds(0)) {
    phase_ = SystemPhase::draining;
    if (!drain(options.drain)) {
      log_->warn("shutdown: mailboxes were not empty in time: {}", explain_shutdown().to_string());
    }
  }

  // Peers first: they drain through the schedulers.
  phase_ = SystemPhase::stopping_peers;
  const auto stop_reactor = [this] {
    reactor_->stop();
    const std::lock_guard lock(end_mutex_);
    reactor_stopped_ = true;
    end_changed_.notify_all();
  };
  std::thread stopper;
  try {
    stopper = std::thread(stop_reactor);
  } catch (const std::system_error&) {
    stop_reactor();  // without a thread there is no deadline for it, but an end
  }
  const auto reactor_stopped = [this] { return reactor_stopped_; };
  if (!wait_for_phase(options.peers, options.report_after, reactor_stopped)) {
    log_->error("shutdown: peers have not ended in time, and actors are stopped without them: {}",
                explain_shutdown().to_string());
  }

  phase_ = SystemPhase::stopping_actors;
  for (auto& scheduler : schedulers_) scheduler->request_stop();
  const auto threads_ended = [this] { return ended_threads_ == threads_.size(); };
  const bool all_ended = wait_for_phase(options.actors, options.report_after, threads_ended);
  // A reactor that waited for an actor which has ended now will not be told any more.
  if (!all_ended || !wait_for_phase(nanoseconds(0), options.report_after, reactor_stopped)) {
    log_->error("shutdown is given up: {}", explain_shutdown().to_string());
    phase_ = SystemPhase::given_up;
    stalls_.reset();  // it asks threads, and a detached one that has ended must not be asked
    if (stopper.joinable()) stopper.detach();
    for (auto& thread : threads_) thread.detach();
    return false;
  }
  if (stopper.joinable()) stopper.join();
  stalls_.reset();
  for (auto& thread : threads_) thread.join();
  blocking_.reset();
  for (auto& scheduler : schedulers_) scheduler->bury();
  phase_ = SystemPhase::ended;
  return true;
}

/// The same on one thread.
bool System::shutdown_simulated(const ShutdownOptions& options) {
  running_ = false;
  if (options.drain > nanoseconds(0)) {
    phase_ = SystemPhase::draining;
    if (!simulator_->run_until([this] { return is_quiet(); }, options.drain)) {
      log_->warn("shutdown: mailboxes were not empty in time: {}", explain_shutdown().to_string());
    }
  }
  phase_ = SystemPhase::stopping_peers;
  reactor_->stop();
  phase_ = SystemPhase::stopping_actors;
  for (auto& scheduler : schedulers_) scheduler->request_stop();
  const auto all_ended = [this] {
    return std::ranges::all_of(schedulers_, [](const auto& scheduler) { return scheduler->has_ended(); });
  };
  if (!simulator_->run_until(all_ended, options.actors)) {
    log_->error("shutdown is given up: {}", explain_shutdown().to_string());
    phase_ = SystemPhase::given_up;
    return false;
  }
  blocking_.reset();
  for (auto& scheduler : schedulers_) scheduler->bury();
  phase_ = SystemPhase::ended;
  return true;
}

bool System::is_quiet() const {
  return std::ranges::all_of(schedulers_, [](const auto& scheduler) { return scheduler->is_drained(); });
}

/// Until nothing that was sent waits anywhere, twice in a row and with nothing done in between.
bool System::drain(nanoseconds limit) {
  const std::uint64_t deadline = after(limit);
  nanoseconds interval = std::chrono::milliseconds(1);
  std::uint64_t last_done = ~std::uint64_t{0};
  while (now_ns() < deadline) {
    struct Answer {
      bool quiet = false;
      std::uint64_t done = 0;
    };
    auto round = std::make_shared<Round<Answer>>(schedulers_.size());
    for (auto& scheduler : schedulers_) {
      scheduler->post([round, scheduler = scheduler.get()] {
        const SchedulerCounters counters = scheduler->counters();
        round->put(scheduler->index(),
                   {.quiet = scheduler->is_drained(),
                    .done = counters.sent + counters.messages + counters.dead_letters + counters.dropped});
      });
    }
    std::unique_lock lock(round->mutex);
    const std::uint64_t now = now_ns();
    if (now >= deadline) return false;
    if (!round->changed.wait_for(lock, nanoseconds(std::min<std::uint64_t>(deadline - now, 3'600'000'000'000)),
                                 [&] { return round->is_complete(); })) {
      return false;
    }
    std::uint64_t done = 0;
    bool quiet = true;
    for (const Answer& answer : round->answers) {
      done += answer.done;
      quiet = quiet && answer.quiet;
    }
    if (quiet && done == last_done) return true;
    last_done = quiet ? done : ~std::uint64_t{0};
    std::unique_lock waiting(end_mutex_);
    end_changed_.wait_for(waiting, interval);
    interval = std::min<nanoseconds>(2 * interval, longest_drain_interval);
  }
  return false;
}

ShutdownReport System::explain_shutdown() {
  ShutdownReport report;
  report.phase = phase_;
  if (is_forked() || report.phase == SystemPhase::ended) return report;

  struct Answer {
    std::vector<LiveActor> actors;
    std::size_t live = 0;
    std::size_t timers = 0;
  };
  auto round = std::make_shared<Round<Answer>>(schedulers_.size());
  const auto ask = [round](const Scheduler& scheduler) {
    Answer answer;
    answer.live = scheduler.explain_actors(answer.actors, most_reported_actors);
    answer.timers = scheduler.timers();
    round->put(scheduler.index(), std::move(answer));
  };
  for (auto& scheduler : schedulers_) {
    if (scheduler.get() == Scheduler::current() || simulator_ != nullptr) {
      ask(*scheduler);
    } else {
      scheduler->post([ask, scheduler = scheduler.get()] { ask(*scheduler); });
    }
  }
  std::unique_lock lock(round->mutex);
  round->changed.wait_for(lock, answer_timeout, [&] { return round->is_complete(); });
  for (std::uint32_t i = 0; i < schedulers_.size(); ++i) {
    Answer answer;
    const bool answers = round->answered[i];
    if (answers) {
      answer = std::move(round->answers[i]);
    } else {
      answer.live = schedulers_[i]->list_actors(answer.actors, most_reported_actors);
      if (answer.live == 0) continue;
    }
    report.live_actors += answer.live;
    report.schedulers.push_back({.index = i, .answers = answers, .timers = answer.timers});
    for (LiveActor& actor : answer.actors) {
      if (report.actors.size() == most_reported_actors) break;
      report.actors.push_back(std::move(actor));
    }
  }
  lock.unlock();
  for (LiveActor& actor : report.actors) actor.name = name_of(actor.id);
  explain_peers(report);
  return report;
}

void System::explain_peers(ShutdownReport& report) {
  {
    const std::lock_guard lock(links_mutex_);
    for (std::size_t i = 0; i < links_.size(); ++i) {
      const std::lock_guard entry_lock(links_[i]->mutex);
      if (links_[i]->end) continue;
      const auto link = static_cast<std::uint32_t>(i + 1);
      report.peers.push_back({.link = link, .name = links_[i]->name, .pid = reactor_->peer_pid(link)});
    }
  }
  // Some of them: each takes a while where a scheduler does not answer.
  for (std::size_t i = 0; i < std::min(report.peers.size(), most_explained_peers); ++i) {
    if (const auto status = peer_status(report.peers[i].link)) report.peers[i].doing = runtime::to_string(*status);
  }
}

std::string System::name_of(ActorId actor) const {
  if (name_count_.load(std::memory_order_relaxed) == 0) return {};
  const std::lock_guard lock(names_mutex_);
  const auto found = std::ranges::find_if(names_, [actor](const auto& entry) { return entry.second == actor; });
  return found != names_.end() ? found->first : std::string();
}

void System::thread_ended() {
  const std::lock_guard lock(end_mutex_);
  ++ended_threads_;
  end_changed_.notify_all();
}

std::expected<System::Ended, std::string> System::run_until_signal(const ShutdownOptions& options) {
  auto signals = TerminationSignal::watch();
  if (!signals) return std::unexpected(std::move(signals.error()));
  const int number = signals->wait();
  log_->info("signal {}: the system is being shut down; the next one ends the process", number);
  return Ended{.signal = number, .complete = shutdown(options)};
}

void System::operator delete(System* system, std::destroying_delete_t) {
  system->shutdown();
  if (system->handles_signals_ && !system->is_forked()) DefaultSignals::leave(*system);
  if (system->phase_ == SystemPhase::given_up) return;
  system->~System();
  ::operator delete(system);
}

}  // namespace ringmail::runtime

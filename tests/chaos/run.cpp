#include "run.hpp"

#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/spdlog.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <map>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

#include "../transport/sanitized.hpp"
#include "load.hpp"
#include "plan.hpp"
#include "ringmail/transport/descriptor.hpp"
#include "traffic.hpp"

namespace ringmail::chaos {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using runtime::test::Footprint;

namespace {

constexpr std::uint32_t schedulers = 2;
constexpr std::uint64_t mail_bytes = 1 << 16;  // 1,024 frames of a line
constexpr std::uint64_t most_apart = 8192;     // what is open of a stream, and what a batch may repeat, are far less
/// No machine explains that it takes longer until all has come that was sent.
constexpr auto patience = transport::test::sanitized ? 120s : 60s;

/// Slow starters would never come to work if they were as often disturbed as the others.
std::uint32_t weight_of(const std::string& language) {
  if (language == "java" || language == "node") return 1;
  return language == "python" ? 2 : 4;
}

/// A process that cannot be mistaken for another one of the same number.
class Process {
 public:
  explicit Process(int pid) : descriptor_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {}
  void signal(int number) const { syscall(SYS_pidfd_send_signal, descriptor_.get(), number, nullptr, 0); }

 private:
  transport::Descriptor descriptor_;
};

class World {
 public:
  World(const RunOptions& options, const FullDisk& disk) : options_(options), disk_(disk) {
    log_->set_level(spdlog::level::warn);
    auto created = System::create({.schedulers = schedulers, .log = log_});
    if (!created) throw std::runtime_error(created.error());
    system_.emplace(std::move(*created));
    system_->dead_letters().subscribe(system_->spawn<DeadLetters>(peers_));
    loads_.emplace(*system_);
    for (const test::Language& language : options.languages) {
      planned_.push_back(
          {.name = language.name, .weight = weight_of(language.name), .is_stray = language.name == "stray"});
      add(language);
    }
    stopped_.resize(peers_.size());
  }

  const std::vector<PlannedPeer>& planned() const { return planned_; }

  /// All of a plan, at its times.
  void follow(const std::vector<Step>& plan) {
    std::multimap<std::chrono::milliseconds, std::pair<const Step*, Impulse::What>> agenda;
    for (const Step& step : plan) {
      for (const Impulse& impulse : impulses_of(step)) agenda.emplace(impulse.at, std::pair(&step, impulse.what));
    }
    const auto begin = Clock::now();
    const auto wait_until = [&](std::chrono::milliseconds at) {
      while (Clock::now() < begin + at) {
        loads_->probe();
        std::this_thread::sleep_until(std::min(begin + at, Clock::now() + 5ms));
      }
    };
    for (const auto& [at, what] : agenda) {
      wait_until(at);
      give(*what.first, what.second);
    }
    wait_until(options_.length);
  }

  /// Nothing more is done and sent: all that was sent has to come.
  void settle() {
    disk_.free();
    for (std::size_t peer = 0; peer < peers_.size(); ++peer) go_on(peer);
    for (const auto& peer : peers_) peer->is_closing = true;
    // One that is lost on purpose never comes.
    const auto until = Clock::now() + (options_.fault.empty() ? std::chrono::seconds(patience) : 5s);
    const auto is_open = [&] {
      return std::ranges::any_of(peers_, [](const auto& peer) {
        return std::ranges::any_of(peer->ledgers, [](const auto& ledger) { return ledger->open() > 0; });
      });
    };
    while (is_open() && Clock::now() < until) std::this_thread::sleep_for(1ms);
  }

  void close(Verdict& verdict) {
    for (const auto& peer : peers_) peer->mailbox.stop();
    for (const auto& peer : peers_) close(*peer, verdict);
    system_->shutdown();
    const auto counters = system_->counters();
    const auto fault = [&](std::string what) { verdict.faults.push_back(std::move(what)); };
    if (counters.lost_wakeups != 0) fault(std::to_string(counters.lost_wakeups) + " wakeups were lost");
    if (counters.failed_barriers != 0) fault(std::to_string(counters.failed_barriers) + " barriers failed");
    const std::uint64_t came = counters.sent + received_;
    if (came != counters.messages + counters.dead_letters + counters.dropped) {
      fault("in the host " + std::to_string(counters.sent) + " were sent and " + std::to_string(received_) +
            " received, " + std::to_string(counters.messages) + " handled, " + std::to_string(counters.dead_letters) +
            " dead letters");
    }
    const Load& load = loads_->load();
    if (load.sent != load.taken) {
      fault("of a flood of " + std::to_string(load.sent) + ", " + std::to_string(load.taken) + " came");
    }
    verdict.lost_wakeups = counters.lost_wakeups;
    verdict.oldest_wakeup_ns = load.oldest_wakeup_ns;
  }

  void print() const {
    for (const std::string& line : accounts_) std::printf("  %s\n", line.c_str());
    std::printf("the log's last lines:\n");
    for (const std::string& line : lines_->last_formatted()) std::printf("  %s", line.c_str());
  }

 private:
  void add(const test::Language& language) {
    const std::size_t number = peers_.size();
    peers_.push_back(std::make_unique<Traffic>());
    Traffic& traffic = *peers_.back();
    traffic.name = language.name;
    for (std::uint32_t i = 0; i < schedulers; ++i) {
      traffic.ledgers.push_back(
          std::make_unique<Ledger>(language.name + " from scheduler " + std::to_string(i), i, draw(), most_apart));
    }
    PeerOptions options{.name = language.name,
                        .command = language.command,
                        .environment = {{"CONFORMANCE_SINK", "sink of " + language.name}},
                        .restart = {.when = RestartPolicy::When::permanent,
                                    .max_restarts = UINT32_MAX,
                                    .first_delay = 1ms,
                                    .longest_delay = 20ms},
                        // How soon a process that has failed exits is a matter of what else the machine does.
                        .deadlines = {.terminate = 20s},
                        .output = {.file = disk_.file(language.name + ".log"), .file_bytes = 1 << 14, .old_files = 1},
                        .mail_bytes = mail_bytes,
                        .control_by_pipes = language.by_pipes};
    if (language.name == "stray") {
      options.environment.emplace_back("CHAOS_LANES", std::to_string(schedulers));
      options.environment.emplace_back("CHAOS_WILD_MS", "100");
      if (!options_.fault.empty()) options.environment.emplace_back("CHAOS_FAULT", options_.fault);
    } else {
      options.command.emplace_back("echo");
      options.trusted = number % 4 != 3;  // some are not
    }
    auto spawned = system_->spawn_peer<conformance::Player>(options);
    if (!spawned) throw std::runtime_error(spawned.error());
    traffic.mailbox = *spawned;
    const auto home = static_cast<std::uint32_t>(number % schedulers);
    system_->publish("sink of " + language.name, system_->spawn_on<Sink>(home, traffic));
    tellers_.push_back(system_->spawn_on<Teller>(home, traffic));
    for (std::uint32_t i = 0; i < schedulers; ++i) system_->spawn_on<Source>(i, traffic, i, draw());
    system_->spawn_on<Asker>(schedulers - 1 - home, traffic, draw());
  }

  std::uint64_t draw() { return mix(options_.seed + ++drawn_ * 1'000'003); }

  void give(const Step& step, Impulse::What what) {
    switch (what) {
      case Impulse::What::act: return act(step);
      case Impulse::What::stop: return stop(step.peer);
      case Impulse::What::go_on: return go_on(step.peer);
      case Impulse::What::free_disk: return disk_.free();
    }
  }

  void act(const Step& step) {
    const std::chrono::milliseconds time(step.amount);
    switch (step.action) {
      case Action::kill: return signal(step.peer, SIGKILL);
      case Action::terminate: return signal(step.peer, SIGTERM);
      case Action::fail: tellers_[step.peer].send(conformance::Fail{.code = 7}); return;
      case Action::leave: return signal(step.peer, SIGUSR2);
      case Action::fork: return signal(step.peer, SIGUSR1);
      case Action::chatter: tellers_[step.peer].send(Chatter{step.amount}); return;
      case Action::full_disk:
        disk_.fill();
        tellers_[step.peer].send(Chatter{step.amount});
        return;
      case Action::burn: return loads_->burn(time);
      case Action::flood: return loads_->flood(time);
      case Action::pause:
      case Action::slow: return;
    }
  }

  /// Nobody, where it has no process just now.
  std::optional<Process> find(std::size_t peer) {
    const int pid = system_->runtime().peer_pid(peers_[peer]->mailbox.address().link);
    if (pid <= 0) return {};
    return Process(pid);
  }
  void signal(std::size_t peer, int number) {
    if (const auto process = find(peer)) process->signal(number);
  }
  void stop(std::size_t peer) {
    auto process = find(peer);
    if (!process) return;
    process->signal(SIGSTOP);
    stopped_[peer].push_back(std::move(*process));
  }
  void go_on(std::size_t peer) {
    for (const Process& process : stopped_[peer]) process.signal(SIGCONT);
    stopped_[peer].clear();
  }

  void close(Traffic& traffic, Verdict& verdict) {
    const auto end = system_->wait_for_end(traffic.mailbox);
    const auto& account = end.account;
    const auto fault = [&](const std::string& what) { traffic.fault(what); };
    std::uint64_t sent = traffic.asked + traffic.told;
    std::uint64_t came = 0;
    received_ += account.received;
    for (const auto& ledger : traffic.ledgers) {
      ledger->close();
      const auto figures = ledger->figures();
      sent += figures.sent;
      came += figures.delivered + figures.repeated;
      verdict.repeated += figures.repeated;
    }
    const std::string link =
        "link to " + traffic.name + ": " + std::to_string(sent) + " sent, " + std::to_string(account.published) +
        " published, " + std::to_string(account.unfinished) + " undelivered, " + std::to_string(account.given_up) +
        " given up, " + std::to_string(traffic.dead) + " dead letters told, " + std::to_string(traffic.asked) +
        " asked, " + std::to_string(traffic.answered) + " answered; ended: " + to_string(end.reason);
    accounts_.push_back(link);
    for (const auto& ledger : traffic.ledgers) accounts_.push_back(ledger->account());
    const auto until = Clock::now() + 10s;
    while (traffic.dead < account.given_up && Clock::now() < until) std::this_thread::sleep_for(1ms);
    if (account.published != sent || account.given_up != traffic.dead || account.received != came) {
      fault("its account does not balance: " + link);
    }
    if (!account.fault.empty()) fault("a fault of its ring: " + account.fault);
    std::ranges::copy(traffic.faults(), std::back_inserter(verdict.faults));
    for (const auto& [how, count] : traffic.ends()) verdict.ends[traffic.name][how] += count;
    verdict.messages += account.published;
    verdict.dead_letters += account.given_up;
  }

  const RunOptions& options_;
  const FullDisk& disk_;
  const std::shared_ptr<spdlog::sinks::ringbuffer_sink_mt> lines_ =
      std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(20);
  const std::shared_ptr<spdlog::logger> log_ = std::make_shared<spdlog::logger>("", lines_);
  std::vector<std::unique_ptr<Traffic>> peers_;  // outlives the actors
  std::optional<Loads> loads_;
  std::vector<PlannedPeer> planned_;
  std::vector<Mailbox<Teller>> tellers_;
  std::vector<std::vector<Process>> stopped_;
  std::vector<std::string> accounts_;
  std::uint64_t received_ = 0;  // from all peers
  std::uint64_t drawn_ = 0;
  std::optional<System> system_;
};

/// What the peers have left behind is a child of this process, and is waited for.
bool reap_all() {
  const auto until = Clock::now() + 20s;
  while (runtime::test::children() > 0) {
    while (waitpid(-1, nullptr, WNOHANG) > 0) continue;
    if (Clock::now() > until) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

}  // namespace

std::uint64_t Verdict::lives() const {
  std::uint64_t count = 0;
  for (const auto& [language, hows] : ends) {
    for (const auto& [how, times] : hows) count += times;
  }
  return count;
}

Verdict run(const RunOptions& options, const FullDisk& disk, bool plan_too) {
  Verdict verdict;
  verdict.seed = options.seed;
  verdict.before = Footprint::now();
  {
    World world(options, disk);
    const auto plan = draw_plan(options.seed, world.planned(), options.length, options.between);
    const auto print = [&] {
      std::printf("the plan of seed %llu:\n", static_cast<unsigned long long>(options.seed));
      for (const Step& step : plan) std::printf("%s\n", to_string(step, world.planned()).c_str());
      std::fflush(stdout);
    };
    if (plan_too) print();
    world.follow(plan);
    world.settle();
    verdict.steps = plan.size();
    world.close(verdict);
    if (!verdict.faults.empty()) {
      if (!plan_too) print();
      world.print();
    }
  }
  // ThreadSanitizer has one of its own, which names what it looks up in its suppressions.
  if (!transport::test::under_tsan && !reap_all())
    verdict.faults.push_back(std::to_string(runtime::test::children()) + " processes are left");
  verdict.after = Footprint::now();
  return verdict;
}

}  // namespace ringmail::chaos

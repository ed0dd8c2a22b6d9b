// One runtime in one process: N schedulers and one reactor. Owned by whoever made it; there may be several.
//
// Threads: everything may be called from any thread that is not a scheduler's, unless it says otherwise.
//
// Fork: the threads stay with the process that made the system. To its child the system has ended: nothing is sent, spawned or
// waited for there, and the destructor leaves peers, socket and threads alone (and leaks what they use). A handler that forks
// must exec or _exit in the child: to return would be to run a second scheduler on the same rings.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "ringmail/runtime/groups.hpp"
#include "ringmail/runtime/link_owner.hpp"
#include "ringmail/runtime/move_only_function.hpp"
#include "ringmail/runtime/peer_options.hpp"
#include "ringmail/runtime/peer_replacement.hpp"
#include "ringmail/runtime/peer_status.hpp"
#include "ringmail/runtime/placement.hpp"
#include "ringmail/runtime/remote_system.hpp"
#include "ringmail/runtime/scheduler.hpp"
#include "ringmail/runtime/shutdown.hpp"
#include "ringmail/transport/fork_guard.hpp"

namespace spdlog {
class logger;
}

namespace ringmail::runtime {

class BlockingPool;
struct DeadLetter;
class IoHub;
class PeerKeeper;
class Simulator;
class StallDetector;
class LocalRing;
class OwnLanes;

struct SystemOptions {
  std::uint32_t schedulers = 0;  ///< threads that run actors; 0: one for each CPU this process may use, at most 8
  std::vector<int> cpus{};       ///< scheduler i is pinned to cpus[i], as far as they go; a pin that fails is logged
  SpinMode spin = SpinMode::adaptive;
  ActorBudget budget{};
  StallOptions stall{};
  BlockingOptions blocking{};
  ShutdownOptions shutdown{};  ///< where nothing else is said
  /// SIGINT and SIGTERM shut down, and then do what they do by default, where the application handles them in no other way.
  bool handle_signals = true;
  std::string listen{};  ///< path of the socket for peers that somebody else starts; empty: none
  /// Another system of this user that comes to that socket is let in, by the name that it gives itself.
  bool accept_systems = false;
  /// A control group (v2), as a directory, in which this process may make others: each peer has one of its own, and what it has started
  /// ends with it. Empty: the one that systemd has delegated to this process (Delegate=yes), if it has; else peers have none.
  std::string peer_cgroup{};
  std::string system_schema{};  ///< canonical text of what this one speaks with those; empty: nothing is compared
  std::shared_ptr<spdlog::logger> log{};  ///< null: spdlog's default logger
  /// Leave the barrier between a publish and a sleep to the sleeper, where the kernel can do that. transport/barrier.hpp
  bool asymmetric_barriers = true;
  /// Compares canonical schema texts (ours, theirs): empty, or one line that names the mismatch. Null: nothing is compared.
  std::string (*compare_schemas)(std::string_view ours, std::string_view theirs) = nullptr;
  /// One printable line that shows a message by a canonical schema text; empty: it does not know how. Null: types are shown.
  std::string (*describe_message)(std::string_view schema, const MessageInHand& message) = nullptr;
  /// Of the rings between schedulers: a power of two, a page at least. 0: 256 KiB. The largest message is half of one.
  std::uint64_t ring_bytes = 0;
  /// Takes the place of all threads, and outlives the system. The thread that makes the system is then the only one to use it.
  Simulator* simulator = nullptr;
};

/// See SchedulerCounters.
struct SystemCounters {
  std::uint64_t sent = 0;
  std::uint64_t messages = 0;
  std::uint64_t dead_letters = 0;
  std::uint64_t dropped = 0;
  std::uint64_t sleeps = 0;
  std::uint64_t spins = 0;
  std::uint64_t lost_wakeups = 0;     ///< must be 0
  std::uint64_t failed_barriers = 0;  ///< must be 0
};

class System final : private LinkOwner {
 public:
  static std::expected<std::unique_ptr<System>, std::string> create(const SystemOptions& options);
  /// As shutdown().
  ~System() override;

  /// Stops peers in order, then actors, then threads. Blocks until all of it is done, or a deadline of `options` has passed. Not in
  /// a handler. What is sent after it reaches nobody, and counters() then gives the final account.
  ///
  /// False: it has given up, and has logged whom it waited for. Threads that are in a handler then go on by themselves, so all that
  /// they may use stays in memory for as long as the process lives, this object included, even once it has been deleted. The
  /// account is not final. The process should end by std::quick_exit() or _exit(): static destructors would run beside them.
  bool shutdown(const ShutdownOptions& options);
  bool shutdown() { return shutdown(shutdown_options_); }
  /// What a shutdown waits for, or would. From any thread, and in a handler. Takes about 0.1 s while a handler keeps its thread.
  ShutdownReport explain_shutdown();

  /// Waits for SIGINT or SIGTERM, on the calling thread, and then shuts down; a second signal ends the process at once, as it does
  /// by default. Not in a handler, and once at a time in a process. Afterwards the signals do what they did before.
  struct Ended {
    int signal = 0;
    bool complete = false;  ///< what shutdown() said
  };
  std::expected<Ended, std::string> run_until_signal(const ShutdownOptions& options);
  std::expected<Ended, std::string> run_until_signal() { return run_until_signal(shutdown_options_); }

  /// Where a shutdown has given up, nothing is destroyed.
  static void operator delete(System* system, std::destroying_delete_t);

  std::uint32_t schedulers() const override { return static_cast<std::uint32_t>(schedulers_.size()); }
  Scheduler& scheduler(std::uint32_t index) { return *schedulers_[index]; }

  /// From any thread.
  ActorId spawn(std::unique_ptr<Cell> cell, Placement placement = Placement::round_robin());
  static constexpr Placement any_scheduler = Placement::round_robin();
  /// Which scheduler that is, now.
  std::uint32_t place(Placement placement);

  /// From any thread. False if the name is taken, or the actor has ended.
  bool set_name(std::string name, ActorId actor);
  ActorId find_name(std::string_view name) const;

  /// From any thread.
  Group& group(const void* kind, std::string name) { return groups_.find(kind, std::move(name)); }
  /// From any thread. False if it is a member already, or has ended.
  bool join(Group& group, const Member& member);
  /// Whom dead letters are told to; each takes a DeadLetter.
  Group& dead_letters() { return dead_letters_; }

  /// Runs `body` as a handler of a passing actor on scheduler `index`, and waits until it has returned. So a plain thread may
  /// ask, send to peers and wait for room like a handler does. False: the system is being shut down, and `body` was not run.
  bool call(std::uint32_t index, MoveOnlyFunction<void()> body);

  /// A new link and its process. From any thread.
  struct PeerHandle {
    std::uint32_t link = 0;
  };
  std::expected<PeerHandle, std::string> spawn_peer(const PeerOptions& options);
  /// From any thread. See PeerDeadlines. One that is held (PeerOptions) is then down, and may be restarted.
  void stop_peer(std::uint32_t link);
  /// From any thread. Of one that is held: the next incarnation; and that there will be none. No effect on one that runs, and
  /// on any other.
  void restart_peer(std::uint32_t link);
  void end_peer(std::uint32_t link);
  /// Waits until the peer has ended for good: why, and its account.
  struct PeerEnd {
    ExitReason reason;
    LinkAccount account;
  };
  PeerEnd wait_for_end(std::uint32_t link);
  /// Waits until the peer is ready for the first time, or has ended. True if it is ready.
  bool wait_until_ready(std::uint32_t link);
  int peer_pid(std::uint32_t link) const;
  /// What the peer does now; in a handler as well. It takes about 0.1 s while one of those who know does not answer. Nothing: there
  /// is no such peer. Of several that had the name one after the other it is the last.
  std::optional<PeerStatus> peer_status(std::string_view name);
  std::optional<PeerStatus> peer_status(std::uint32_t link);
  /// Hands the mailbox of a peer over to another program, and waits until that is ready: a handler suspends, any other thread blocks.
  /// After `timed_out` it goes on. From any thread, but not from a handler of another system. docs/peers.md
  ReplaceOutcome replace_peer(std::string_view name,
                              const PeerReplacement& replacement,
                              std::chrono::nanoseconds timeout);
  ReplaceOutcome replace_peer(std::uint32_t link, const PeerReplacement& replacement, std::chrono::nanoseconds timeout);
  std::uint64_t incarnation(std::uint32_t link) const;

  /// Connects to the system in another process that listens at `path` and accepts systems. Blocks until both ends can send. Not
  /// in a handler. An error is one line. What is returned lives as long as this.
  std::expected<RemoteSystem*, std::string> connect(const std::string& path, const ConnectOptions& options);
  /// Waits for the system of that name to have connected to this one. Not in a handler.
  std::expected<RemoteSystem*, std::string> wait_for_system(std::string_view name, std::chrono::nanoseconds timeout);
  /// Which actor there has that name; it may then be sent to. Not in a handler.
  std::expected<Address, std::string> lookup(RemoteSystem& system, std::string name, std::chrono::nanoseconds timeout);
  /// From any thread. Lets that system send to an actor of this one. False: there is no such actor, or system.
  bool let_in(RemoteSystem& system, ActorId actor);
  /// Of this life of this process. Not 0.
  std::uint64_t id() const override { return id_; }

  /// From any thread. shutdown() has begun: nothing that ends now is to be restarted.
  bool is_stopping() const { return phase_.load(std::memory_order_relaxed) > SystemPhase::draining; }

  /// Whether this process is a child of the one that made the system.
  bool is_forked() const { return owner_.is_forked(); }

  /// For runtime/io.hpp.
  const std::shared_ptr<IoHub>& io() const;

  SystemCounters counters();
  spdlog::logger& log() { return *log_; }
  BlockingPool& blocking() { return *blocking_; }
  /// Null: this one has threads.
  Simulator* simulator() const { return simulator_; }

 private:
  struct Link;

  System() = default;

  // LinkOwner, on the reactor's thread.
  void open(std::uint32_t link,
            transport::LinkMail& mail,
            transport::Incarnation& first,
            std::function<void()> done) override;
  void replace(std::uint32_t link,
               transport::Incarnation& next,
               const Redelivery& redelivery,
               std::function<void(LinkAccount)> done) override;
  void know_former(std::uint32_t link, const std::vector<std::pair<std::uint64_t, std::string>>& names) override;
  void look(std::uint32_t link, std::function<void(LinkSight)> done) override;
  void dead_letter(std::uint32_t link, const MessageInHand& message, const ExitReason& reason) override;
  std::string describe(std::string_view schema, const MessageInHand& message) override;
  void close(std::uint32_t link, std::function<void(LinkAccount)> done) override;
  void down(std::uint32_t link, const ExitReason& reason) override;
  transport::Ordering ordering() const override { return ordering_; }
  void up(std::uint32_t link, std::uint64_t incarnation, transport::Ordering ordering, bool takes_bodies) override;
  void handed_over(std::uint32_t link) override;
  void stop(std::uint32_t link, StopAt where) override;
  void resolve(std::uint32_t link, std::string_view name, std::function<void(ActorId)> done) override;
  std::string compare_schemas(std::string_view ours, std::string_view theirs) override;
  std::expected<std::uint32_t, transport::Refusal> admit(const SystemHello& hello) override;
  void admitted_ended(std::uint32_t link, const ExitReason& reason, const LinkAccount& account) override;
  std::string system_schema() const override { return system_schema_; }
  void open_joined(RemoteSystem& system, JoinedEnds& ends, std::function<void()> done) override;
  void close_joined(RemoteSystem& system, JoinedEnds& ends, std::function<void(LinkAccount)> done) override;
  void joined_ended(RemoteSystem& system, const ExitReason& reason, const LinkAccount& account) override;

  RemoteSystem* system_behind(std::uint32_t link) const;
  RemoteSystem& add_system(std::string name, std::uint64_t id, std::uint32_t schedulers);
  std::expected<JoinedEnds, std::string> shake_hands(const std::string& path, const ConnectOptions& options) const;
  void forget_system(RemoteSystem& system, const ExitReason& reason);
  void end_link(std::uint32_t link, const ExitReason& reason, const LinkAccount& account);
  transport::Bells& bells() override { return bells_; }
  transport::ParkMirrors& mirrors() override { return mirrors_; }

  /// Runs `each` on every scheduler, then `done` on the reactor's thread.
  void on_all(std::function<void(Scheduler&)> each, std::function<void()> done);
  void actor_ended(ActorId id);
  void tell_dead_letter(Scheduler& scheduler, const DeadLetter& letter, const Binding* binding = nullptr);
  std::string name_of(ActorId actor) const;
  void start_threads(const SystemOptions& options);
  bool call_simulated(Scheduler& scheduler, MoveOnlyFunction<void()> body);
  bool shutdown_simulated(const ShutdownOptions& options);
  bool is_quiet() const;
  /// Whether it is of no use any more: sending would wait for ever.
  bool is_gone() const { return is_forked() || phase_ == SystemPhase::given_up; }
  template <class IsDone>
  bool wait_for_phase(std::chrono::nanoseconds limit, std::chrono::nanoseconds report_after, IsDone&& is_done);
  bool drain(std::chrono::nanoseconds limit);
  void explain_peers(ShutdownReport& report);
  void thread_ended();
  Link& link_entry(std::uint32_t link) const;
  /// The last that had the name; 0: none.
  std::uint32_t link_of(std::string_view name) const;

  transport::ForkGuard owner_;
  std::shared_ptr<spdlog::logger> log_;
  std::string (*compare_schemas_)(std::string_view, std::string_view) = nullptr;
  std::string (*describe_message_)(std::string_view, const MessageInHand&) = nullptr;
  std::uint64_t id_ = 0;
  std::string system_schema_;
  transport::Bells bells_;
  transport::ParkMirrors mirrors_;
  transport::Ordering ordering_ = transport::Ordering::sequential;
  SchedulerGroup group_;
  std::vector<std::unique_ptr<LocalRing>> rings_;
  std::unique_ptr<OwnLanes> own_lanes_;
  std::vector<std::unique_ptr<Scheduler>> schedulers_;
  std::vector<std::thread> threads_;
  Simulator* simulator_ = nullptr;
  std::unique_ptr<PeerKeeper> reactor_;
  std::atomic<std::uint32_t> next_placement_{0};
  std::unique_ptr<BlockingPool> blocking_;
  std::unique_ptr<StallDetector> stalls_;
  ShutdownOptions shutdown_options_;
  std::mutex shutdown_mutex_;
  std::atomic<bool> running_{false};  // changed under shutdown_mutex_
  bool handles_signals_ = false;      // it has entered DefaultSignals
  std::atomic<SystemPhase> phase_{SystemPhase::running};

  std::mutex end_mutex_;
  std::condition_variable end_changed_;
  bool reactor_stopped_ = false;   // guarded by end_mutex_
  std::size_t ended_threads_ = 0;  // guarded by end_mutex_

  Groups groups_;
  Group& dead_letters_ = groups_.find(nullptr, {});

  mutable std::mutex names_mutex_;
  std::unordered_map<std::string, ActorId> names_;
  std::atomic<std::size_t> name_count_{0};

  mutable std::mutex links_mutex_;
  std::vector<std::unique_ptr<Link>> links_;  // by number - 1

  mutable std::mutex systems_mutex_;  // taken before links_mutex_
  std::condition_variable systems_changed_;
  std::vector<std::unique_ptr<RemoteSystem>> systems_;  // those that have ended, too
  std::vector<RemoteSystem*> live_systems_;
  std::atomic<std::size_t> live_system_count_{0};
};

}  // namespace ringmail::runtime

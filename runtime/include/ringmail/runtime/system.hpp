// One runtime in one process: N schedulers and one reactor. Owned by whoever made it; there may be several.
//
// Threads: everything may be called from any thread that is not a scheduler's, unless it says otherwise.
//
// Fork: the threads stay with the process that made the system. To its child the system has ended: nothing is sent, spawned or
// waited for there, and the destructor leaves peers, socket and threads alone (and leaks what they use). A handler that forks
// must exec or _exit in the child: to return would be to run a second scheduler on the same rings.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "ringmail/runtime/groups.hpp"
#include "ringmail/runtime/link_owner.hpp"
#include "ringmail/runtime/move_only_function.hpp"
#include "ringmail/runtime/peer_options.hpp"
#include "ringmail/runtime/scheduler.hpp"
#include "ringmail/transport/fork_guard.hpp"

namespace spdlog {
class logger;
}

namespace ringmail::runtime {

class IoHub;
class Reactor;
class LocalRing;

struct SystemOptions {
  std::uint32_t schedulers = 0;  ///< threads that run actors; 0: one for each CPU this process may use, at most 8
  std::vector<int> cpus{};       ///< scheduler i is pinned to cpus[i], as far as they go
  std::string listen{};          ///< path of the socket for peers that somebody else starts; empty: none
  std::shared_ptr<spdlog::logger> log{};  ///< null: spdlog's default logger
  /// Leave the barrier between a publish and a sleep to the sleeper, where the kernel can do that. transport/barrier.hpp
  bool asymmetric_barriers = true;
  /// Compares canonical schema texts (ours, theirs): empty, or one line that names the mismatch. Null: nothing is compared.
  std::string (*compare_schemas)(std::string_view ours, std::string_view theirs) = nullptr;
};

/// See SchedulerCounters.
struct SystemCounters {
  std::uint64_t sent = 0;
  std::uint64_t messages = 0;
  std::uint64_t dead_letters = 0;
  std::uint64_t sleeps = 0;
  std::uint64_t lost_wakeups = 0;     ///< must be 0
  std::uint64_t failed_barriers = 0;  ///< must be 0
};

class System final : private LinkOwner {
 public:
  static std::expected<std::unique_ptr<System>, std::string> create(const SystemOptions& options);
  /// As shutdown().
  ~System() override;

  /// Stops peers in order, then actors, then threads. Blocks until all of it is done. Not in a handler. What is sent after it
  /// reaches nobody, and counters() then gives the final account.
  void shutdown();

  std::uint32_t schedulers() const override { return static_cast<std::uint32_t>(schedulers_.size()); }
  Scheduler& scheduler(std::uint32_t index) { return *schedulers_[index]; }

  /// From any thread. On the scheduler that `placement` names, or the next in turn.
  ActorId spawn(std::unique_ptr<Cell> cell, std::uint32_t placement = any_scheduler);
  static constexpr std::uint32_t any_scheduler = ~0u;

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
  /// From any thread. See PeerDeadlines.
  void stop_peer(std::uint32_t link);
  /// Waits until the peer has ended for good: why, and its account.
  struct PeerEnd {
    ExitReason reason;
    LinkAccount account;
  };
  PeerEnd wait_for_end(std::uint32_t link);
  /// Waits until the peer is ready for the first time, or has ended. True if it is ready.
  bool wait_until_ready(std::uint32_t link);
  int peer_pid(std::uint32_t link) const;
  std::uint64_t incarnation(std::uint32_t link) const;

  /// Whether this process is a child of the one that made the system.
  bool is_forked() const { return owner_.is_forked(); }

  /// For runtime/io.hpp.
  const std::shared_ptr<IoHub>& io() const;

  SystemCounters counters();
  spdlog::logger& log() { return *log_; }

 private:
  struct Link;

  System() = default;

  // LinkOwner, on the reactor's thread.
  void open(std::uint32_t link,
            transport::LinkMail& mail,
            transport::Incarnation& first,
            std::function<void()> done) override;
  void replace(std::uint32_t link, transport::Incarnation& next, std::function<void(LinkAccount)> done) override;
  void close(std::uint32_t link, std::function<void(LinkAccount)> done) override;
  void down(std::uint32_t link, const ExitReason& reason) override;
  transport::Ordering ordering() const override { return ordering_; }
  void up(std::uint32_t link, std::uint64_t incarnation, transport::Ordering ordering) override;
  void stop(std::uint32_t link) override;
  void resolve(std::uint32_t link, std::string_view name, std::function<void(ActorId)> done) override;
  std::string compare_schemas(std::string_view ours, std::string_view theirs) override;
  transport::Bells& bells() override { return bells_; }
  transport::ParkMirrors& mirrors() override { return mirrors_; }

  /// Runs `each` on every scheduler, then `done` on the reactor's thread.
  void on_all(std::function<void(Scheduler&)> each, std::function<void()> done);
  void actor_ended(ActorId id);
  void tell_dead_letter(Scheduler& scheduler, const Message& message, const char* why);
  Link& link_entry(std::uint32_t link) const;

  transport::ForkGuard owner_;
  std::shared_ptr<spdlog::logger> log_;
  std::string (*compare_schemas_)(std::string_view, std::string_view) = nullptr;
  transport::Bells bells_;
  transport::ParkMirrors mirrors_;
  transport::Ordering ordering_ = transport::Ordering::sequential;
  SchedulerGroup group_;
  std::vector<std::unique_ptr<LocalRing>> rings_;
  std::vector<std::unique_ptr<Scheduler>> schedulers_;
  std::vector<std::thread> threads_;
  std::unique_ptr<Reactor> reactor_;
  std::atomic<std::uint32_t> next_placement_{0};
  bool running_ = false;

  Groups groups_;
  Group& dead_letters_ = groups_.find(nullptr, {});

  mutable std::mutex names_mutex_;
  std::unordered_map<std::string, ActorId> names_;
  std::atomic<std::size_t> name_count_{0};

  mutable std::mutex links_mutex_;
  std::vector<std::unique_ptr<Link>> links_;  // by number - 1
};

}  // namespace ringmail::runtime

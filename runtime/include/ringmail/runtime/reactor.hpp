// The thread that turns what the kernel reports into calls: peer processes, their streams and their output, on libuv.
//
// Threads: every public function may be called from any thread; what it does happens on the reactor's. Callbacks run there
// and must not block.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "ringmail/runtime/exit_reason.hpp"
#include "ringmail/runtime/link_owner.hpp"
#include "ringmail/runtime/peer_options.hpp"

namespace spdlog {
class logger;
}

namespace ringmail::runtime {

class IoHub;

struct ReactorOptions {
  std::shared_ptr<spdlog::logger> log;  ///< never null
  std::string listen;                   ///< path of the socket for peers that somebody else starts; empty: none
  bool accept_systems = false;          ///< who comes there unawaited, as a system, is let in
};

class Reactor {
 public:
  /// Starts the thread. `owner` outlives the reactor.
  static std::expected<std::unique_ptr<Reactor>, std::string> start(const ReactorOptions& options, LinkOwner& owner);
  ~Reactor();  ///< stop() must have come to its end before

  /// Opens link number `link` and starts its process, and again by its policy. Failure to spawn is reported like any death.
  /// `ended` is called once: stopped, given up, or not restarted.
  std::expected<void, std::string> spawn_peer(std::uint32_t link,
                                              const PeerOptions& options,
                                              std::function<void(ExitReason, LinkAccount)> ended);

  /// Stops a peer in order: stop and drain, SIGTERM, SIGKILL, each with its deadline. No effect on one that has ended. One that
  /// is held is down then.
  void stop_peer(std::uint32_t link);
  /// Of one that is held and down: starts it. Of any: stops it, for good.
  void restart_peer(std::uint32_t link);
  void end_peer(std::uint32_t link);
  /// Of one that is a scheduler of another system, which has ended for that reason.
  void end_with_system(std::uint32_t link, const ExitReason& reason);

  /// A scheduler found a fault in a ring that the peer writes: the process is killed, and its policy decides on.
  void peer_broke_protocol(std::uint32_t link, std::string what);

  /// Takes over the ends of links that have been made to another system; waits for nothing. `system` outlives the reactor.
  std::expected<void, std::string> join(RemoteSystem& system, JoinedEnds ends);
  /// Of the system behind `link`, whichever side connected: which of its actors has that name, or nobody. `done` is called on
  /// the reactor's thread; not at all, if the reactor ends before.
  void lookup(std::uint32_t link, std::string name, std::function<void(ActorId)> done);
  /// A lane of a joined system has read what was sent before it was told to stop.
  void drained(std::uint32_t link);

  /// The process id of the running incarnation, or 0. For tests and reports.
  int peer_pid(std::uint32_t link) const;

  /// Runs `task` on the reactor's thread.
  void post(std::function<void()> task);

  /// What schedulers do input and output through. Any thread; may be kept past the reactor's end.
  const std::shared_ptr<IoHub>& io() const;

  /// Stops every peer, ends what input and output is under way, closes the listener, ends the thread. Blocks until all of it is done.
  void stop();

 private:
  class Impl;
  explicit Reactor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringmail::runtime

// Who has a system's peer processes: the reactor or, where the system is simulated, what stands in for it.
//
// Threads: every function may be called from any thread; callbacks come on the reactor's, and must not block.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "ringmail/runtime/exit_reason.hpp"
#include "ringmail/runtime/link_owner.hpp"
#include "ringmail/runtime/peer_options.hpp"
#include "ringmail/runtime/peer_replacement.hpp"
#include "ringmail/runtime/peer_status.hpp"

namespace ringmail::runtime {

class IoHub;

/// For hosts without input and output: every request fails with `stopped`.
const std::shared_ptr<IoHub>& no_io();

class PeerKeeper {
 public:
  virtual ~PeerKeeper() = default;

  /// Opens link number `link` and starts its process, and again by its policy. Failure to spawn is reported like any death.
  /// `ended` is called once: stopped, given up, or not restarted.
  virtual std::expected<void, std::string> spawn_peer(std::uint32_t link,
                                                      const PeerOptions& options,
                                                      std::function<void(ExitReason, LinkAccount)> ended) = 0;

  /// Stops a peer in order: stop and drain, SIGTERM, SIGKILL, each with its deadline. No effect on one that has ended. One that
  /// is held is down then.
  virtual void stop_peer(std::uint32_t link) = 0;
  /// Of one that is held and down: starts it. Of any: stops it, for good.
  virtual void restart_peer(std::uint32_t link) = 0;
  virtual void end_peer(std::uint32_t link) = 0;

  /// A scheduler found a fault in a ring that the peer writes: the process is killed, and its policy decides on.
  virtual void peer_broke_protocol(std::uint32_t link, std::string what) = 0;

  // Of other systems. Who stands in for the reactor connects to none.

  /// Takes over the ends of links that have been made to another system; waits for nothing. `system` outlives the reactor.
  virtual std::expected<void, std::string> join(RemoteSystem& system, JoinedEnds ends);
  /// Of the system behind `link`, whichever side connected: which of its actors has that name, or nobody. `done` is called on
  /// the reactor's thread; not at all, if the reactor ends before.
  virtual void lookup(std::uint32_t, std::string, std::function<void(ActorId)> done) { done({}); }
  /// Of one that is a scheduler of another system, which has ended for that reason.
  virtual void end_with_system(std::uint32_t, const ExitReason&) {}
  /// A lane of a joined system has read what was sent before it was told to stop.
  virtual void drained(std::uint32_t) {}

  /// The process id of the running incarnation, or 0. For tests and reports.
  virtual int peer_pid(std::uint32_t link) const = 0;

  /// What is known of the peer without its mail: of the message that it holds for longest no more than the lane. `done` gets nothing
  /// where there is no such peer any more, and is not called if the reactor ends before.
  virtual void peer_status(std::uint32_t, std::function<void(std::optional<PeerStatus>)> done) { done({}); }

  /// Another program takes up from the one that runs, at the next message. Of one that is down and not held: in place of its next
  /// start, and at once. `done` is called once, when the new one is ready, or with why it is not; not at all, if the reactor ends
  /// before.
  virtual void replace_peer(std::uint32_t, PeerReplacement, std::function<void(ReplaceOutcome)> done) {
    done(std::unexpected(ReplaceError{.kind = ReplaceError::Kind::impossible, .text = "this peer has no process"}));
  }

  /// Runs `task` on the reactor's thread.
  virtual void post(std::function<void()> task) = 0;

  /// What schedulers do input and output through. Any thread; may be kept past the reactor's end.
  virtual const std::shared_ptr<IoHub>& io() const = 0;

  /// Stops every peer, ends what input and output is under way, closes the listener, ends the thread. Blocks until all of it is
  /// done.
  virtual void stop() = 0;
};

}  // namespace ringmail::runtime

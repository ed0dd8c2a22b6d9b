// The first process of a new program, beside the one that still runs: it says its hello, which is judged, and then waits for its
// welcome until the other one has left.
//
// A peer does not wait for ever (2 s in most libraries): one that has gone meanwhile is started anew by whoever made this.
//
// Threads: the loop's.
#pragma once

#include <spdlog/fwd.h>

#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "peer_process.hpp"
#include "peer_program.hpp"
#include "ringmail/runtime/link_owner.hpp"

namespace ringmail::runtime {

class PeerCandidate final : private SessionEvents {
 public:
  struct Callbacks {
    std::function<void()> waits;  ///< for its welcome: nothing speaks against its hello
    /// Once, and last: it is dead. May destroy this.
    std::function<void(const PostMortem&)> ended;
  };

  /// `offer` has no incarnation yet; it and `file` outlive this. A failure is of kind `not_started`.
  static std::expected<std::unique_ptr<PeerCandidate>, ExitReason> start(ReactorLoop& loop,
                                                                         PeerContainment& containment,
                                                                         LinkOwner& owner,
                                                                         spdlog::logger& log,
                                                                         SharedProgram program,
                                                                         const SessionOffer& offer,
                                                                         PeerLog* file,
                                                                         Callbacks callbacks);

  int pid() const { return process_->pid(); }
  /// It may still be let in: its stream is open, and nothing was wrong on it.
  bool is_sound() const { return process_->session().phase() != PeerSession::Phase::over; }
  /// Its process, which goes on by PeerProcess::serve(). Last; not in a callback.
  std::unique_ptr<PeerProcess> release() { return std::move(process_); }
  /// It is not wanted any more. `ended` takes the place of that callback.
  void dismiss(std::function<void(const PostMortem&)> ended);

 private:
  PeerCandidate(ReactorLoop& loop, LinkOwner& owner, SharedProgram program, Callbacks callbacks)
      : owner_(owner), program_(std::move(program)), callbacks_(std::move(callbacks)), timer_(loop) {}
  void died(const PostMortem& found);
  void kill_after(std::chrono::nanoseconds time, std::string why_then);

  void session_began() override {}
  void session_hello(const transport::Hello&) override {}
  void session_waits() override;
  void session_refused(const std::string& why) override;
  void session_closed(const std::string& how) override;
  void session_broken(const std::string& what) override;
  std::string session_compare_schemas(const std::string& theirs) override;
  // Not before its welcome.
  void session_ready(std::uint64_t) override {}
  void session_failure(const std::string&) override {}
  void session_goodbye() override {}
  void session_log(const transport::Log&) override {}
  void session_introduced(const transport::Introduced&) override {}
  void session_rang(std::uint32_t) override {}
  void session_resolve(const std::string&, std::function<void(ActorId)>) override {}

  LinkOwner& owner_;
  const SharedProgram program_;
  Callbacks callbacks_;
  LoopTimer timer_;
  std::unique_ptr<PeerProcess> process_;
};

}  // namespace ringmail::runtime

// One incarnation of a peer: its process, what it prints, its control stream, and in the end why it is no more.
//
// A process is either spawned here, or was started by somebody else and has attached. The second is not the host's to
// signal: it is let go by closing its stream, and counts as dead from then on.
//
// Threads: the loop's.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "peer_child.hpp"
#include "peer_output.hpp"
#include "peer_session.hpp"
#include "printed_lines.hpp"
#include "ringmail/runtime/exit_reason.hpp"
#include "ringmail/runtime/post_mortem.hpp"

namespace ringmail::runtime {

class PeerProcess {
 public:
  /// With what is known of it here: not its mail, nor earlier deaths.
  using Died = std::function<void(PostMortem)>;

  /// `died` is called once, from the loop, with everything read that the process had left; it may destroy this. A failure is
  /// of kind `not_started`. `file` may be null; it and the options of `offer` outlive this.
  static std::expected<std::unique_ptr<PeerProcess>, ExitReason> spawn(ReactorLoop& loop,
                                                                       PeerContainment& containment,
                                                                       const PeerCommand& command,
                                                                       const SessionOffer& offer,
                                                                       SessionEvents& events,
                                                                       spdlog::logger& log,
                                                                       PeerLog* file,
                                                                       Died died);

  /// `hello` has been read from `stream`; give it to session().take_hello() to have it judged.
  static std::expected<std::unique_ptr<PeerProcess>, ExitReason> adopt(ReactorLoop& loop,
                                                                       transport::ControlStream stream,
                                                                       SocketPeer peer,
                                                                       const SessionOffer& offer,
                                                                       SessionEvents& events,
                                                                       Died died);

  /// Of one that was spawned with an offer without an incarnation: goes on with this one. See PeerSession::serve().
  void serve(const SessionOffer& offer, SessionEvents& events, Died died);

  void note_return() { has_returned_ = true; }

  /// As adopt(), of a process that a host before this one had spawned: it is this one's to signal, and prints to it.
  struct Returned {
    SocketPeer peer;
    transport::Descriptor out;
    transport::Descriptor err;
  };
  static std::expected<std::unique_ptr<PeerProcess>, ExitReason> take_back(ReactorLoop& loop,
                                                                           transport::ControlStream stream,
                                                                           Returned returned,
                                                                           const SessionOffer& offer,
                                                                           SessionEvents& events,
                                                                           spdlog::logger& log,
                                                                           PeerLog* file,
                                                                           Died died);

  /// The ends of the pipes that it prints to; none for one that is adopted.
  std::vector<int> outputs() const;

  int pid() const { return child_ ? child_->pid() : adopted_.pid; }
  /// A host before this one had it already.
  bool has_returned() const { return has_returned_; }
  bool is_adopted() const { return !child_ && !is_ours_; }
  /// True already while the session gives out what a dead process had left.
  bool is_dead() const { return dead_; }
  PeerSession& session() { return *session_; }

  /// Why it is going to be ended, unless something was blamed before. It becomes the reason of its death.
  void blame(ExitReason::Kind kind, const std::string& text);
  /// It reported, in these words, that it fails.
  void note_failure(const std::string& text) { failure_ = text; }
  /// It said goodbye, or was asked to stop: exiting before it was ready is then no fault.
  void expect_end() { end_is_expected_ = true; }

  /// SIGTERM and SIGKILL; an adopted process is let go instead.
  void terminate();
  void kill();
  /// SIGABRT, to its own process alone: for its stack, and a core.
  void abort();
  /// An adopted process has closed its stream, and nothing more is to be expected of it.
  void let_go();

 private:
  PeerProcess(ReactorLoop& loop, const PeerOptions& options, Died died);
  void take_error_line(std::string_view line);
  PostMortem post_mortem(const ExitStatus& status) const;
  void on_dead(ExitStatus status);
  bool signal(int number);
  std::expected<void, int> read_output(
      ReactorLoop& loop, spdlog::logger& log, PeerLog* file, transport::Descriptor out, transport::Descriptor err);
  ExitReason reason_of(const ExitStatus& status) const;

  const PeerOptions& options_;
  Died died_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::unique_ptr<PrintedLines> printed_;
  std::unique_ptr<PrintedLines> printed_errors_;
  std::unique_ptr<PeerOutput> out_;
  std::unique_ptr<PeerOutput> err_;
  std::unique_ptr<PeerChild> child_;
  std::shared_ptr<PeerSession> session_;
  SocketPeer adopted_;
  std::unique_ptr<LoopWatch> adopted_watch_;
  LoopTimer farewell_;

  std::optional<ExitReason> blamed_;
  std::string failure_;
  std::string helper_line_;  // of the exec helper, not of the peer
  bool has_returned_ = false;
  bool is_ours_ = false;  // of those that have attached: a host like this one had spawned it
  bool end_is_expected_ = false;
  bool dead_ = false;
};

}  // namespace ringmail::runtime

// One peer from spawn_peer() to `ended`: which incarnation runs, what it waits for, and what happens when that does not come.
//
// The states and what leads from one to the next stand in peer_states.cpp; enter() says what is done in each. Every
// transition is one line in the log, with its cause and with what comes next.
//
// Threads: the loop's.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host_keeper.hpp"
#include "introductions.hpp"
#include "kept_peer.hpp"
#include "log_budget.hpp"
#include "peer_process.hpp"
#include "peer_program.hpp"
#include "peer_setup.hpp"
#include "peer_states.hpp"
#include "peer_succession.hpp"
#include "peer_watch.hpp"
#include "ringmail/runtime/link_owner.hpp"
#include "ringmail/runtime/restart_history.hpp"

namespace ringmail::runtime {

/// What every peer of a reactor shares. All of it outlives the peers.
struct PeerHost {
  ReactorLoop& loop;
  LinkOwner& owner;
  PeerContainment& containment;
  Introductions& introductions;
  spdlog::logger& log;
  HostKeeper* keeper = nullptr;                 ///< of those that outlive this host
  std::string listen = {};                      ///< where the next one listens, too
  std::function<void()> keeper_lost = nullptr;  ///< it does not answer
};

class PeerSupervisor final : private SessionEvents, private Introducible {
 public:
  struct Callbacks {
    std::function<void(int pid)> pid_changed;  ///< 0: no process
    std::function<void()> awaited;             ///< it may attach now; null: nobody wants to know
    /// Once, and last. Must not destroy the supervisor, which may be done in a later turn of the loop.
    std::function<void(ExitReason, LinkAccount)> ended;
  };

  PeerSupervisor(const PeerHost& host,
                 std::uint32_t link,
                 SharedProgram program,
                 LinkMemory memory,
                 std::unique_ptr<PeerLog> file,
                 Callbacks callbacks);

  /// Before open(): it is a scheduler of another system, which knows this one by `id`.
  void be_system(std::uint64_t id) {
    between_systems_ = true;
    number_ = id;
  }

  /// Before open(): it was kept for this host.
  void be_kept(KeptPeer kept) { kept_.emplace(std::move(kept)); }

  void open();
  void stop();  ///< for good
  /// Tells the keeper, if it outlives this host.
  void keep();
  void broke_protocol(const std::string& what);
  /// The system that it is a scheduler of has ended for that reason, and so has this.
  void end_with(const ExitReason& reason);

  const std::string& name() const { return options().name; }
  bool has_ended() const { return state_ == PeerState::ended; }

  /// Of one whose restarts are decided elsewhere (PeerOptions::held): starts it, if it is down; stops this incarnation, which is
  /// reported as down.
  bool is_held() const { return options().held; }
  void release();
  void recycle();

  /// For a peer that somebody else starts: whether it may attach now.
  bool is_awaited() const { return state_ == PeerState::awaited; }
  bool is_started_by_others() const { return options().command.empty(); }
  /// What speaks against a process that says this hello, or nothing. Asked before attach(), so that a stranger does not use
  /// up an incarnation.
  std::optional<transport::Refusal> objection(const transport::Hello& hello);
  /// Precondition: is_awaited(), and no objection.
  void attach(transport::ControlStream stream, SocketPeer peer, const transport::Hello& hello);
  /// See PeerSession.
  void lookup(const std::string& name, NameLookups::Done done);

  /// See PeerKeeper::peer_status().
  PeerStatus status();

  /// Its options with those of `replacement`, from its next incarnation on, which is to come now. See PeerKeeper::replace_peer().
  void replace(const PeerReplacement& replacement, ReplaceDone done);

 private:
  void handle(PeerEvent event, const std::string& why);
  void enter(PeerState state);
  std::string what_comes_next() const;
  std::chrono::nanoseconds deadline_of(PeerState state) const;
  void overdue();

  const PeerOptions& options() const { return program_->options; }
  void spawn();
  bool start();
  // Succession: peer_supervisor_succession.cpp
  std::optional<ReplaceError> objection_to_replacing() const;
  void start_candidate();
  void candidate_waits();
  void candidate_ended(const PostMortem& found);
  void call_successor();
  bool is_successor_next() const { return succession_ && succession_->next; }
  bool is_successor_coming() const { return succession_ && !succession_->next; }
  RestartHistory::Decision decide();
  bool take_up();
  void succeeded();
  void give_up_succession(ReplaceError error);
  void dismiss_candidate();
  bool outlives_host() const { return options().outlives_host.count() > 0; }
  void open_rings();
  void expect_return();
  void await_return();
  void take_up_kept();
  void take_back();
  void make_token();
  ActorId known_as(const std::string& name, ActorId actor);

  void watch();
  void look();
  void hangs(const PeerWatch::Sight& sight, const LinkSight& mail);
  std::string text_of_hang(const PeerWatch::Sight& sight, const LinkSight& mail);
  bool is_suspended(std::string_view deadline);
  void died(PostMortem found);
  void died(ExitReason reason);
  void settle();
  void settled(LinkAccount account);
  void closed(LinkAccount account);
  void note_account(const LinkAccount& account);
  std::string shown(std::string_view line) const;
  void take_mail(LinkAccount& account);
  SessionOffer offer(const PeerOptions& options);

  void session_began() override;
  void session_hello(const transport::Hello& hello) override;
  void session_ready(std::uint64_t features) override;
  void session_refused(const std::string& why) override;
  void session_closed(const std::string& how) override;
  void session_broken(const std::string& what) override;
  void session_failure(const std::string& text) override;
  void session_goodbye() override;
  void session_log(const transport::Log& log) override;
  void session_introduced(const transport::Introduced& answer) override;
  void session_rang(std::uint32_t lane) override;
  void session_resolve(const std::string& name, std::function<void(ActorId)> done) override;
  std::string session_compare_schemas(const std::string& theirs) override;

  const PeerOptions& introduced_as() const override { return options(); }
  std::uint32_t lanes_to_host() const override { return memory_.layout.lanes; }
  transport::PeerBell& bell() override { return *memory_.incarnation->bell(); }
  void tell(const transport::Introduce& introduce, std::span<const int> descriptors) override;
  void tell(const transport::Presence& presence) override;

  PeerHost host_;
  std::uint32_t link_;
  SharedProgram program_;          // that runs, or will run next
  std::unique_ptr<PeerLog> file_;  // null: none
  LinkMemory memory_;              // its incarnation is the one that runs, or will run next
  Callbacks callbacks_;
  RestartHistory history_;
  LoopTimer timer_;
  LoopTimer watch_timer_;
  PeerWatch watch_;
  std::chrono::nanoseconds hang_limit_{0};  // that is said to have been passed next
  LogBudget lines_;                         // that it logs

  // Of one that outlives a host. peer_return.cpp
  struct Arrival {
    transport::ControlStream stream;
    SocketPeer peer;
    transport::Hello hello;
  };
  std::optional<KeptPeer> kept_;  // until it has been taken up
  std::unique_ptr<LoopWatch> kept_watch_;
  std::optional<Arrival> arrival_;                            // it has come, and waits for its rings
  std::string token_;                                         // by which it shows to the next host who it is
  std::vector<std::pair<std::uint64_t, std::string>> names_;  // that it has looked up
  std::size_t former_names_ = 0;                              // of these, with hosts before

  PeerState state_ = PeerState::opening;
  bool stop_wanted_ = false;
  bool between_systems_ = false;
  std::uint64_t insisted_ = 0;                    // features that those who follow must have, too
  bool released_ = false;                         // before its rings were set up
  std::uint64_t number_ = 1;                      // of the incarnation
  std::unique_ptr<transport::Incarnation> next_;  // while settling
  std::unique_ptr<PeerProcess> process_;
  std::string hello_;                  // who said it, for the log
  ExitReason reason_;                  // of the last death
  std::shared_ptr<PostMortem> found_;  // of it, until its mail is settled
  std::uint64_t deaths_ = 0;
  ExitReason last_death_;
  std::chrono::nanoseconds delay_{0};  // before the next start

  std::optional<PeerSuccession> succession_;               // while it is replaced
  std::vector<std::unique_ptr<PeerCandidate>> dismissed_;  // and not dead yet
  std::optional<LinkAccount> closing_;                     // until those are
  bool handed_over_ = false;  // nobody has died: what was running has left, or had never come
  bool yielded_ = false;      // it was told to leave between two messages
  bool said_goodbye_ = false;
  bool goes_on_ = false;  // to the next start at once, whoever decides else
};

}  // namespace ringmail::runtime

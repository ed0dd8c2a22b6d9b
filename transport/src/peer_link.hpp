// The peer's side of a link: what the C ABI is a thin coat over. One thread, but for interrupt().
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "accepted_link.hpp"
#include "peer_bodies.hpp"
#include "peer_doorbell.hpp"
#include "peer_listener.hpp"
#include "ringmail.h"
#include "ringmail/transport/fork_guard.hpp"
#include "ringmail/transport/introduction.hpp"
#include "ringmail/transport/join.hpp"
#include "ringmail/transport/lane.hpp"
#include "ringmail/transport/spin.hpp"
#include "timed_asks.hpp"

namespace ringmail::transport {

/// The types of a FrameKind::signal that a peer sends and is sent. docs/spec/ring.md
enum : std::uint32_t { signal_monitor = 2, signal_demonitor = 3, signal_down = 4 };

inline std::uint64_t deadline_after(std::int64_t timeout_ns) {
  return timeout_ns < 0 ? UINT64_MAX : timeout_ns == 0 ? 0 : monotonic_ns() + static_cast<std::uint64_t>(timeout_ns);
}

class PeerLink {
 public:
  /// As the peer of a host, or as the host of a peer that a listener has let in, which is known there as `own_name`.
  int attach(const ringmail_options& options);
  int accept(std::unique_ptr<AcceptedLink> link, std::shared_ptr<LeftMail> left, std::string own_name);
  void detach();

  int receive(ringmail_message& message);
  int receive_more(std::uint32_t most, std::uint32_t& stride);
  int release();
  int wait(std::int64_t timeout_ns);
  void interrupt();

  // For an event loop.
  int descriptor() const { return doorbell_ ? doorbell_->descriptor() : -1; }
  int prepare(bool for_mail, std::int64_t* longest_ns);
  int resume();
  int receive_reply(ringmail_message& message);
  int want_room(ringmail_mailbox target, std::uint32_t length);
  int ask_host(const char* name, std::uint32_t& request);
  int take_answer(std::uint32_t& request, ringmail_mailbox& mailbox);
  int ring_memory(std::uint32_t lane, int outgoing, void** memory, std::uint64_t* bytes);

  int loan(ringmail_mailbox target, std::uint32_t length, std::int64_t timeout_ns, void** payload);
  int publish_loan(FrameHead head);
  int cancel_loan();
  int loan_large(ringmail_mailbox target, std::uint64_t length, std::int64_t timeout_ns, ringmail_body& body);
  int send_large(ringmail_mailbox target,
                 std::uint32_t type,
                 std::uint32_t correlation,
                 std::span<const std::byte> payload,
                 const ringmail_body& body,
                 std::int64_t timeout_ns);
  int cancel_large(const ringmail_body& body);
  int want_large(ringmail_mailbox target, std::uint64_t length);
  int held_body(ringmail_body& body);
  int keep_body(ringmail_body& body);
  int may_ask() { return batch_.lane == nullptr ? 0 : refuse_ask(); }
  int answer(
      const ringmail_message& asked, FrameKind kind, std::uint32_t type, const void* payload, std::uint32_t length);
  std::uint32_t next_correlation();
  std::uint32_t next_timed_correlation();  ///< with room for it in the table
  void expect_answer(std::uint32_t correlation, std::uint64_t deadline_ns) { asks_.add(correlation, deadline_ns); }
  int flush();
  void pin() { is_pinned_ = true; }

  int stop();
  int unfinished(std::uint64_t& messages);

  int lookup(const char* name, std::int64_t timeout_ns, ringmail_mailbox& mailbox);
  int monitor(ringmail_mailbox target, std::int64_t timeout_ns, std::uint64_t& monitor);
  int demonitor(std::uint64_t monitor, std::int64_t timeout_ns);
  int log(int level, const char* text);
  int report_failure(const char* text);

  const char* name() const { return accepted_ ? accepted_->name().c_str() : link_.welcome().name.c_str(); }
  const char* schema() const { return accepted_ ? accepted_->schema().c_str() : link_.welcome().schema.c_str(); }
  std::uint64_t incarnation() const { return accepted_ ? accepted_->incarnation() : link_.welcome().incarnation; }
  const char* error() const { return link_.error(); }
  void count(ringmail_counters& counters) const;

  [[gnu::format(printf, 3, 4)]] int fail(int code, const char* format, ...);

 private:
  /// What it says of itself, to each host.
  struct Self {
    std::string path, name, token, language, schema;
    std::uint64_t ring_bytes = 0;
    bool is_pollable = false;
    bool is_restartable = false;
  };

  struct PeerLane : Lane {
    std::uint32_t index = 0;
    std::unique_ptr<IntroducedLane> met;      ///< to another peer; null: to the host
    Presence::State other = Presence::there;  ///< the other peer
    bool broken = false;                      ///< the other peer wrote the impossible: it is not read any more
    bool stopping = false;
    std::uint64_t stop_at = 0;    ///< position in mail up to which it must be read first
    bool short_of_room = false;   ///< an event loop waits until the host has read some of this lane's mail
    bool short_of_arena = false;  ///< or has given bodies back
    ArenaProducer bodies_out{};
    bool is_short() const { return short_of_room || short_of_arena; }
    bool may_have_room() const {
      return (short_of_room && mail_out.cursor_moved()) || (short_of_arena && bodies_out.may_have_room(mail_out));
    }
    bool drained() const { return stopping && mail_in.position() >= stop_at; }
    bool has_mail() const { return !broken && !drained() && !mail_in.empty(); }
    bool has_control() const { return !broken && !control_in.empty(); }
    bool is_cut() const { return broken || other == Presence::ended; }
  };

  int refuse_ask();
  int find_stream(const ringmail_options& options, std::uint64_t timeout_ns);
  int shake_hands(const Self& self, std::uint64_t deadline_ns);

  // Another host, when this one is dead. peer_return.cpp
  static constexpr int came_back = 2;  ///< of who waits for room: lanes are other ones now
  bool may_return() const { return return_time_ns_ != 0; }
  void learn_return();
  bool lose_host();
  int come_back(std::uint64_t deadline_ns);
  int try_to_come_back();
  int find_host(std::int64_t timeout_ns);
  bool is_final(int error) const;
  int give_up();
  void leave_host();
  void join_host();
  void take_up_held();
  int release_left();
  bool give_news(ringmail_message& message);
  bool holds_message() const { return held_ring_ != nullptr || holds_expired_ || holds_left_; }

  ControlStream& stream() { return accepted_ ? accepted_->stream() : link_.stream(); }
  bool has_stream() const { return accepted_ ? accepted_->has_stream() : link_.has_stream(); }
  const char* other() const { return accepted_ ? "peer" : "host"; }

  bool has_input() const;
  bool give_expired(ringmail_message& message);
  bool has_work(bool for_mail) const;
  int take_control(PeerLane& lane, Frame& reply);
  void describe(const PeerLane& lane, const RingConsumer& ring, const Frame& frame, ringmail_message& message) const;
  void give(PeerLane& lane, RingConsumer& ring, const Frame& frame, ringmail_message& message);
  int take_mail(PeerLane& lane, ringmail_message& message);
  int give_mail(PeerLane& lane, Frame frame, ringmail_message& message);
  int describe_down(ringmail_message& message);
  template <class HasWork>
  SleepResult park(std::uint64_t timeout_ns, HasWork&& has_work);
  void get_up();
  int want_wake(PeerLane& lane, bool& is_short);
  void end_idleness();
  int prepare_without_host(bool for_mail, std::int64_t* longest_ns);
  int woken();
  void keep_answer(const ControlFrame& frame);
  template <class TryLoan>
  int wait_for_room(PeerLane& lane,
                    RingProducer& ring,
                    const char* where,
                    std::uint64_t deadline_ns,
                    std::byte** room,
                    TryLoan&& try_loan);
  int wait_for_room(
      PeerLane& lane, RingProducer& ring, std::uint32_t length, std::uint64_t deadline_ns, std::byte** room);
  void publish_open();
  int loan_signal(ringmail_mailbox target, std::int64_t timeout_ns);
  int loan_on(PeerLane& lane, ringmail_mailbox target, std::uint32_t length, std::int64_t timeout_ns, void** payload);
  void commit_loan(FrameHead head);
  bool is_forked();
  PeerLane* lane_to(ringmail_mailbox target);
  bool other_is_gone();
  void look_at_stream(std::uint64_t now_ns);
  void take(ControlFrame frame);
  bool answers_on_stream() const { return answers_on_stream_; }
  void answer_resolve(const Resolve& question);
  int find_other(const char* name, ringmail_mailbox& mailbox);

  // Exactly once. peer_exactly_once.cpp
  void publish_all_but_batch();
  void begin_batch(PeerLane& lane, const RingConsumer& ring);
  void end_batch();
  int join_batch(std::uint32_t length, std::uint64_t deadline_ns);
  int answer_in_batch(FrameHead head, const void* payload, std::uint32_t length);
  PeerLane& way_to(ringmail_mailbox target) { return batch_.lane != nullptr ? *batch_.lane : *lane_to(target); }

  // Other peers, that the host introduces.
  void introduce(ControlFrame frame);
  std::string meet(const Introduce& introduce, std::vector<Descriptor> descriptors);
  void note_presence(const Presence& presence);
  void stop_reading(PeerLane& lane);
  int cut(PeerLane& lane, const char* why);
  int is_cut_off(PeerLane& lane);
  bool is_for_this_life(const PeerLane& lane, std::uint32_t correlation) const;
  std::uint32_t life() const { return static_cast<std::uint32_t>(incarnation() & 0x7f) << 24; }
  std::uint64_t on_wire(const PeerLane& lane, ringmail_mailbox mailbox) const;
  int end(const char* how);
  void leave();
  void say_goodbye();
  int stream_failed(const StreamError& error);
  int faulted(PeerLane& lane);

  // Set up by attach().
  ForkGuard owner_;
  JoinedLink link_;  // or
  std::unique_ptr<AcceptedLink> accepted_;
  std::string own_name_;            // to who looks it up over an accepted link
  std::shared_ptr<LeftMail> left_;  // where the mail goes once an accepted link has ended; then null
  std::deque<PeerLane> lanes_;      // at addresses that stay, whoever is introduced
  struct LeaveBodies {
    void operator()(PeerBodies* bodies) const { bodies->leave(); }
  };
  std::unique_ptr<PeerBodies, LeaveBodies> bodies_;  // where the host has arenas
  bool acknowledges_ = false;                        // every message of mail, with what it led to
  bool answers_on_stream_ = false;                   // the other end asks things there
  Parker parker_;
  std::optional<PeerDoorbell> doorbell_;  // of one that polls
  SpinPolicy spin_;

  // What is going on.
  std::uint32_t next_lane_ = 0;
  PeerLane* held_lane_ = nullptr;  // of the message that is not released yet
  RingConsumer* held_ring_ = nullptr;
  std::uint32_t held_count_ = 0;  // of messages, which are alike
  bool held_has_body_ = false;
  std::optional<ringmail_body> held_body_;  // unless it is kept
  /// Of what the held mail leads to, where that is published with its acknowledgement and not before.
  struct Batch {
    PeerLane* lane = nullptr;  ///< of that mail; null: none is held, or it is not acknowledged so
    bool has_acknowledgement = false;
    std::uint64_t bytes = 0;   ///< in it, without padding
    std::uint64_t end = 0;     ///< in the ring, before the last loan, which
    std::uint64_t loaned = 0;  ///< adds so many bytes if it is not cancelled
  };
  Batch batch_;
  PeerLane* loan_lane_ = nullptr;
  std::uint64_t loan_target_ = 0;  // as it goes on the wire
  bool dirty_ = false;             // some lane has an open batch that may be published
  bool closed_ = true;             // until attach() is done, and again after the host's death
  bool gone_ = false;              // the peer of an accepted link is, and what it left is read before that is closed
  std::string last_words_;
  std::uint32_t asked_ = 0;
  std::uint32_t timed_asked_ = 0;
  TimedAsks asks_;
  std::uint32_t looks_ = 0;           // for messages, since the clock was asked which of them has expired
  std::uint64_t stream_seen_ns_ = 0;  // when the stream was looked at last, by who answers there
  bool holds_expired_ = false;        // what is held is no frame of a ring
  std::unordered_map<std::uint64_t, ringmail_mailbox> monitors_;  // by the numbers that stand for them
  std::uint32_t monitor_ = 0;                                     // the last one's, in this incarnation
  std::uint32_t request_ = 0;
  std::vector<Resolved> answers_;  // to ask_host(), not taken yet
  std::uint64_t sleeps_ = 0;       // over the doorbell
  bool is_idle_ = false;           // the last look found nothing
  bool lies_down_ = false;         // the park word says so: between prepare() and resume()
  bool sleeps_in_order_ = true;    // its barrier was not refused
  std::uint64_t received_ = 0;
  std::uint64_t received_at_wait_ = 0;
  std::atomic<bool> interrupted_{false};
  std::atomic<Bell*> bell_{nullptr};  // that interrupt() rings

  // Of one that outlives its host.
  Self self_;
  std::uint64_t return_time_ns_ = 0;  // so long it looks for the next host; 0: not at all
  bool is_kept_ = false;              // what is unfinished is kept for that one
  bool lost_ = false;                 // the host is dead, and there is no other yet
  bool has_left_ = false;             // its rings; while lost
  bool has_news_ = false;             // for the user, of a restart
  std::uint64_t lost_ns_ = 0;         // since then
  std::uint64_t next_try_ns_ = 0;
  std::uint64_t pause_ns_ = 0;  // between two tries
  bool tell_restart_ = false;
  static constexpr int lane_bits = 8;  // of a message's `lane`
  static_assert(max_lanes == 1 << lane_bits);
  std::uint32_t restarts_ = 0;
  std::uint32_t lost_messages_ = 0;  // that it is told of
  std::vector<std::uint32_t> ended_asks_;
  std::vector<std::pair<std::uint64_t, ringmail_mailbox>> ended_monitors_;
  std::vector<std::shared_ptr<PeerSegments>> left_segments_;  // of hosts that are dead: the message in hand lies there
  struct {
    std::uint32_t lane = 0;
    std::uint32_t count = 0;                                    // of messages; 0: none
  } left_in_hand_;                                              // when its rings were left
  bool holds_left_ = false;                                     // and not released yet
  std::vector<std::shared_ptr<PeerSegments>> pinned_segments_;  // of hosts that are dead: somebody may still look there
  bool is_pinned_ = false;                                      // so are those of this one to be
  std::vector<Mapping> left_bells_;  // of hosts that are dead: a thread in interrupt() may still ring one
  std::unordered_map<std::uint32_t, std::string> questions_;  // of ask_host(), not answered yet
  ringmail_counters past_{};                                  // over the links before
};

}  // namespace ringmail::transport

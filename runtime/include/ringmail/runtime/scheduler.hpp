// A scheduler: a thread that owns cells, polls its inbound rings, runs their handlers and parks when idle.
//
// Threads: what is called from any thread stands first; everything else is called from the scheduler's own.
// "In a handler" means: called by a cell's handler or start(), and so allowed to suspend.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "ringmail/runtime/cell.hpp"
#include "ringmail/runtime/clock.hpp"
#include "ringmail/runtime/fiber.hpp"
#include "ringmail/runtime/link_owner.hpp"
#include "ringmail/runtime/message.hpp"
#include "ringmail/runtime/move_only_function.hpp"
#include "ringmail/runtime/pace.hpp"
#include "ringmail/runtime/scheduling_options.hpp"
#include "ringmail/runtime/shutdown.hpp"
#include "ringmail/runtime/timer_queue.hpp"
#include "ringmail/transport/park.hpp"
#include "ringmail/transport/spin.hpp"

namespace ringmail::runtime {

class System;
class RemoteSystem;
class LocalRing;
class OwnLanes;
class PollSet;
class CreditTable;
struct CreditAccount;
struct CreditNotice;
struct Inlet;
class LoanedBody;
struct LocalInlet;
struct LocalOutlet;
enum class Operation : std::uint32_t;
enum class Signal : std::uint32_t;
struct Farewell;
struct Forward;
struct Outlet;
struct PendingAsk;
struct RemoteLane;
class Simulator;
class AskTable;
class DelayedSends;
struct DelayedSend;

enum class SendError : std::uint8_t {
  full,         ///< no room until the deadline
  unreachable,  ///< there is no such link any more
  stopped,      ///< the sender was told to stop while it waited
  too_long,     ///< longer than half the ring; a body: than the arena, or the peer takes none
  not_wire,     ///< the type cannot leave the process
};

enum class AskError : std::uint8_t {
  timed_out,
  unreachable,  ///< whom was asked is not there, died or was stopped
  no_handler,
  failed,      ///< its handler threw
  stopped,     ///< the asker was told to stop while it waited
  full,        ///< the question could not be sent in time
  wrong_type,  ///< the answer is not of the type that was asked for
  abandoned,   ///< others were asked as well, and enough of them had answered
};

enum class Wake : std::uint8_t {
  ready,
  timed_out,
  stopped,
  no_stack,  ///< there is no stack for the loop to go on upon, so there was no wait
};

/// What a suspended handler waits for, as reports say it.
enum class WaitFor : std::uint8_t {
  something,
  time,
  message,
  answer,    ///< of `whom`
  room,      ///< towards `whom`: a peer, or a scheduler of this process
  blocking,  ///< a function on another thread
};

/// One suspension of one handler. Lies on the stack that is suspended.
struct Waiter {
  Waiter() noexcept {}  // an aggregate is cleared by `rep stos`, which takes a quarter of a suspension

  Fiber* fiber = nullptr;
  Cell* cell = nullptr;
  Wake result = Wake::ready;
  bool waiting = false;
  bool until_done = false;  // stop does not end it
  WaitFor what = WaitFor::something;
  Address whom;
  std::uint64_t deadline_ns = Deadline::never;
  Waiter* next_resumable = nullptr;
  Waiter* next_in_line = nullptr;  // for room
  Waiter* next_of_cell = nullptr;
  /// While waiting in receive(): takes the message if it is of the type waited for.
  const MessageType* wanted = nullptr;
  void* received = nullptr;
  Asker received_from;
};

/// A message that is to be sent later. One made by default is none.
struct SendTimer {
  std::uint32_t slot = 0;
  std::uint64_t sequence = 0;
};
using CopyObject = void (*)(void* to, const void* from);

/// One of the questions that a handler asks at once.
struct Question {
  Address to;
  const Binding* binding;
  void* object;  ///< moved from and destroyed, whatever comes of it
  const MessageType* reply_type;
  void* reply;  ///< room for an object of `reply_type`
  std::expected<void, AskError> result =
      std::unexpected(AskError::timed_out);  ///< on success `reply` has been constructed
};

/// What happens when an answer has come to who does not wait for it. Has the room for it.
class AskContinuation {
 public:
  virtual ~AskContinuation() = default;
  /// A turn of the actor that asked. On success the reply has been constructed in the room.
  virtual void run(std::expected<void, AskError> result) = 0;
};

/// Once nothing is under way: sent + what peers sent = messages + dead_letters + dropped, summed over the schedulers of a system.
struct SchedulerCounters {
  std::uint64_t sent = 0;          ///< to actors of this process
  std::uint64_t messages = 0;      ///< delivered: given to a handler, or to one that waited for it
  std::uint64_t dead_letters = 0;  ///< for which there was no actor or no handler
  std::uint64_t dropped = 0;       ///< by mailboxes that are limited so
  std::uint64_t sleeps = 0;
  std::uint64_t spins = 0;            ///< times that it polled for a while before it slept or found work
  std::uint64_t lost_wakeups = 0;     ///< must be 0
  std::uint64_t failed_barriers = 0;  ///< must be 0
};

/// Schedulers that stop together. None leaves while a cell of any is left, for it may still be sent to.
struct SchedulerGroup {
  std::atomic<std::uint64_t> live_cells{0};  ///< or more: schedulers that are not to stop keep some for cells that come
  std::function<void()> on_empty{};          ///< the last cell has ended, and they are to stop: wakes them all
};

class Scheduler {
 public:
  static constexpr std::uint64_t no_deadline = Deadline::never;

  /// `system` is what it belongs to, for who finds it by current(); not used here.
  /// `ordering`: asymmetric if those who ring `bell` may leave their barriers to this thread; this process is registered then.
  Scheduler(std::uint32_t index,
            transport::Bell& bell,
            transport::Ordering ordering = transport::Ordering::sequential,
            System* system = nullptr,
            const StackPoolOptions& stacks = {});
  ~Scheduler();

  /// The one whose thread this is, or null.
  static Scheduler* current() { return current_; }
  std::uint32_t index() const { return index_; }
  System* system() const { return system_; }

  // --- From any thread.

  /// Runs `task` on the scheduler's thread, outside of any handler. Not at all, if the thread ends before.
  void post(MoveOnlyFunction<void()> task);
  /// Takes a cell in; messages may be sent to it at once, and wait until it has started. After the end of run() it is
  /// destroyed as it is, and its id reaches nobody.
  ActorId add(std::unique_ptr<Cell> cell);
  /// One that is down until restart(), so that it has its address before its first life.
  struct Role {
    ActorId parent{};         ///< who is told of its end; nobody: it is a root
    bool supervised = false;  ///< whenever it ends it is down, and its parent decides on
    bool keeps_mail = false;  ///< what waits when it ends is for its next life, else dead letters
  };
  ActorId add_down(std::unique_ptr<Cell> cell, const Role& role);
  /// Whether the actor has not ended for good.
  bool is_live(ActorId id) const;
  /// Asks every cell to stop; run() returns when all of the group have ended.
  void request_stop();

  /// What this thread is at: another value in each turn of a handler, with the slot of its actor in the low bits. It stays as it
  /// is after the turn.
  std::uint64_t turn_mark() const { return turn_mark_.load(std::memory_order_relaxed); }
  /// Whether it sleeps, and which sleep it was.
  std::uint32_t park_word() const { return bell_.park.load(std::memory_order_relaxed); }
  /// The actors that have not ended, at most `most`, by what every thread may see of them. Returns how many there are.
  std::size_t list_actors(std::vector<LiveActor>& actors, std::size_t most) const;
  /// How many actors it has, and how many messages waited at them a moment ago.
  struct Load {
    std::uint64_t waiting = 0;
    std::uint32_t actors = 0;
  };
  Load load() const;

  /// As reply() and refuse(), of whoever has taken the asker along.
  void post_reply(const Asker& asker, const MessageType& type, void* object);
  void post_refusal(const Asker& asker, transport::NoReply reason);

  // --- Set-up, before the thread runs.
  void connect_from(LocalRing& ring, transport::Bell& sender);
  /// `lane`: of its actors, by their id.
  void connect_to(std::uint32_t target, LocalRing& ring, transport::Bell& bell, std::uint32_t lane = 0);
  void lend_lanes(OwnLanes& lanes) { own_lanes_ = &lanes; }
  void stop_together(SchedulerGroup& group) { group_ = &group; }
  void set_budget(const ActorBudget& budget);
  /// What its first actors have; others of a system that lives no more are not to be taken for them.
  void count_generations_from(std::uint32_t generation) { first_generation_ = generation; }
  void set_spin(const transport::SpinPolicy& spin) { spin_ = spin; }
  std::uint64_t longest_spin_ns() const { return spin_.longest_ns(); }

  /// The thread's body.
  void run();

  /// On this thread: from now on it looks there as well, before it looks elsewhere.
  void poll_own_lane(std::uint32_t from, LocalRing& ring, transport::Bell& sender);

  // --- In place of run(): the schedulers of a system, one turn of the loop at a time, on one thread. scheduler_simulated.cpp

  enum class TurnEnd : std::uint8_t { busy, idle, ended };
  /// Takes so many frames of each ring at most. In no handler.
  TurnEnd run_turn(std::uint32_t frames);
  /// As before a sleep, after an idle turn: its park word then says that it is parked. False, and it does not: there is work.
  bool lie_down();
  void get_up() { parker_.get_up(); }
  /// Of one that lies: somebody rang.
  bool is_rung() const;
  /// Of one that lies: there is work, and nobody rang.
  bool overslept() const { return !is_rung() && has_work(); }
  std::uint64_t next_deadline_ns() const { return timers_.next_deadline_ns(); }
  /// What scheduler `from` sends is on its way until it is let go.
  void hold(std::uint32_t from, bool held);
  /// Tells it of what happens here; null: nobody.
  void tell(Simulator* simulator) { simulator_ = simulator; }
  bool has_ended() const;
  /// As if a handler of that actor had failed; if it is there.
  void crash(ActorId id, ExitReason reason);

  /// When the threads of the whole group have ended, from any thread: what still lies in rings, or waits for room in one,
  /// becomes dead letters.
  void bury();

  // --- Sending. `object` is moved from and destroyed, whatever comes of it.

  /// Of its system: whether it lives here and has no limit to keep: send_here() then does, and never waits for room.
  bool has_here(const Address& whom) const {
    return whom.link == 0 && whom.actor.thread() == index_ && !whom.actor.needs_credit();
  }
  void send_here(ActorId to, const Binding& binding, void* object) {
    send_here(to, binding, object, 0, Admission::limited);
  }
  /// In a handler it suspends while there is no room, until the deadline; elsewhere it queues.
  std::expected<void, SendError> send(const Address& to, const Binding& binding, void* object, Deadline deadline);
  /// Room for a body of a message to `to`. In a handler it suspends while there is none, until the deadline.
  std::expected<BodyLoan, SendError> loan_body(const Address& to, std::uint64_t bytes, Deadline deadline);
  /// One that was not sent.
  void cancel_body(std::uint32_t link, const std::byte* block);
  /// In a handler. `reply` has room for an object of `reply_type`; on success it has been constructed there.
  std::expected<void, AskError> ask(const Address& to,
                                    const Binding& binding,
                                    void* object,
                                    const MessageType& reply_type,
                                    void* reply,
                                    Deadline deadline);
  /// In a handler. Returns when so many questions are answered, when all are settled, or at the deadline. What is not settled
  /// then is abandoned, or has timed out.
  void ask(std::span<Question> questions, std::size_t answers, Deadline deadline);
  /// In a handler, which goes on as soon as the question is sent. Whatever comes of it is told to `continuation` in a turn of
  /// its own, unless the actor has ended before. `question.reply` lies in the continuation.
  void ask_then(const Question& question, std::unique_ptr<AskContinuation> continuation, Deadline deadline);
  void reply(const Asker& asker, const MessageType& type, void* object);
  void refuse(const Asker& asker, transport::NoReply reason);
  /// From the runtime itself, in a handler or not: from nobody, and never waits.
  void send_system(const Address& to, const Binding& binding, void* object);
  void stop(const Address& whom);
  /// `down` is the watcher's handler of Down. One that has ended already is reported at once.
  void monitor(const Address& whom, ActorId watcher, const Binding& down);
  void demonitor(const Address& whom, ActorId watcher);

  // --- Links and children. scheduler_ties.cpp, scheduler_endings.cpp

  /// Both end with the other unless that ended normally; of a peer its process is stopped. One that has ended already counts as
  /// failed.
  void link(Cell& cell, const Address& whom);
  void unlink(Cell& cell, const Address& whom);
  /// Exits of links are given to `exit` as messages. Null: no longer.
  void trap_exits(Cell& cell, const Binding* exit) { cell.ties().traps_exits = exit; }
  /// In a handler: a new cell on scheduler `where`, this one's or another of its system, that ends with the one whose handler it
  /// is. `linked`: and the other way round, if it fails.
  ActorId add_child(std::unique_ptr<Cell> cell, Scheduler& where, bool linked);
  /// Likewise of one that was added down with `parent`, and of a peer.
  void adopt(Cell& parent, const Address& child);
  /// Ends a cell of this scheduler for that reason, as if a handler of it had failed.
  void end(Cell& cell, ExitReason reason);

  // Of cells that are down; without effect on any other.
  void restart(ActorId id);  ///< the next life, under the same id
  void close(ActorId id);    ///< mail does not wait for it any more; it may be restarted still
  void remove(ActorId id);   ///< for good

  /// Tells the parent of a supervised cell that it is up. One that supervises says so itself, others when start() has returned.
  void tell_started(Cell& cell);

  /// Tells a supervising cell of this scheduler of the peer's starts and ends, until the last.
  void supervise_peer(std::uint32_t link, ActorId supervisor);

  /// Calls back on the loop, as TimerQueue says.
  TimerId call_at(std::uint64_t deadline_ns, TimerCallback callback) { return timers_.add(deadline_ns, callback); }
  void cancel_call(TimerId timer) { timers_.cancel(timer); }

  // --- Waiting, in a handler.

  /// ready: the time has come.
  Wake sleep_until(Deadline deadline);
  /// The next message of that type to this cell, in the order of arrival, past others.
  Wake receive(const MessageType& type, void* to, Asker& from, Deadline deadline);
  Wake wait(Waiter& waiter, Deadline deadline);
  /// Whether the actor was told to stop: it waits for nothing any more that the stop could spare it.
  bool told_to_stop() const;
  /// Lets the other cells of this scheduler run first, and takes what is in its rings.
  Wake yield();
  void wake(Waiter& waiter, Wake result);

  // --- The actor that runs, and what it does from now on. In a handler.

  void become(std::unique_ptr<Behaviour> behaviour);  ///< in place of the one on top
  void become_stacked(std::unique_ptr<Behaviour> behaviour);
  void unbecome();
  bool can_stash(std::size_t capacity);
  /// Puts the message that is being handled aside, with who waits for its answer. `object` is moved from and destroyed.
  void stash(const MessageType& type, void* object);
  void unstash();

  // --- Later, in a handler. What its actor is to send ends with it.

  /// `copy`: of an object that is sent each `period_ns`; 0: once. `object` is moved from and destroyed.
  SendTimer send_later(const Address& to,
                       const Binding& binding,
                       void* object,
                       std::uint64_t delay_ns,
                       std::uint64_t period_ns,
                       CopyObject copy);
  /// False: it has been sent, for the last time.
  bool cancel(SendTimer timer);

  Cell* current_cell() const { return current_cell_; }
  /// The system behind a link of this scheduler's. Null: a peer is, or nobody.
  RemoteSystem* system_behind(std::uint32_t link) const;
  /// As list_actors(), on this thread, with what each of them does.
  std::size_t explain_actors(std::vector<LiveActor>& actors, std::size_t most) const;
  /// Whether nothing that was sent waits at it, and no handler waits for what somebody else does.
  bool is_drained() const;
  std::size_t timers() const { return timers_.size(); }
  SchedulerCounters counters() const;

  // --- Links, called by posted tasks.

  /// `system`: whose scheduler is the peer, if one is.
  void open_lane(std::uint32_t link,
                 transport::RingProducer mail,
                 const transport::Incarnation::HostEnd& end,
                 RemoteSystem* system = nullptr,
                 transport::ArenaProducer bodies = {},
                 std::shared_ptr<transport::Arena> arena = nullptr);
  /// Of a lane that was just opened: the peer, and all that follow, acknowledge its mail in one batch with what that led to, which
  /// comes here whichever scheduler it is for.
  void expect_acknowledgements(std::uint32_t link);
  /// What has come so for actors of this scheduler.
  void take_forwards(std::uint32_t link, std::vector<Forward> forwards);
  /// The peer's end of a lane: the host is a scheduler of `system`.
  void open_joined_lane(std::uint32_t link,
                        const transport::Lane& lane,
                        transport::Ordering ordering,
                        RemoteSystem& system);
  /// It sleeps on that one as well, on which that system rings.
  void add_bell(transport::Bell& bell) { parker_.add(bell); }
  void remove_bell(transport::Bell& bell) { parker_.remove(bell); }
  /// Delivers what the dead incarnation had published, and says where the next takes up.
  struct LaneReport {
    transport::Resume resume;
    LinkAccount account;
  };
  LaneReport settle_lane(std::uint32_t link, const Redelivery& redelivery = {});
  /// What the peer has not finished, and has in hand, while it runs.
  LinkSight look_at_lane(std::uint32_t link);
  void switch_lane(std::uint32_t link,
                   const transport::ConsumerBlock* consumer,
                   const transport::Incarnation::HostEnd& end);
  /// What the peer has agreed to, once it is ready.
  void order_lane(std::uint32_t link, transport::Ordering ordering, bool takes_bodies);
  void close_lane(std::uint32_t link);
  void lane_down(std::uint32_t link, const ExitReason& reason);
  /// Nobody has died: the next one has what waits, and who asked for it may go on waiting.
  void lane_handed_over(std::uint32_t link);
  void stop_lane(std::uint32_t link, StopAt where = StopAt::end_for_good);
  /// Of one that outlives this host, before its lane is opened: which actors of the host before the peer knows, and by which names.
  void know_former(std::uint32_t link, const std::vector<std::pair<std::uint64_t, std::string>>& names);
  /// Between settle_lane() and switch_lane(), of one that outlives this host: what its actors have not handled is also in the memory of
  /// the next incarnation. One line on failure.
  std::string carry_lane(std::uint32_t link, transport::Incarnation& next, transport::Incarnation::HostEnd& end);
  /// `actor` may be sent to over `link`. False if there is no such actor.
  bool export_to(std::uint32_t link, ActorId actor);

  /// Before it runs: it shows there whether it sleeps, for peers that may not write to its bell.
  void show(transport::ParkMirror& mirror) { parker_.show(mirror); }

  // --- Called on this thread; set before it runs.

  /// A peer wrote something impossible.
  std::function<void(std::uint32_t link, std::string what)> on_fault;
  /// A message found no actor or no handler.
  std::function<void(const Message& message, const char* why)> on_dead_letter;
  /// A barrier was refused before a sleep, for the first time.
  std::function<void()> on_failed_barrier;
  /// A joined lane was told to stop, and has read all that was sent before.
  std::function<void(std::uint32_t link)> on_drained;
  /// Messages of a peer for scheduler `thread`, which is to take_forwards() before anything that is posted to it later. False: there
  /// is none.
  std::function<bool(std::uint32_t thread, std::uint32_t link, std::vector<Forward>& forwards)> on_forward;
  /// Which actor has a name; nobody.
  std::function<ActorId(std::string_view name)> on_name;
  /// Another scheduler of the system is to run that, as post() there.
  std::function<void(std::uint32_t index, MoveOnlyFunction<void()> task)> on_elsewhere;
  /// Somebody wants a peer stopped.
  std::function<void(std::uint32_t link)> on_stop_peer;
  /// A cell has ended. Unless for good, it may be restarted; if it is not, this is called once more when it is closed.
  std::function<void(ActorId id, const ExitReason& reason, bool for_good)> on_exit;

 private:
  struct Slot {
    std::atomic<Cell*> cell{nullptr};
    std::uint32_t generation = 0;  // of the last cell in it; belongs to whoever has the slot
  };
  static constexpr std::uint32_t chunk_slots = 4096;

  // The loop and its phases.
  void loop();
  bool is_done() const { return stopping_ && group_->live_cells.load(std::memory_order_acquire) == 0; }
  bool end();
  void resume_waiters();
  void resume_yielded();
  bool suspend(Waiter& waiter);
  void step_forward(Cell& cell, Waiter& waiter);
  bool run_ready();
  bool drain();
  bool drain(Inlet& inlet);
  bool drain_own_lanes();
  bool own_lane_waits() const;
  bool is_behind();
  void take_tasks();
  void expire_timers();
  void flush();
  bool spin();
  void park();
  bool has_work() const;

  // Cells.
  Cell* find(ActorId id) const;
  Cell* find_lasting(ActorId id) const;
  ActorId place(std::unique_ptr<Cell> cell);
  std::uint32_t take_slot();
  std::uint32_t take_own_slot();
  std::uint32_t live_slots() const;
  void deliver(Message& message);
  void deliver_now(Message& message);
  void deliver_later(Message& message);
  bool hand_over(Cell& cell, Message& message);
  bool hand_over_now(Cell& cell, Message& message);
  static bool message_is(Message& message, const MessageType& type);
  void enqueue(Cell& cell, Message& message);
  Envelope* take_first(Cell& cell);
  void append(Cell& cell, Envelope& envelope);
  void make_ready(Cell& cell);
  /// Relaxed: who looks only compares it with what he saw some time ago, or is a signal handler on this thread.
  void mark_turn(const Cell& cell) {
    turn_mark_.store(++turns_marked_ << ActorId::slot_bits | cell.id_.slot(), std::memory_order_relaxed);
  }
  void begin_turn(Cell& cell);
  bool goes_on(Cell& cell);
  void make_next(Cell& cell);
  void run_cell(Cell& cell);
  void execute(Cell& cell, Message& message);
  void execute_start(Cell& cell);
  template <class Turn>
  void turn(Cell& cell, const Asker& asker, Turn&& body);
  void finish_turn(Cell& cell);
  void finish_now(Cell& cell);
  void step_back(Cell& cell);
  void release_handlers(Cell& cell);
  void stop_waiting(Cell& cell);
  void request_stop(Cell& cell);
  void fail(Cell& cell, ExitReason reason);
  void wind_up(Cell& cell);
  void terminate(Cell& cell);
  void leave_slot(Cell& cell);
  void destroy_cell(Cell& cell);
  void take_life(bool is_own);
  void give_back_lives(std::uint64_t lives);
  void remove(Cell& cell);
  void discard_mail(Cell& cell);
  void take_back_stash(Cell& cell);
  void discard_continuations(Cell& cell);
  void tell_parent(ActorId parent, Farewell farewell);
  void child_started(ActorId parent, const Address& child);
  void child_down(ActorId parent, const Farewell& farewell);
  void say_farewell(const Address& self, const CellTies& ties, const ExitReason& reason);
  void take_link(ActorId whom, const Address& from);
  void take_unlink(ActorId whom, const Address& from);
  void tell_exit(const Address& whom, const Address& who, const ExitReason& reason);
  void take_exit(ActorId whom, const Address& who, const ExitReason& reason);
  /// `reason` is what an asker is told.
  void dead_letter(Message& message, const char* why, transport::NoReply reason = transport::NoReply::stopped);
  void bury(Message& message, const char* why);
  Conduct& conduct();
  const Binding* binding_for(const Cell& cell, const Message& message) const;
  void start(DelayedSend& send);
  void send_due(DelayedSend& send);
  void tell_down(const Address& watcher, const Binding& binding, const Address& who, const ExitReason& reason);

  // Frames.
  void take_local(Inlet& inlet, const transport::Frame& frame);
  void take_local_control(Inlet& inlet, const transport::Frame& frame);
  void take_remote(Inlet& inlet, const transport::Frame& frame, bool now = true);
  void take_large(Inlet& inlet, const transport::Frame& frame, bool now);
  bool is_reachable(RemoteLane& lane, ActorId actor);
  void take_kept(Inlet& inlet, const transport::Frame& frame, bool now);
  ActorId present(RemoteLane& lane, ActorId former);
  void forward(const Message& message, std::uint32_t index);
  void finish(std::uint32_t link, const Receipt& receipt);
  void finish_here(std::uint32_t link, std::uint32_t number);
  void finish_received(Conduct& conduct);
  static void note_received(Cell& cell, const Message& message);
  static Asker asker_of(const RemoteLane& lane, const transport::Frame& frame);
  void hand_on(Message& message, bool reaches, bool now);
  void take_remote_control(Inlet& inlet, const transport::Frame& frame);
  bool may_reach(RemoteLane& lane, ActorId actor);
  void take_acknowledgement(RemoteLane& lane, const transport::Frame& frame);
  void take_answer(RemoteLane& lane, const transport::Frame& frame);
  void forward_later(RemoteLane& lane, const transport::Frame& frame);
  void forward(RemoteLane& lane);
  void forwards_taken(std::uint32_t link, std::uint64_t count);
  void confirm_forwards(std::uint32_t source, std::uint32_t link, std::uint64_t count);
  void take_stop(RemoteLane& lane, const transport::Frame& frame);
  void look_whether_drained(RemoteLane& lane);
  void send_signal(RemoteLane& lane, Signal signal, ActorId target, ActorId sender, const ExitReason* reason = nullptr);
  void take_signal(RemoteLane& lane, const transport::Frame& frame);
  void take_monitor(RemoteLane& lane, ActorId whom, const Address& watcher);
  void forget_monitor(ActorId whom, const Address& watcher);
  void take_down(RemoteLane& lane, ActorId watcher, const Address& who, const ExitReason& reason);
  void report_fault(RemoteLane& lane, std::string what);
  void connect(RemoteLane& lane, const transport::Incarnation::HostEnd& end);
  void disconnect(RemoteLane& lane);
  MessageInHand message_in_hand(const transport::Frame& frame, std::size_t most_bytes) const;
  void take_all(RemoteLane& lane);
  RemoteLane* lane_to(std::uint32_t link);

  // Mailboxes with a limit. scheduler_credits.cpp
  enum class Offer : std::uint8_t { quarters, all };
  std::expected<void, SendError> take_credit(ActorId mailbox, Deadline& deadline);
  std::expected<void, SendError> wait_for_credit(ActorId mailbox, CreditAccount& account, Deadline& deadline);
  void ask_for_credit(ActorId mailbox, CreditAccount& account);
  void credits_changed(ActorId mailbox, CreditAccount& account);
  void take_credit_notice(ActorId mailbox, std::uint64_t word);
  void keep_credit(ActorId mailbox);
  void give_back_credits();
  void notify(std::uint32_t holder, ActorId mailbox, const CreditNotice& notice);
  void take_credit_request(ActorId mailbox, std::uint32_t from);
  void call_in_credits(Cell& cell);
  void offer_room(Cell& cell, Offer offer);
  void take_credits_back(ActorId mailbox, std::uint32_t credits);
  void say_gone(const Cell& cell);
  bool must_stay_in_ring(ActorId mailbox, const transport::Frame* frame);
  bool admit(Cell& cell, Message& message);
  void drop_oldest(Cell& cell);
  void drop(Message& message);

  // Sending.
  std::expected<std::byte*, SendError> room(Outlet& outlet, std::uint32_t bytes, Deadline& deadline);
  std::expected<std::byte*, SendError> wait_for_room(Outlet& outlet, std::uint32_t bytes, Deadline& deadline);
  // Bodies. scheduler_bodies.cpp
  std::expected<std::byte*, SendError> block_now(RemoteLane& lane, std::uint64_t bytes);
  std::expected<std::byte*, SendError> wait_for_block(RemoteLane& lane, std::uint64_t bytes, Deadline& deadline);
  std::expected<std::shared_ptr<LoanedBody>, SendError> loan_body(RemoteLane& lane,
                                                                  std::uint64_t bytes,
                                                                  Deadline& deadline);
  std::expected<std::shared_ptr<LoanedBody>, SendError> body_for(RemoteLane& lane,
                                                                 const Body& body,
                                                                 Deadline& deadline);
  std::expected<std::byte*, SendError> room_for_large(RemoteLane& lane, std::uint32_t length, Deadline& deadline);
  std::expected<void, SendError> send_large(
      RemoteLane& lane, transport::FrameHead head, const MessageType& type, void* object, Deadline& deadline);
  void next_for_body(Outlet& outlet);
  void open_arena(RemoteLane& lane, transport::ArenaProducer bodies, std::shared_ptr<transport::Arena> arena);
  void close_arena(RemoteLane& lane);
  void let_bodies(RemoteLane& lane, bool takes_bodies);
  void let_answer(RemoteLane& lane);

  void mark_dirty(Outlet& outlet);
  void mark_crowded(Outlet& outlet);
  void publish(Outlet& outlet);
  void publish_dirty() {
    if (!dirty_.empty()) publish_all_dirty();
  }
  void publish_all_dirty();
  void retry_crowded();
  void retry_overflow(Outlet& outlet);
  void next_in_line(Outlet& outlet);
  std::byte* room_now(Outlet& outlet, std::uint32_t bytes);
  void look_for_fault(Outlet& outlet);
  void commit(Outlet& outlet, const transport::FrameHead& head);
  void open(Outlet& outlet);
  void close(Outlet& outlet);
  void discard_overflow(Outlet& outlet);
  // These write now or, without room, later; never before what waits already.
  void write_later(Outlet& outlet,
                   std::uint32_t bytes,
                   const transport::FrameHead& head,
                   MoveOnlyFunction<void(std::byte*)> write);
  /// Within the process.
  void write_object(Outlet& outlet, const transport::FrameHead& head, const MessageType& type, void* object);
  /// To another process.
  void write_wire(Outlet& outlet, const transport::FrameHead& head, const MessageType& type, void* object);
  void write_word(Outlet& outlet, const transport::FrameHead& head, std::uint64_t word);
  std::expected<void, SendError> send(const Address& to,
                                      const Binding& binding,
                                      void* object,
                                      std::uint32_t correlation,
                                      Admission admission,
                                      Deadline& deadline);
  void step_aside();
  void send_here(ActorId to, const Binding& binding, void* object, std::uint32_t correlation, Admission admission);
  std::expected<void, SendError> send_local(ActorId to,
                                            const Binding& binding,
                                            void* object,
                                            std::uint32_t correlation,
                                            Admission admission,
                                            Deadline& deadline);
  std::expected<void, SendError> send_remote(
      const Address& to, const Binding& binding, void* object, std::uint32_t correlation, Deadline& deadline);
  /// A word to the scheduler of an actor of another one. False: there is no such scheduler.
  bool tell_elsewhere(ActorId target, Operation operation, ActorId sender, std::uint64_t word = 0);
  void tell_elsewhere(ActorId target, Operation operation, Farewell farewell);
  LocalOutlet* outlet_to(ActorId actor) const;
  LocalOutlet* outlet_to(std::uint32_t thread, std::uint32_t lane) const;
  LocalOutlet* mail_outlet_to(ActorId actor);
  LocalInlet& make_inlet(LocalRing& ring, transport::Bell& sender);
  std::expected<void, AskError> write_question(const Question& question, PendingAsk& pending, Deadline& deadline);
  void settle(PendingAsk& ask, AskError error);
  void keep_asks(const RemoteLane& lane, const transport::RingProducer::Unfinished& left);
  void fail_asks(const RemoteLane& lane);
  void settled(PendingAsk& ask);
  void continue_later(PendingAsk& ask);
  void complete(std::uint32_t correlation, std::uint32_t link, const MessageType& type, void* object);
  void complete_wire(std::uint32_t correlation, std::uint32_t link, const transport::Frame& frame);
  void complete_refused(std::uint32_t correlation, std::uint32_t link, AskError error);
  RemoteLane* lane_of(std::uint32_t link) const;
  RemoteLane* lane_of(const Asker& asker) const;
  PendingAsk* asked(std::uint32_t correlation, std::uint32_t link) const;
  Address self() const { return {0, current_cell_ != nullptr ? current_cell_->id() : ActorId()}; }

  void note_handled(const Cell& cell, const MessageType* type) const;

  // Here, and not behind a call: every send from a handler asks for it.
  static inline constinit thread_local Scheduler* current_ = nullptr;

  const std::uint32_t index_;
  transport::Bell& bell_;
  const transport::Ordering ordering_;
  System* const system_;

  // Written by this thread alone.
  StackPool stacks_;
  FiberThread fibers_;
  TimerQueue timers_;
  transport::Parker parker_;
  transport::SpinPolicy spin_;
  std::unique_ptr<PollSet> inlets_;
  std::unique_ptr<AskTable> asks_;
  std::unique_ptr<DelayedSends> delayed_;
  std::unique_ptr<CreditTable> credits_;
  std::vector<std::unique_ptr<LocalInlet>> local_inlets_;
  std::vector<std::unique_ptr<LocalOutlet>> outlets_;  // by target thread and lane; null: not used yet
  struct OwnInlet {
    std::uint32_t from;
    LocalInlet* inlet;  // of local_inlets_
  };
  std::vector<OwnInlet> own_inlets_;
  OwnLanes* own_lanes_ = nullptr;
  std::vector<std::unique_ptr<RemoteLane>> lanes_;  // by link
  std::vector<Outlet*> dirty_;                      // with an open batch
  std::vector<Outlet*> crowded_;                    // with somebody or something waiting for room
  Cell* first_ready_ = nullptr;
  Cell* last_ready_ = nullptr;
  std::uint32_t sends_in_turn_ = 0;  // to cells of this scheduler, since a handler began
  std::uint64_t backlog_ = 0;        // messages that wait at cells which are ready
  Waiter* first_resumable_ = nullptr;
  Waiter* last_resumable_ = nullptr;
  Waiter* first_yielded_ = nullptr;
  Waiter* last_yielded_ = nullptr;
  Cell* current_cell_ = nullptr;
  // The turn of an actor with several messages.
  Cell* turn_cell_ = nullptr;
  bool turn_goes_on_ = false;  // with the first ready cell
  std::uint32_t turn_left_ = 0;
  Stretch turn_;
  LastLook last_look_;
  std::uint32_t budget_messages_ = ActorBudget{}.messages;
  std::uint64_t budget_ns_ = static_cast<std::uint64_t>(ActorBudget{}.time.count());
  std::uint8_t ready_pace_ = 0;
  std::size_t next_inlet_ = 0;
  std::uint32_t turns_ = 0;
  std::uint32_t turns_behind_ = 0;
  std::uint32_t turns_since_clock_ = 0;
  std::uint64_t messages_at_clock_ = 0;
  std::uint64_t last_clock_ns_ = 0;
  std::uint32_t turns_per_clock_ = 1;
  std::uint64_t messages_at_spin_ = 0;
  bool timers_due_ = false;
  std::uint64_t kept_lives_ = 0;  // of the group's live cells: of ended ones, for those that are made next
  bool stopping_ = false;
  bool stepped_ = false;                // somebody else goes round the loop
  bool busy_ = false;                   // whether this turn of the loop has done anything
  std::uint32_t frames_per_turn_ = 64;  // of one ring, before the next one's turn
  Simulator* simulator_ = nullptr;
  SchedulerCounters counters_;

  // Read by others, now and then.
  std::uint64_t turns_marked_ = 0;
  std::atomic<std::uint64_t> turn_mark_{0};
  std::atomic<std::uint64_t> shown_backlog_{0};

  // Written by any thread.
  std::mutex tasks_mutex_;
  std::vector<MoveOnlyFunction<void()>> tasks_;
  std::atomic<bool> has_tasks_{false};
  mutable std::mutex slots_mutex_;
  std::vector<std::uint32_t> free_slots_;
  std::uint32_t used_slots_ = 0;
  /// Put aside by this scheduler's own thread, and counted by it alone: where its actors make actors, that takes no lock.
  std::array<std::uint32_t, 32> own_slots_;
  std::atomic<std::uint32_t> own_slot_count_{0};
  bool ended_ = false;
  std::uint32_t first_generation_ = 0;
  std::unique_ptr<std::atomic<Slot*>[]> chunks_;
  SchedulerGroup own_group_;  // unless there is another
  SchedulerGroup* group_ = &own_group_;
};

}  // namespace ringmail::runtime

// What a scheduler runs: an actor without its types.
#pragma once

#include <cstdint>
#include <memory>
#include <typeinfo>

#include "ringmail/runtime/address.hpp"
#include "ringmail/runtime/behaviour.hpp"
#include "ringmail/runtime/cell_bound.hpp"
#include "ringmail/runtime/cell_ties.hpp"
#include "ringmail/runtime/exit_reason.hpp"
#include "ringmail/runtime/message.hpp"

namespace ringmail::runtime {

class Scheduler;
struct Waiter;

/// Threads: belongs to its scheduler, which destroys it when it has ended.
class Cell {
 public:
  Cell() = default;
  Cell(const Cell&) = delete;
  Cell& operator=(const Cell&) = delete;
  virtual ~Cell() = default;

  /// Runs once in each life, before the first message. May suspend; what arrives meanwhile waits.
  virtual void start() {}

  /// Runs once in each life, after the last message and after the last child has ended, whatever the reason; even where
  /// start() did not run, for it was stopped before. Must not suspend.
  virtual void stopped(const ExitReason&) {}

  /// Around each life of one that can be restarted: makes what the handlers work on, before start(), and destroys it, after
  /// stopped(). An exception from make() is this life's failure.
  virtual void make() {}
  virtual void unmake() noexcept {}

  /// Who handles a message of this type that came from another process. None: null.
  virtual const Binding* find(std::uint32_t) const noexcept { return nullptr; }

  /// Its handler of Down, if it has one.
  virtual const Binding* down() const noexcept { return nullptr; }

  /// What reports call it: the mangled name of the actor's class, of static storage. From any thread, and in a signal handler.
  virtual const char* class_name() const noexcept { return typeid(*this).name(); }
  /// Its handler of Exit, if it has one.
  virtual const Binding* exit() const noexcept { return nullptr; }

  /// Before it is added to a scheduler.
  void limit_mailbox(const MailboxLimit& limit) {
    if (limit.is_limited()) bound_ = std::make_unique<CellBound>(CellBound{.limit = limit});
  }
  /// Before it is added: takes messages while handlers of it are suspended.
  void make_reentrant() { reentrant_ = true; }
  /// Before it is added: what it is sent from other schedulers waits behind nothing that others are sent.
  void give_own_lane() { own_lane_ = true; }

  ActorId id() const { return id_; }
  Scheduler& scheduler() const { return *scheduler_; }

  /// The message whose handler runs, for answering and for `sender()`. Meaningful within a handler.
  const Asker& asker() const { return asker_; }

  /// What it has put on last. Precondition: it has put on something.
  Behaviour& behaviour() const { return *conduct_->top(); }

  bool is_asked() const { return static_cast<bool>(asker_); }
  /// Whoever takes it answers it: now, or later. The second to come gets nobody.
  Asker take_asker() {
    const Asker taken = asker_;
    asker_.correlation = 0;
    return taken;
  }

 protected:
  /// One that stops its children itself, and is told what becomes of them. The functions below are called for no other.
  struct Supervising {};
  explicit Cell(Supervising) : supervises_(true) {}

  // Called on the scheduler's loop, in no handler; must not suspend or throw.

  /// A child's start() has returned; or a peer is ready.
  virtual void child_started(const Address&) {}
  /// A child has ended. Unless for good, it is down until it is restarted, closed or removed.
  virtual void child_down(const Address&, const ExitReason&, bool /*for_good*/) {}
  /// It is to end: stops its children. It ends when has_wound_up(), which is asked after each child_down().
  virtual void wind_up() {}
  virtual bool has_wound_up() const { return true; }
  /// Between two lives: mail does not wait for it any more, and not for its children.
  virtual void closed() {}
  /// There will be no further life: its children go as well.
  virtual void leave() {}

 private:
  friend class Scheduler;

  enum class State : std::uint8_t {
    idle,
    ready,
    running,
    suspended,  ///< takes no message until its handler goes on; a reentrant one is idle or ready meanwhile
    // Those below take no message.
    ending,  ///< waits for its children to end
    down,    ///< between two lives, or before the first. Mail waits for the next
    closed,  ///< as down, but mail does not wait
  };

  /// Whether what is sent to it while it takes no message is for its next life.
  bool waits_for_next_life() const { return state_ == State::down || (state_ == State::ending && keeps_mail_); }
  bool has_wound_up_altogether() const {
    return (ties_ == nullptr || ties_->children.empty()) && (!supervises_ || has_wound_up());
  }
  CellTies& ties() {
    if (ties_ == nullptr) ties_ = std::make_unique<CellTies>();
    return *ties_;
  }

  ActorId id_;
  Scheduler* scheduler_ = nullptr;
  State state_ = State::idle;
  std::uint8_t pace_ = 0;  // how many of its messages go by between two looks at the clock
  bool started_ = false;
  bool stop_requested_ = false;
  bool exported_ = false;    // on some lane
  bool winding_up_ = false;  // its children have been told to stop
  bool supervised_ = false;  // when it ends it is down, until its parent decides
  bool keeps_mail_ = false;  // when it ends; what comes while it is down waits anyway
  bool supervises_ = false;
  bool reentrant_ = false;
  bool own_lane_ = false;
  bool in_line_ = false;       // runs, and is on the list of those that are ready; only if reentrant
  std::uint32_t queued_ = 0;   // how many wait
  Envelope* first_ = nullptr;  // what waits
  Envelope* last_ = nullptr;
  Cell* next_ready_ = nullptr;
  Waiter* waiter_ = nullptr;  // of its handler that is suspended; with more of them, the first
  Asker asker_;
  const Binding* handling_ = nullptr;  // within a handler of a message
  std::unique_ptr<CellBound> bound_;   // null: no limit
  std::unique_ptr<Conduct> conduct_;
  std::uint32_t life_ = 0;  // how many have ended
  ActorId parent_;
  std::unique_ptr<CellTies> ties_;  // null: none
};

/// What a monitor gets when whom it watches has ended.
struct Down {
  Address who;
  ExitReason reason;
};

/// What a link gives an actor that traps exits, in place of ending it.
struct Exit {
  Address who;
  ExitReason reason;
};

}  // namespace ringmail::runtime

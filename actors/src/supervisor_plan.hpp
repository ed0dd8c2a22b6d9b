// What a supervisor wants of its children, as a state machine: told what happened and when, it says what is to be done now.
// No actor, no clock and no thread of its own.
//
// Order: children start as they were declared, each when the one before is up, and stop the other way round, each when the one
// before is down or has used up its time. With simple_one_for_one there is no order, and what happens to one child costs the same
// however many there are.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "ringmail/actors/supervisor_options.hpp"
#include "ringmail/runtime/exit_reason.hpp"
#include "ringmail/runtime/restart_history.hpp"

namespace ringmail::detail {

class SupervisorPlan {
 public:
  /// What it has done. Not called back from within these.
  class Actions {
   public:
    virtual ~Actions() = default;
    virtual void start(std::size_t child) = 0;
    virtual void stop(std::size_t child) = 0;
    /// It is down and will not be restarted by this plan's own decision.
    virtual void close(std::size_t child) = 0;
    /// Its time to stop has passed.
    virtual void overdue(std::size_t child) = 0;
    /// One line for the log: what was decided about a child that has ended.
    virtual void decided(std::size_t child, const runtime::ExitReason& reason, const std::string& what) = 0;
    /// The plan is at its end: wind_up() is to follow.
    virtual void escalate(runtime::ExitReason reason) = 0;
  };

  struct Child {
    std::string name;
    RestartPolicy restart;
    std::chrono::nanoseconds stop_timeout;
  };

  enum class State : std::uint8_t {
    down,
    starting,
    up,
    stopping,
    closed,  ///< as its policy says; started again with others
    gone,    ///< it cannot be started again
  };

  SupervisorPlan(const SupervisorOptions& options, Actions& actions);

  /// Its number: one more than that of the child before, for ever. It is down.
  std::size_t add(Child child);

  // Asked for, and so not by any policy. While it winds up nothing can be asked for.

  /// Starts one that is down. Should it end before it is up, it is closed, whatever its policy says.
  void start_child(std::size_t child, std::uint64_t now_ns);
  /// Stops one for good, or until start_child(), or until others are restarted with it.
  void stop_child(std::size_t child, std::uint64_t now_ns);
  /// Forgets one that is_at_rest().
  void remove(std::size_t child);
  /// Whether it is down and nobody is about to start it.
  bool is_at_rest(std::size_t child) const;

  /// A life of the supervisor begins. Every child that is not gone is down.
  void start(std::uint64_t now_ns, std::uint64_t seed);
  void started(std::size_t child, std::uint64_t now_ns);
  /// `for_good`: it is gone. `may_restart`: false when nothing is to be, as the whole system ends.
  void ended(
      std::size_t child, const runtime::ExitReason& reason, bool for_good, bool may_restart, std::uint64_t now_ns);
  /// No later than at next_deadline_ns().
  void look(std::uint64_t now_ns) { step(now_ns); }
  /// Stops all of them.
  void wind_up(std::uint64_t now_ns);

  /// Whether all that is wanted is up.
  bool is_up() const;
  bool has_wound_up() const;
  std::uint64_t next_deadline_ns() const { return next_deadline_ns_; }
  bool is_winding_up() const { return winding_up_; }
  State state(std::size_t child) const { return children_.at(child).state; }
  const std::string& name(std::size_t child) const { return children_.at(child).child.name; }
  std::uint64_t restarts(std::size_t child) const { return children_.at(child).restarts; }
  std::size_t size() const { return children_.size(); }

 private:
  struct Entry {
    Child child;
    std::optional<runtime::RestartHistory> history{};
    State state = State::down;
    bool wanted = false;     // to be started when it is down
    bool recycling = false;  // to be stopped first
    bool was_up = false;     // in this life of the supervisor
    bool was_asked = false;  // to be started
    bool is_overdue = false;
    std::uint64_t due_ns = 0;       // not to be started before
    std::uint64_t deadline_ns = 0;  // while stopping
    std::uint64_t restarts = 0;

    bool is_alive() const { return state == State::starting || state == State::up || state == State::stopping; }
    /// Whether something is yet to be done or to happen.
    bool is_pending() const { return wanted || recycling || state == State::starting || state == State::stopping; }
  };
  using Entries = std::map<std::size_t, Entry>;  // as they were declared

  void failed(std::size_t index, const runtime::ExitReason& reason, std::uint64_t now_ns);
  void want_again(std::size_t failed, std::uint64_t due_ns);
  void close(std::size_t index);
  void begin_winding_up();
  void changed(std::size_t index, std::uint64_t now_ns);
  void step(std::uint64_t now_ns);
  void step_alone(std::size_t index, std::uint64_t now_ns);
  bool stop_in_reverse(std::uint64_t now_ns);
  void start_in_order(std::uint64_t now_ns);
  void stop_now(std::size_t index, std::uint64_t now_ns);
  void start_now(std::size_t index);
  void look_at_deadline(std::size_t index, std::uint64_t now_ns);
  bool starts_alone(const Entry& entry) const;
  void note_deadline(std::uint64_t deadline_ns);

  SupervisorOptions options_;
  Actions& actions_;
  runtime::RestartWindow window_;
  Entries children_;
  std::set<std::size_t> pending_;  // those that are, and perhaps more
  std::size_t next_ = 0;
  std::uint64_t seed_ = 0;
  bool winding_up_ = false;
  std::uint64_t next_deadline_ns_ = UINT64_MAX;
};

}  // namespace ringmail::detail

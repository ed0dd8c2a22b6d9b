// What a scheduler runs: an actor without its types.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <typeinfo>
#include <vector>

#include "ringmail/runtime/address.hpp"
#include "ringmail/runtime/behaviour.hpp"
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

  /// Runs once, before the first message. May suspend; what arrives meanwhile waits.
  virtual void start() {}

  /// Runs once, after the last message, whatever the reason; even where start() did not run, for it was stopped before.
  /// Must not suspend.
  virtual void stopped(const ExitReason&) {}

  /// Who handles a message of this type that came from another process. None: null.
  virtual const Binding* find(std::uint32_t) const noexcept { return nullptr; }

  /// Its handler of Down, if it has one.
  virtual const Binding* down() const noexcept { return nullptr; }

  /// What reports call it: the mangled name of the actor's class, of static storage. From any thread, and in a signal handler.
  virtual const char* class_name() const noexcept { return typeid(*this).name(); }

  ActorId id() const { return id_; }
  Scheduler& scheduler() const { return *scheduler_; }

  /// The message whose handler runs, for answering and for `sender()`. Meaningful within a handler.
  const Asker& asker() const { return asker_; }

  /// What it has put on last. Precondition: it has put on something.
  Behaviour& behaviour() const { return *conduct_->top(); }

  /// Whoever takes it answers it: now, or later. The second to come gets nobody.
  Asker take_asker() {
    const Asker taken = asker_;
    asker_.correlation = 0;
    return taken;
  }

 private:
  friend class Scheduler;

  enum class State : std::uint8_t { idle, ready, running, suspended };

  struct Monitor {
    Address watcher;
    const Binding* down;
  };

  ActorId id_;
  Scheduler* scheduler_ = nullptr;
  State state_ = State::idle;
  std::uint8_t pace_ = 0;  // how many of its messages go by between two looks at the clock
  bool started_ = false;
  bool stop_requested_ = false;
  bool exported_ = false;      // on some lane
  std::uint32_t queued_ = 0;   // how many wait
  Envelope* first_ = nullptr;  // what waits
  Envelope* last_ = nullptr;
  Cell* next_ready_ = nullptr;
  Waiter* waiter_ = nullptr;  // while suspended
  Asker asker_;
  const Binding* handling_ = nullptr;  // within a handler of a message
  std::unique_ptr<Conduct> conduct_;
  std::optional<ExitReason> failure_;
  std::vector<Monitor> monitors_;
};

/// What a monitor gets when whom it watches has ended.
struct Down {
  Address who;
  ExitReason reason;
};

}  // namespace ringmail::runtime

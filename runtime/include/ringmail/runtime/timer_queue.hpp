#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ringmail/runtime/clock.hpp"

namespace ringmail::runtime {

/// Names one timer for ever: sequences are never reused, so an id that outlived its timer cancels nothing.
/// A default-made id names no timer.
struct TimerId {
  std::uint64_t sequence = 0;
  std::uint32_t slot = 0;

  friend bool operator==(const TimerId&, const TimerId&) = default;
};

/// What a timer calls. It runs on the scheduler's loop, which must not be suspended in the midst of a phase: it marks
/// something as ready (a fiber, an actor) and leaves, and never suspends or throws. `context` must live until the timer
/// has run or is cancelled.
struct TimerCallback {
  void (*function)(void* context, std::uint64_t argument) = nullptr;
  void* context = nullptr;
  std::uint64_t argument = 0;
};

/// The timers of one thread, which alone may use it. Deadlines are now_ns() values.
///
/// A 4-ary heap whose elements know their slots and whose slots know their place in it: add, cancel and each expiry
/// cost O(log n), and allocate only when more timers are pending than ever before.
class TimerQueue {
 public:
  /// The deadline that never comes.
  static constexpr std::uint64_t never = Deadline::never;

  /// Makes room for `count` pending timers, so that add() does not allocate below that.
  void reserve(std::size_t count);

  /// Runs `callback` in the first expire() at or after `deadline_ns`. Throws std::bad_alloc, and then nothing was
  /// added. Precondition: callback.function is not null.
  TimerId add(std::uint64_t deadline_ns, TimerCallback callback);

  /// True if the timer was pending; it will not run. False if it has run, is just running, was cancelled or never was.
  bool cancel(TimerId id) noexcept;

  /// The earliest pending deadline, `never` when there is none.
  [[nodiscard]] std::uint64_t next_deadline_ns() const noexcept {
    return heap_.empty() ? never : heap_.front().deadline_ns;
  }

  [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }
  [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }

  /// Runs what is due at `now_ns`, in the order of the deadlines, equal ones in the order they were added, and returns
  /// how many ran. Callbacks may add and cancel timers. One added by a callback never runs in the same call, or a timer
  /// that renews itself late could hold the loop for ever: a deadline that has passed counts as `now_ns + 1` there.
  /// Precondition: `now_ns` is not `never`, and no callback calls expire().
  std::size_t expire(std::uint64_t now_ns) noexcept;

 private:
  struct Element {
    std::uint64_t deadline_ns;
    std::uint64_t sequence;
    std::uint32_t slot;

    [[nodiscard]] bool is_before(const Element& other) const noexcept {
      return deadline_ns != other.deadline_ns ? deadline_ns < other.deadline_ns : sequence < other.sequence;
    }
  };

  struct Slot {
    TimerCallback callback;
    std::uint64_t sequence;  // 0: free
    std::uint32_t place;     // in heap_; of a free slot, the next free one
  };

  static constexpr std::uint32_t no_slot = std::numeric_limits<std::uint32_t>::max();

  std::uint32_t take_slot();
  void free_slot(std::uint32_t slot) noexcept;
  void remove(std::size_t place) noexcept;
  void move_up(std::size_t place, Element element) noexcept;
  void move_down(std::size_t place, Element element) noexcept;
  void put(std::size_t place, const Element& element) noexcept;

  std::vector<Element> heap_;
  std::vector<Slot> slots_;
  std::uint32_t first_free_ = no_slot;
  std::uint64_t last_sequence_ = 0;
  std::uint64_t earliest_allowed_ns_ = 0;  // 0 outside expire()
};

}  // namespace ringmail::runtime

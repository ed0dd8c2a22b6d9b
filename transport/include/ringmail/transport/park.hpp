// How a thread sleeps until one of its producers publishes, and how a producer wakes it.
//
// The park word holds a state and a park count. The argument, with the names of its edges (docs/memory_model.md has it
// whole):
//   consumer                                      producer
//   word.store(count + 1, parked)                 frame.commit.store(...)            each store ordered before the load
//   any ring not empty? store(awake), work        w = word.load()                    behind it (barrier.hpp), so one of
//   futex_wait(word, that value)                  w.cas(to ringing); futex_wake      the two sees the other
// The waker changes the word, so a wake that comes before the sleep makes the sleep return at once. Each producer wakes
// by itself, at most once per sleep: one that dies between the change and the wake must not mute the others.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "ringmail/transport/barrier.hpp"
#include "ringmail/transport/futex.hpp"
#include "ringmail/transport/layout.hpp"

namespace ringmail::transport {

enum class ParkState : std::uint32_t { awake = 0, parked = 1, ringing = 2 };

struct ParkWord {
  static constexpr std::uint32_t count_mask = (1u << 30) - 1;

  static constexpr std::uint32_t make(std::uint32_t count, ParkState state) {
    return (count & count_mask) << 2 | static_cast<std::uint32_t>(state);
  }
  static constexpr ParkState state(std::uint32_t word) { return static_cast<ParkState>(word & 3); }
  static constexpr std::uint32_t count(std::uint32_t word) { return word >> 2; }
};

/// No sleep is longer than this: a net under the mechanism, not the mechanism.
inline constexpr std::uint64_t longest_sleep_ns = 250'000'000;

/// Nor longer than this where a barrier was refused, or where only one of several bells wakes: then it is the mechanism.
inline constexpr std::uint64_t longest_unordered_sleep_ns = 1'000'000;

/// A frame this old under a word that still reads parked was published by somebody who did not ring.
inline constexpr std::uint64_t lost_wakeup_ns = 5'000'000;

/// The sleeper's side of a bell. One thread.
class Parker {
 public:
  Parker() = default;
  /// `ordering`: asymmetric if any of those who ring this bell publish so.
  explicit Parker(Bell& bell, Ordering ordering = Ordering::sequential)
      : bell_(&bell), count_(ParkWord::count(bell.park.load(std::memory_order_relaxed))), ordering_(ordering) {}

  /// Shows the park word to those who may not write to the bell, from now on.
  void show(ParkMirror& mirror) { mirror_ = &mirror; }

  /// Sleeps on that bell as well, from now on: the producers on a link to another system's memory ring it there. Until it is
  /// taken out it stays mapped.
  void add(Bell& bell) {
    // Relaxed: its producers find this thread awake, as it is.
    bell.park.store(ParkWord::make(count_, ParkState::awake), std::memory_order_relaxed);
    others_.push_back(&bell);
  }
  void remove(Bell& bell) { std::erase(others_, &bell); }

  /// Sleeps until rung, or `timeout_ns` or the longest sleep has passed. `has_work` polls everything that this thread's
  /// producers write; it is called after the word says parked, and work that it sees ends the sleep before it begins.
  template <class HasWork>
  SleepResult park(std::uint64_t timeout_ns, HasWork&& has_work) {
    return park(timeout_ns, has_work, [] { return true; });
  }
  /// For who sees the park words of its producers. `producer_sleeps`: whether there is work by one of them who sleeps himself, and
  /// rings before that. Nobody else is waited for, and nobody is accused who was stopped, or had no CPU, between his publish and
  /// his ring.
  template <class HasWork, class ProducerSleeps>
  SleepResult park(std::uint64_t timeout_ns, HasWork&& has_work, ProducerSleeps&& producer_sleeps) {
    const bool ordered = lie_down();
    const std::uint32_t parked = ParkWord::make(count_, ParkState::parked);
    auto result = SleepResult::woken;
    if (!has_work()) {
      ++sleeps_;
      const std::uint64_t longest_ns = ordered ? longest_sleep_ns : longest_unordered_sleep_ns;
      result = sleep(parked, timeout_ns < longest_ns ? timeout_ns : longest_ns);
      const bool overslept = result == SleepResult::timed_out && ordered && has_work();
      // SYNC(park): who sleeps has rung, which is seen in the word by whoever has seen him sleep; so the word is read behind.
      if (overslept && producer_sleeps() && is_not_rung_in_time(parked)) ++lost_wakeups_;
    }
    get_up();
    return result;
  }

  // Its two ends, for who has no thread to put to sleep in between.

  /// Says that it is parked. To be followed by a look at all that its producers write. False: the barrier between was refused.
  bool lie_down() {
    count_ = (count_ + 1) & ParkWord::count_mask;
    const std::uint32_t parked = ParkWord::make(count_, ParkState::parked);
    // SYNC(park): ordered before the poll; with Doorbell::ring, whose load comes after the store of the frame.
    bell_->park.store(parked, std::memory_order_seq_cst);
    if (mirror_ != nullptr) mirror_->park.store(parked, std::memory_order_seq_cst);
    for (Bell* other : others_) other->park.store(parked, std::memory_order_seq_cst);
    // SYNC(park), SYNC(want): the barrier that asymmetric producers leave to this side.
    const bool ordered = barrier_before_look(ordering_);
    if (!ordered) ++failed_barriers_;
    return ordered;
  }
  void get_up() {
    // Relaxed: a producer that still reads parked rings once more than needed.
    const std::uint32_t awake = ParkWord::make(count_, ParkState::awake);
    bell_->park.store(awake, std::memory_order_relaxed);
    if (mirror_ != nullptr) mirror_->park.store(awake, std::memory_order_relaxed);
    for (Bell* other : others_) other->park.store(awake, std::memory_order_relaxed);
  }

  std::uint64_t sleeps() const { return sleeps_; }
  /// Must be 0. Counts sleeps that timed out over a frame whose producer will not ring any more; where nobody knows, one who has not
  /// within 5 ms.
  std::uint64_t lost_wakeups() const { return lost_wakeups_; }
  /// Must be 0. Sleeps whose barrier was refused.
  std::uint64_t failed_barriers() const { return failed_barriers_; }

 private:
  bool is_not_rung_in_time(std::uint32_t parked) const {
    // The producer may stand between its publish and its ring, or be another thread of a process that sleeps: it gets time before
    // it is accused. Asleep, not spinning: it may be this very CPU that it waits for.
    const std::uint64_t until_ns = monotonic_ns() + lost_wakeup_ns;
    while (nobody_has_rung(parked)) {
      const std::uint64_t now_ns = monotonic_ns();
      if (now_ns >= until_ns) return true;
      sleep(parked, until_ns - now_ns);
    }
    return false;
  }

  bool nobody_has_rung(std::uint32_t parked) const {
    const auto is_parked = [parked](const Bell* bell) { return bell->park.load(std::memory_order_seq_cst) == parked; };
    return is_parked(bell_) && std::ranges::all_of(others_, is_parked);
  }

  SleepResult sleep(std::uint32_t parked, std::uint64_t timeout_ns) const {
    return others_.empty() ? futex_wait(bell_->park, parked, timeout_ns) : sleep_on_several(parked, timeout_ns);
  }
  SleepResult sleep_on_several(std::uint32_t parked, std::uint64_t timeout_ns) const;

  Bell* bell_ = nullptr;
  ParkMirror* mirror_ = nullptr;
  std::vector<Bell*> others_;
  std::uint32_t count_ = 0;
  std::uint64_t sleeps_ = 0;
  std::uint64_t lost_wakeups_ = 0;
  std::uint64_t failed_barriers_ = 0;
  Ordering ordering_ = Ordering::sequential;
};

class ControlStream;
class PipeBell;

/// A producer's side of somebody else's bell. One thread; each producer has its own.
class Doorbell {
 public:
  Doorbell() = default;
  explicit Doorbell(Bell& bell) : park_(&bell.park), bell_(&bell) {}
  /// For one who may sleep on a pipe.
  Doorbell(Bell& bell, const PipeBell& pipe) : park_(&bell.park), bell_(&bell), pipe_(&pipe) {}
  /// For one who may not write to the bell: he sees by the mirror when to ring, and says so on the control stream.
  Doorbell(const ParkMirror& mirror, ControlStream& stream, std::uint32_t lane)
      : park_(&mirror.park), stream_(&stream), lane_(lane) {}

  /// Call after publishing. `cold_mark` is RingProducer::cold_mark(), read after the publish.
  void ring(std::uint32_t cold_mark) {
    if (cold_mark != 0) [[unlikely]]
      mark_pending(cold_mark - 1);
    ring();
  }

  /// Whether he sleeps whose bell it is. He has rung then for all that he has published.
  bool is_asleep() const {
    // SYNC(park): with Parker::lie_down(), of his.
    return ParkWord::state(park_->load(std::memory_order_seq_cst)) != ParkState::awake;
  }

  void ring() {
    // SYNC(park): after the store of the frame; with Parker::park.
    const std::uint32_t word = park_->load(std::memory_order_seq_cst);
    if (ParkWord::state(word) == ParkState::awake) [[likely]]
      return;
    wake(word);
  }

 private:
  void mark_pending(std::uint32_t bit) {
    // The mark is the other side's word: a wrong one mutes only itself. Who has only a mirror is never marked.
    if (bit >= pending_rings || bell_ == nullptr) return;
    // SYNC(cold): before the load of the park word; the scheduler clears the bit, polls the ring, unmarks, in that
    // order.
    bell_->pending[bit / 64].fetch_or(std::uint64_t{1} << (bit % 64), std::memory_order_seq_cst);
  }

  void wake(std::uint32_t word) {
    const std::uint32_t count = ParkWord::count(word);
    if (rung_ && count == rung_count_) return;
    rung_ = true;
    rung_count_ = count;
    if (stream_ != nullptr) return ring_on_stream();
    // Failure means that another producer rang or the sleeper woke; the wake below is then merely spurious.
    std::uint32_t expected = ParkWord::make(count, ParkState::parked);
    bell_->park.compare_exchange_strong(expected, ParkWord::make(count, ParkState::ringing), std::memory_order_seq_cst);
    // On both: a pipe that is open may be an earlier incarnation's, and this one sleep on the futex.
    if (pipe_ != nullptr) ring_on_pipe();
    futex_wake(bell_->park);
  }

  void ring_on_stream();
  void ring_on_pipe() const;

  const std::atomic<std::uint32_t>* park_ = nullptr;
  Bell* bell_ = nullptr;  // or
  ControlStream* stream_ = nullptr;
  const PipeBell* pipe_ = nullptr;  // with bell_
  std::uint32_t lane_ = 0;
  std::uint32_t rung_count_ = 0;
  bool rung_ = false;
};

/// For who starts the next sleeper on a bell when the last one has died, perhaps in his sleep: he is awake until he says otherwise.
inline void get_up(Bell& bell) {
  // Relaxed: a producer that still reads parked rings once more than needed.
  const std::uint32_t count = ParkWord::count(bell.park.load(std::memory_order_relaxed));
  bell.park.store(ParkWord::make(count, ParkState::awake), std::memory_order_relaxed);
}

/// Ends a sleep, or the next one, from any thread and from a signal handler; for what is not a frame. The sleeper's
/// `has_work` must see what it was woken for.
inline void wake(Bell& bell) {
  // SYNC(park): the caller's store of what the sleeper looks for comes before, sequentially consistent.
  std::uint32_t word = bell.park.load(std::memory_order_seq_cst);
  if (ParkWord::state(word) == ParkState::awake) return;
  bell.park.compare_exchange_strong(word, ParkWord::make(ParkWord::count(word), ParkState::ringing),
                                    std::memory_order_seq_cst);
  futex_wake(bell.park);
}

}  // namespace ringmail::transport

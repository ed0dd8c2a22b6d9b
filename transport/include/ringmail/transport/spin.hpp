// How long to poll before going to sleep.
#pragma once

#include <cstdint>

#include "ringmail/transport/futex.hpp"
#include "ringmail/transport/pause.hpp"

namespace ringmail::transport {

/// How many CPUs this process may use: those that it may run on, or fewer where a control group grants less time than
/// theirs, rounded up. At least 1. With one, spinning only keeps the producer from running; with a quota it spends what the
/// handlers need, and then all threads stand still until the next period.
unsigned usable_cpus();

/// Spins for a time, not for a count, and only where work has lately come soon enough to be worth it: a spin that is
/// longer than a sleep and a wake costs more than they do.
class SpinPolicy {
 public:
  /// About what a sleep and a wake cost together on current machines.
  static constexpr std::uint64_t default_break_even_ns = 50'000;

  /// Looks once and does not wait: for machines whose power matters more than a wake.
  static SpinPolicy never() {
    SpinPolicy policy(0);
    policy.never_ = true;
    return policy;
  }

  explicit SpinPolicy(std::uint64_t break_even_ns = usable_cpus() > 1 ? default_break_even_ns : 0)
      : break_even_ns_(break_even_ns), expected_gap_ns_(break_even_ns / 2) {}

  /// Polls `has_work` until it holds or the time is up, at `deadline_ns` at the latest. Returns whether it held. `drained`: how
  /// many messages were taken since the last time.
  template <class HasWork>
  bool spin(HasWork&& has_work, std::uint64_t drained, std::uint64_t deadline_ns = UINT64_MAX) {
    if (never_) {
      idle_since_ns_ = monotonic_ns();
      return has_work();
    }
    ++spins_;
    look_away(drained);
    for (int polls = 0; polls < polls_without_clock; ++polls) {
      pause();
      if (has_work()) {
        expected_gap_ns_ -= expected_gap_ns_ / 8;  // the gap was next to nothing
        return true;
      }
    }
    idle_since_ns_ = monotonic_ns();
    std::uint64_t until_ns = idle_since_ns_ + patience_ns();
    if (deadline_ns < until_ns) until_ns = deadline_ns;
    while (monotonic_ns() < until_ns) {
      for (int polls = 0; polls < polls_a_look_at_the_clock; ++polls) {
        pause();
        if (has_work()) {
          observe();
          return true;
        }
      }
    }
    return false;
  }

  /// In place of spin() for a loop that looks at other things between two looks: whether to look again before it sleeps.
  /// `begins`: this was the first look that found nothing. To be followed by observe().
  bool look_again(bool begins) {
    if (never_ || break_even_ns_ == 0) return false;
    const std::uint64_t now_ns = monotonic_ns();
    if (begins) idle_since_ns_ = now_ns;
    return now_ns - idle_since_ns_ < patience_ns();
  }

  /// After a sleep: how long nothing came.
  void observe() {
    const std::uint64_t gap = monotonic_ns() - idle_since_ns_;
    const std::uint64_t bounded = gap < 4 * break_even_ns_ ? gap : 4 * break_even_ns_;
    expected_gap_ns_ = (7 * expected_gap_ns_ + bounded) / 8;
  }

  /// How often it has polled for longer than one look.
  std::uint64_t spins() const { return spins_; }
  /// The longest time for which it polls.
  std::uint64_t longest_ns() const { return break_even_ns_; }

 private:
  std::uint64_t patience_ns() const { return expected_gap_ns_ < break_even_ns_ ? break_even_ns_ : break_even_ns_ / 16; }

  /// A poll takes the line that the producer is about to write, and the processor prefetches some behind it: each time that a
  /// reader catches up costs both as much as a dozen messages. So where they stream it looks away until many have come: four
  /// pauses, about 0.1 µs, for each that came the last time, which is also the most by which a burst is delayed. What came
  /// alone is a question or an answer, and the next is looked for at once.
  void look_away(std::uint64_t drained) {
    if (drained < 2) {
      run_ahead_ = 1;
    } else if (drained < run_ahead_ / 4) {
      run_ahead_ /= 2;
    } else if (run_ahead_ < longest_run_ahead) {
      run_ahead_ *= 2;
    }
    for (std::uint64_t pauses = 0; pauses < run_ahead_; ++pauses) pause();
  }

  // A reply from a near core comes within about a hundred nanoseconds: looking at the clock first would take as long.
  static constexpr int polls_without_clock = 32;
  static constexpr int polls_a_look_at_the_clock = 8;

  static constexpr std::uint64_t longest_run_ahead = 256;  // pauses: some 5 µs

  std::uint64_t run_ahead_ = 1;
  std::uint64_t break_even_ns_;
  std::uint64_t expected_gap_ns_;
  std::uint64_t idle_since_ns_ = 0;
  std::uint64_t spins_ = 0;
  bool never_ = false;
};

}  // namespace ringmail::transport

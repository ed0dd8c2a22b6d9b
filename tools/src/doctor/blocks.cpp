#include "doctor/blocks.hpp"

#include <sched.h>

#include <atomic>
#include <exception>
#include <memory>
#include <thread>

#include "measuring/cpus.hpp"
#include "measuring/flag_turns.hpp"
#include "measuring/wake_turns.hpp"
#include "ringmail/transport/barrier.hpp"
#include "ringmail/transport/layout.hpp"
#include "ringmail/transport/pause.hpp"

namespace ringmail::doctor {
namespace {

using measuring::Sample;
using measuring::Ticks;
using measuring::ticks;
using Samples = std::vector<Sample>;

/// Empty, or why this thread is not on `cpu`.
std::string pin(int cpu) {
  try {
    measuring::pin_this_thread(cpu);
  } catch (const std::exception& error) {
    return error.what();
  }
  // There are sandboxes that accept it and do nothing.
  const int actual = ::sched_getcpu();
  if (actual >= 0 && actual != cpu) {
    return "CPU " + std::to_string(cpu) + ": pinned there, and runs on " + std::to_string(actual);
  }
  return "";
}

/// Runs `near` and `far`, each in a thread of its own on its CPU, and both or neither.
template <class Near, class Far>
Block at_both(const Pair& pair, Near near, Far far) {
  enum class Start { unknown, ready, refused };
  std::atomic<Start> near_start{Start::unknown};
  std::atomic<Start> far_start{Start::unknown};
  std::string near_cause;
  std::string far_cause;
  Samples samples;

  const auto begin = [](int cpu, std::string& cause, std::atomic<Start>& own, const std::atomic<Start>& other) {
    cause = pin(cpu);
    own.store(cause.empty() ? Start::ready : Start::refused, std::memory_order_release);
    // Yields: the other one may need this very CPU to get to its own.
    while (other.load(std::memory_order_acquire) == Start::unknown) ::sched_yield();
    return cause.empty() && other.load(std::memory_order_acquire) == Start::ready;
  };
  try {
    std::thread far_thread([&] {
      if (begin(pair.b, far_cause, far_start, near_start)) far();
    });
    try {
      std::thread near_thread([&] {
        if (begin(pair.a, near_cause, near_start, far_start)) samples = near();
      });
      near_thread.join();
    } catch (const std::exception& error) {
      near_cause = error.what();
      near_start.store(Start::refused, std::memory_order_release);
    }
    far_thread.join();
  } catch (const std::exception& error) {
    far_cause = error.what();
  }
  if (!near_cause.empty()) return std::unexpected(near_cause);
  if (!far_cause.empty()) return std::unexpected(far_cause);
  return samples;
}

/// Which turn is the last one; 0: not known yet. A number and not a flag: who answers one turn may look here only when the near
/// end has already begun the next.
struct alignas(transport::isolation_bytes) LastTurn {
  std::atomic<std::uint64_t> number{0};
};

/// The near end: takes `sample()` until the limit, and tells the far end before it takes the last one.
template <class TakeSample>
Samples take(const BlockLimit& limit, LastTurn& last, TakeSample&& sample) {
  Samples samples;
  samples.reserve(limit.samples);
  const Ticks start = ticks();
  for (std::uint64_t turn = 1;; ++turn) {
    const bool is_last = turn >= limit.warm_up + limit.samples || ticks() - start > limit.ticks;
    // Relaxed: what the far end waits for in this turn is stored after it with release, and publishes it.
    if (is_last) last.number.store(turn, std::memory_order_relaxed);
    const Ticks took = sample();
    if (turn > limit.warm_up || is_last) samples.push_back(measuring::to_sample(took));
    if (is_last) return samples;
  }
}

/// The far end: answers each.
template <class Answer>
void answer(const LastTurn& last, Answer&& answer_one) {
  std::uint64_t turn = 0;
  do {
    answer_one();
    ++turn;
  } while (last.number.load(std::memory_order_relaxed) != turn);
}

struct alignas(transport::isolation_bytes) Line {
  measuring::Flag flag{0};
};

}  // namespace

Block floor_block(const Pair& pair, const BlockLimit& limit) {
  const auto line = std::make_unique<Line>();
  const auto last = std::make_unique<LastTurn>();
  return at_both(
      pair,
      [&] {
        measuring::FlagTurns turns(line->flag, line->flag);
        return take(limit, *last, [&] {
          const Ticks start = ticks();
          turns.trip();
          return ticks() - start;
        });
      },
      [&] {
        measuring::FlagTurns turns(line->flag, line->flag);
        answer(*last, [&] { turns.answer(); });
      });
}

Block wake_block(const Pair& pair, const BlockLimit& limit) {
  const auto stage = std::make_unique<measuring::WakeStage>();
  const auto last = std::make_unique<LastTurn>();
  return at_both(
      pair,
      [&] {
        measuring::Waker waker(*stage);
        measuring::FutexBell bell(*stage);
        return take(limit, *last, [&] { return waker.wake([&](Ticks sent) { bell.ring(sent); }); });
      },
      [&] {
        measuring::Sleeper sleeper(*stage);
        measuring::FutexBell bell(*stage);
        answer(*last, [&] { sleeper.sleep([&](auto&& about_to) { return bell.sleep(about_to); }); });
      });
}

Block barrier_block(const Pair& pair, const BlockLimit& limit) {
  const auto last = std::make_unique<LastTurn>();
  bool is_refused = false;
  const auto samples = at_both(
      pair,
      [&] {
        return take(limit, *last, [&] {
          const Ticks start = ticks();
          is_refused |= !transport::barrier_in_all_threads();
          return ticks() - start;
        });
      },
      // Runs in user mode all the while, so that each barrier has somebody to interrupt.
      [&] {
        while (last->number.load(std::memory_order_relaxed) == 0) transport::pause();
      });
  if (is_refused) return std::unexpected("membarrier is refused");
  return samples;
}

}  // namespace ringmail::doctor

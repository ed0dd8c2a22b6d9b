// The timers of a scheduler: the heap that it has against a hierarchical timing wheel. docs/decisions/0015
//
// set_and_cancel: what an ask with a deadline does that is answered in time, among so many others that wait.
// set_and_cancel_soonest: the same, with deadlines before all others: what a heap likes least.
// expire_one_by_one: each is due alone and followed by a new one, as retries and periodic sends are.
// expire_at_once: all are due together, and followed by new ones.
//
// What is measured stands in functions of its own, so that callgrind counts the instructions of those alone
// (--toggle-collect='*step_*'): so many as the steps below.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "timer_wheel.hpp"

namespace bench {
namespace {

using ringmail::runtime::TimerQueue;

constexpr std::uint64_t start_ns = 1'000'000'000'000;
constexpr std::uint64_t second_ns = 1'000'000'000;

struct Heap : TimerQueue {
  explicit Heap(std::uint64_t) {}
};

/// Between 1 ms and 30 s, most of them soon.
std::vector<std::uint64_t> delays(std::size_t count) {
  std::mt19937_64 random(1);
  std::exponential_distribution<double> seconds(1.0);
  std::vector<std::uint64_t> all(count);
  for (auto& delay : all) {
    delay = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(seconds(random) * 1e9), 1'000'000, 30 * second_ns);
  }
  return all;
}

void nothing(void*, std::uint64_t) {}
constexpr ringmail::runtime::TimerCallback callback{.function = &nothing};

template <class Timers>
Timers filled(std::size_t live) {
  Timers timers(start_ns);
  for (const std::uint64_t delay : delays(live)) timers.add(start_ns + second_ns + delay, callback);
  return timers;
}

template <class Timers>
[[gnu::noinline]] bool step_set_and_cancel(Timers& timers, std::uint64_t deadline_ns) {
  return timers.cancel(timers.add(deadline_ns, callback));
}

/// Until one was due. How many were.
template <class Timers>
[[gnu::noinline]] std::size_t step_expire(Timers& timers, std::uint64_t& now) {
  std::size_t expired = 0;
  while (expired == 0) {
    now = timers.next_deadline_ns();
    expired = timers.expire(now);
  }
  return expired;
}

template <class Timers>
void set_and_cancel(benchmark::State& state) {
  auto timers = filled<Timers>(static_cast<std::size_t>(state.range(0)));
  const auto all = delays(4096);
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(step_set_and_cancel(timers, start_ns + second_ns + all[i++ % all.size()]));
  }
}

template <class Timers>
void set_and_cancel_soonest(benchmark::State& state) {
  auto timers = filled<Timers>(static_cast<std::size_t>(state.range(0)));
  std::uint64_t deadline = start_ns + second_ns;
  for (auto _ : state) {
    benchmark::DoNotOptimize(step_set_and_cancel(timers, --deadline));
  }
}

template <class Timers>
void expire_one_by_one(benchmark::State& state) {
  auto timers = filled<Timers>(static_cast<std::size_t>(state.range(0)));
  const auto all = delays(4096);
  std::size_t i = 0;
  std::size_t expired = 0;
  for (auto _ : state) {
    std::uint64_t now = 0;
    const std::size_t now_expired = step_expire(timers, now);
    for (std::size_t k = 0; k < now_expired; ++k) timers.add(now + all[i++ % all.size()], callback);
    expired += now_expired;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(expired));
}

template <class Timers>
void expire_at_once(benchmark::State& state) {
  const auto live = static_cast<std::size_t>(state.range(0));
  const auto all = delays(live);
  Timers timers(start_ns);
  std::uint64_t now = start_ns;
  for (auto _ : state) {
    for (const std::uint64_t delay : all) timers.add(now + delay, callback);
    now += 31 * second_ns;
    benchmark::DoNotOptimize(timers.expire(now));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(live));
}

constexpr std::int64_t steps = 1 << 16;
#define RINGMAIL_TIMER_STEPS(pattern, timers) \
  BENCHMARK_TEMPLATE(pattern, timers)->Arg(1'000)->Arg(100'000)->Arg(1'000'000)->Iterations(steps)
RINGMAIL_TIMER_STEPS(set_and_cancel, Heap);
RINGMAIL_TIMER_STEPS(set_and_cancel, TimerWheel);
RINGMAIL_TIMER_STEPS(set_and_cancel_soonest, Heap);
RINGMAIL_TIMER_STEPS(set_and_cancel_soonest, TimerWheel);
RINGMAIL_TIMER_STEPS(expire_one_by_one, Heap);
RINGMAIL_TIMER_STEPS(expire_one_by_one, TimerWheel);
BENCHMARK_TEMPLATE(expire_at_once, Heap)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK_TEMPLATE(expire_at_once, TimerWheel)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

}  // namespace
}  // namespace bench

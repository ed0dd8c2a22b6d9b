#include <benchmark/benchmark.h>

#include <utility>

#include "ringmail/runtime/fiber.hpp"
#include "ringmail/runtime/stack_pool.hpp"

namespace ringmail::runtime {
namespace {

/// A loop that resumes what suspended last, as long as the benchmark runs.
struct Bench {
  benchmark::State& state;
  StackPool stacks{};
  FiberThread fibers{stacks};
  Fiber* suspended = nullptr;

  static void run(benchmark::State& state, void (*loop)(void*)) {
    Bench bench{state};
    if (!bench.fibers.run(loop, &bench)) state.SkipWithError("no stack");
  }
};

/// One turn: the loop resumes a detached fiber, which suspends again. Two switches.
void resume_and_suspend(benchmark::State& state) {
  Bench::run(state, [](void* argument) {
    auto& bench = *static_cast<Bench*>(argument);
    if (bench.suspended == nullptr) {
      bench.suspended = bench.fibers.current();
      (void)bench.fibers.suspend();
      while (bench.suspended != nullptr) (void)bench.fibers.suspend();
      return;
    }
    for (auto _ : bench.state) bench.fibers.resume(bench.suspended);
    bench.fibers.resume(std::exchange(bench.suspended, nullptr));
  });
}
BENCHMARK(resume_and_suspend);

/// What an ask costs: the handler suspends, the loop starts anew on another stack and resumes the handler, which ends.
/// Three switches, and a stack taken and given back.
void suspend_and_finish(benchmark::State& state) {
  Bench::run(state, [](void* argument) {
    auto& bench = *static_cast<Bench*>(argument);
    while (true) {
      if (bench.suspended != nullptr) bench.fibers.resume(std::exchange(bench.suspended, nullptr));
      if (!bench.state.KeepRunning()) return;
      bench.suspended = bench.fibers.current();
      (void)bench.fibers.suspend();
      if (!bench.fibers.owns_loop()) return;
    }
  });
}
BENCHMARK(suspend_and_finish);

}  // namespace
}  // namespace ringmail::runtime

// What an actor costs where no process is crossed: to make, to send to, to wait in. All times are of the sending side's loop,
// which ends when the last answer is there.
#include <benchmark/benchmark.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>

#include "ringmail/actors/actors.hpp"

namespace ringmail {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 60s;

/// Messages of one measured round.
constexpr long batch = 1000;

struct Run {
  benchmark::State* state;
};
struct Add {
  long n = 1;
};
struct Get {};

class Counter : public Actor {
 public:
  void on(const Add& add) { total_ += add.n; }
  long on(const Get&) const { return total_; }

 private:
  long total_ = 0;
};

System make_system(std::uint32_t schedulers) {
  auto system = System::create({.schedulers = schedulers});
  if (!system) std::abort();
  return std::move(*system);
}

/// Runs `body` as a handler on scheduler 0.
template <class Body>
void measure(System& system, benchmark::State& state, Body body) {
  auto runner = system.spawn_on<FunctionActor<Body>>(0, std::move(body));
  if (!ask(runner, Run{&state}, std::chrono::hours(1))) state.SkipWithError("the run was not answered");
}

/// One message and one answer in every `batch`: the queue stays short, as it does where the receiver keeps up.
template <class A>
void send_batches(const Mailbox<A>& to, benchmark::State& state) {
  for (auto _ : state) {
    for (long i = 0; i < batch; ++i) static_cast<void>(to.send(Add{}));
    benchmark::DoNotOptimize(ask(to, Get{}, patience));
  }
  state.SetItemsProcessed(state.iterations() * batch);
}

/// An actor that is made, started, stopped and gone.
void spawn(benchmark::State& state) {
  auto system = make_system(1);
  measure(system, state, [&system](const Run& run) {
    for (auto _ : *run.state) {
      // Together, so that the scheduler's turn is not what is measured.
      for (long i = 0; i < batch; ++i) system.spawn_on<Counter>(0).stop();
      this_actor::yield();
    }
    run.state->SetItemsProcessed(run.state->iterations() * batch);
  });
}
BENCHMARK(spawn);

void dispatch_on_the_same_scheduler(benchmark::State& state) {
  auto system = make_system(1);
  auto counter = system.spawn_on<Counter>(0);
  measure(system, state, [counter](const Run& run) { send_batches(counter, *run.state); });
}
BENCHMARK(dispatch_on_the_same_scheduler);

void dispatch_across_schedulers(benchmark::State& state) {
  auto system = make_system(2);
  auto counter = system.spawn_on<Counter>(1);
  measure(system, state, [counter](const Run& run) { send_batches(counter, *run.state); });
}
BENCHMARK(dispatch_across_schedulers)->UseRealTime();

/// Send, suspend, handle, answer, resume.
void ask_on_the_same_scheduler(benchmark::State& state) {
  auto system = make_system(1);
  auto counter = system.spawn_on<Counter>(0);
  measure(system, state, [counter](const Run& run) {
    for (auto _ : *run.state) benchmark::DoNotOptimize(ask(counter, Get{}, patience));
  });
}
BENCHMARK(ask_on_the_same_scheduler);

/// The same, over two rings and back.
void ask_across_schedulers(benchmark::State& state) {
  auto system = make_system(2);
  auto counter = system.spawn_on<Counter>(1);
  measure(system, state, [counter](const Run& run) {
    for (auto _ : *run.state) benchmark::DoNotOptimize(ask(counter, Get{}, patience));
  });
}
BENCHMARK(ask_across_schedulers)->UseRealTime();

/// A handler that lets others run: suspend, one turn of the loop, resume.
void yield(benchmark::State& state) {
  auto system = make_system(1);
  measure(system, state, [](const Run& run) {
    for (auto _ : *run.state) this_actor::yield();
  });
}
BENCHMARK(yield);

}  // namespace
}  // namespace ringmail

// A system on one thread and a clock of its own, in which everything that is left to chance elsewhere (which scheduler goes next,
// how far it gets, what is delayed, what fails) follows from a seed. The same seed gives the same trace.
//
//     testing::Simulation simulation({.seed = 7});
//     auto counter = simulation.system().spawn<Counter>();
//     auto total = ask(counter, Get{}, 10ms);             // runs the simulation until there is an answer
//     simulation.advance(1h);                             // whatever timers do within an hour, in no time
//
// Actors are those of any other system. Whoever waits outside of them (ask, a send without room, shutdown, a probe) runs the
// simulation meanwhile. The clock stands while anything can run; then it jumps to the next deadline, if somebody waits for that.
// So deadlines pass only where it is nobody's turn, unless turns are given a time (SimulationOptions::turn_time).
//
// Threads: one, for a simulation and everything in it; at most one simulation a thread at a time. What actors do outside of the
// runtime (threads, std::chrono clocks, input and output) is not simulated: input and output fail with `stopped`, and
// this_actor::blocking() runs its function in place.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ringmail/actors/actors.hpp"
#include "ringmail/testing/random.hpp"
#include "ringmail/testing/trace.hpp"

namespace ringmail::testing {

namespace detail {
struct FakeBehaviour;
}

/// How often what goes wrong, from 0, never, to 1.
struct Faults {
  /// What one scheduler has sent to another is on its way for a while: at each turn of the receiver, of each ring.
  double delay = 0;
  std::chrono::nanoseconds longest_delay = std::chrono::milliseconds(1);
  /// One of the actors of Simulation::may_fail() fails: after each turn of a scheduler.
  double failure = 0;
  /// A fake peer dies with a message in hand, which its next incarnation gets: at each message.
  double peer_death = 0;
};

struct SimulationOptions {
  std::uint64_t seed = 1;
  std::uint32_t schedulers = 2;
  /// Of the rings between schedulers, which are full sooner the smaller they are: a power of two, 4096 or more. 0: 256 KiB.
  std::uint64_t ring_bytes = 0;
  /// A turn of a scheduler takes up to so long: then deadlines pass while there is work, as they do elsewhere.
  std::chrono::nanoseconds turn_time{0};
  Faults faults{};
  bool keep_trace = false;  ///< so that Simulation::trace() has entries, and not only a hash
  bool log = false;         ///< to spdlog's default logger; else nowhere
  /// More turns than this while somebody waits are a problem: an actor that is never done, say.
  std::uint64_t most_turns = 10'000'000;
};

class Simulation {
 public:
  /// Ends the program where the operating system has no memory for it.
  explicit Simulation(const SimulationOptions& options = {});
  /// Shuts the system down, if nobody has.
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  System& system();
  std::uint64_t seed() const;
  /// For choices of the test itself, so that they follow from the seed as well. Not in handlers: they have generators of their own.
  Random& random();

  /// Since the beginning.
  std::chrono::nanoseconds now() const;
  /// Runs everything that can, and the clock on by so much.
  void advance(std::chrono::nanoseconds time);
  /// Runs everything that can while the clock stands.
  void settle();
  /// Runs until `done`, asked after each turn. False: `limit` has passed or, without one, nothing can happen any more.
  bool run_until(const std::function<bool()>& done, std::chrono::nanoseconds limit = std::chrono::nanoseconds::max());

  /// Faults::failure is about this actor as well.
  template <class A>
  void may_fail(const Mailbox<A>& actor) {
    may_fail(actor.address());
  }
  /// As if a handler of it had thrown: in the next turn of its scheduler.
  template <class A>
  void fail(const Mailbox<A>& actor, std::string why = "made to fail") {
    fail(actor.address(), std::move(why));
  }
  /// From now on.
  void set_faults(const Faults& faults);

  const Trace& trace() const;

  /// What must not be in any run: a scheduler that slept over its work, a wait that nothing can end, a run without end.
  const std::vector<std::string>& problems() const;

 private:
  friend class FakePeer;
  void add(std::shared_ptr<detail::FakeBehaviour> fake);
  void may_fail(const runtime::Address& actor);
  void fail(const runtime::Address& actor, std::string why);

  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringmail::testing

// Schedulers without threads: who goes next, how far, and when the clock moves.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ringmail/runtime/simulator.hpp"
#include "ringmail/runtime/system.hpp"
#include "ringmail/testing/simulation.hpp"

namespace ringmail::testing {

class Peers;

class Simulator final : public runtime::Simulator {
 public:
  explicit Simulator(const SimulationOptions& options);
  ~Simulator() override;

  std::unique_ptr<runtime::PeerKeeper> attach(runtime::System& system, runtime::LinkOwner& links) override;
  bool run_until(const std::function<bool()>& done, std::chrono::nanoseconds limit) override;
  std::uint64_t random() override { return random_(); }
  void handled(const runtime::Scheduler& scheduler,
               const runtime::Cell& cell,
               const runtime::MessageType* type) override;

  std::chrono::nanoseconds now() const { return std::chrono::nanoseconds(clock_ns_ - began_ns); }
  void settle();
  /// As the reactor's thread would run it.
  void post(std::function<void()> task) { tasks_.push_back(std::move(task)); }
  /// Then.
  void at(std::uint64_t time_ns, std::function<void()> task) { later_.emplace(time_ns, std::move(task)); }
  void fail(runtime::ActorId actor, std::string why);
  bool peer_fails() { return random_.chance(faults.peer_death); }

  const SimulationOptions options;
  Faults faults;
  Random own_random;  ///< the test's
  Trace trace;
  std::vector<std::string> problems;
  std::vector<runtime::ActorId> fragile;
  std::vector<std::shared_ptr<detail::FakeBehaviour>> fakes;  ///< that nobody has spawned yet
  Peers* peers = nullptr;

 private:
  // Not 0: a time of 0 is "never" in places.
  static constexpr std::uint64_t began_ns = 1'000'000'000'000;
  static constexpr std::uint64_t never = runtime::Deadline::never;

  struct Seat {
    runtime::Scheduler* scheduler = nullptr;
    bool lies = false;
    bool ended = false;
    std::vector<std::uint64_t> held_until_ns;  // by who sends; 0: not held
    std::vector<bool> has_come;                // what was held: it may be taken now
  };

  bool step();
  bool can_run(const Seat& seat) const;
  void take_turn(Seat& seat);
  void delay_rings(Seat& seat);
  void release();
  void look_for_sleepers();
  std::uint64_t next_event_ns() const;
  void go_to(std::uint64_t time_ns);
  void note(std::string problem);

  Random random_;
  std::uint64_t clock_ns_ = began_ns;
  runtime::System* system_ = nullptr;
  std::vector<Seat> seats_;
  std::vector<std::function<void()>> tasks_;
  std::multimap<std::uint64_t, std::function<void()>> later_;
  std::vector<std::size_t> runnable_;
};

}  // namespace ringmail::testing

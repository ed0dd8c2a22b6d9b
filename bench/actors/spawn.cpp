// An actor that is made, started, stopped and gone, and how much memory one takes.
#include "actors/footprint.hpp"
#include "actors/messages.hpp"
#include "actors/ours.hpp"
#include "actors/scenarios.hpp"

namespace bench::actors {
namespace {

/// Nothing but a handler, and a trace of its end.
class Empty : public Actor {
 public:
  explicit Empty(std::uint64_t& ended) : ended_(ended) {}
  ~Empty() override { ++ended_; }
  void on(const Get&) {}

 private:
  std::uint64_t& ended_;
};

}  // namespace

std::unique_ptr<Contender> make_spawn(const Setup& setup) {
  const std::uint64_t actors = setup.sized(spawned_actors, spawned_at_once) / spawned_at_once * spawned_at_once;
  return ours("spawn", 1, {.operations = actors, .answer = actors}, [actors](System& system, BlockTimer& timer) {
    auto spawner = system.spawn([actors, &system, &timer](const Go&) {
      std::uint64_t ended = 0;
      timer.begin();
      for (std::uint64_t made = 0; made < actors; made += spawned_at_once) {
        // Together, so that the scheduler's turn is not what is measured.
        for (std::uint64_t i = 0; i < spawned_at_once; ++i) system.spawn_on<Empty>(0, ended).stop();
        ringmail::this_actor::yield();
      }
      while (ended < actors) ringmail::this_actor::yield();
      timer.end(ended);
    });
    static_cast<void>(spawner.send(Go{}));
  });
}

std::unique_ptr<Contender> make_spawn_bytes(const Setup& setup) {
  return footprint("spawn", setup.sized(spawned_actors));
}

/// All of them alive, started, and idle.
Footprint spawn_footprint(std::uint64_t actors) {
  class Idle : public Actor {
   public:
    void on(const Get&) {}
  };
  System system = make_system("spawn.bytes", {.schedulers = 1});
  Footprint footprint;
  const auto spawner = system.spawn([&](const Go&) {
    footprint.before = resident_bytes();
    for (std::uint64_t i = 0; i < actors; ++i) system.spawn_on<Idle>(0);
    ringmail::this_actor::yield();
    footprint.at_most = resident_bytes();
  });
  static_cast<void>(ask(spawner, Go{}, std::chrono::minutes(5)));
  return footprint;
}

}  // namespace bench::actors

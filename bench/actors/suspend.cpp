// A handler that suspends and goes on, and how much memory one takes meanwhile.
#include <deque>

#include "actors/footprint.hpp"
#include "actors/messages.hpp"
#include "actors/ours.hpp"
#include "actors/scenarios.hpp"

namespace bench::actors {

/// Keeps its stack, another one goes round the loop once, and the first goes on: what every suspension is.
std::unique_ptr<Contender> make_suspend(const Setup& setup) {
  const std::uint64_t times = setup.sized(suspensions);
  return ours("suspend", 1, {.operations = times, .answer = times}, [times](System& system, BlockTimer& timer) {
    const auto yielder = system.spawn([times, &timer](const Go&) {
      timer.begin();
      std::uint64_t done = 0;
      for (; done < times; ++done) ringmail::this_actor::yield();
      timer.end(done);
    });
    static_cast<void>(yielder.send(Go{}));
  });
}

std::unique_ptr<Contender> make_suspend_bytes(const Setup& setup) {
  return footprint("suspend", setup.sized(suspended_at_once));
}

namespace {

struct Done {};

/// Suspended in the handler of Go until there is a Done.
class Waiting : public Actor {
 public:
  explicit Waiting(std::uint64_t& waiting) : waiting_(waiting) {}
  void on(const Go&) {
    ++waiting_;
    static_cast<void>(ringmail::this_actor::receive<Done>(std::chrono::hours(1)));
    --waiting_;
  }
  void on(const Done&) {}

 private:
  std::uint64_t& waiting_;
};

}  // namespace

/// With the actor itself, whose memory stays when the stack's is given back.
Footprint suspend_footprint(std::uint64_t actors) {
  System system = make_system("suspend.bytes", {.schedulers = 1});
  Footprint footprint;
  const auto watcher = system.spawn([&](const Go&) {
    std::uint64_t waiting = 0;
    std::deque<Mailbox<Waiting>> all;
    footprint.before = resident_bytes();
    for (std::uint64_t i = 0; i < actors; ++i) {
      static_cast<void>(all.emplace_back(system.spawn_on<Waiting>(0, waiting)).send(Go{}));
      if (i % 1024 == 0) ringmail::this_actor::yield();  // or the messages would be what is large
    }
    while (waiting < actors) ringmail::this_actor::yield();
    footprint.at_most = resident_bytes();
    for (const auto& each : all) static_cast<void>(each.send(Done{}));
    while (waiting > 0) ringmail::this_actor::yield();
    footprint.after = resident_bytes();
  });
  static_cast<void>(ask(watcher, Go{}, std::chrono::minutes(5)));
  return footprint;
}

}  // namespace bench::actors

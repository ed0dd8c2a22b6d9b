// Any handler may wait: for time, for an answer, for a certain message. It keeps its stack meanwhile, and its thread runs
// other actors. So a thousand that wait need neither a thousand threads nor a callback.
#include <chrono>
#include <cstdio>

#include "ringmail/actors/actors.hpp"

using namespace std::chrono_literals;

constexpr long waiters = 1000;

struct Order {
  long dish;
};
struct Served {
  long dish;
};
struct Evening {};

class Cook : public ringmail::Actor {
 public:
  long on(const Order& order) {
    // An error says that the actor was told to stop; its handler should then come to an end.
    return ringmail::this_actor::sleep_for(100ms) ? order.dish : 0;
  }
};

/// Sees to it that everybody is served, and says how many dishes that were.
class Host : public ringmail::Actor {
 public:
  explicit Host(ringmail::System& system) : system_(system) {}

  long on(const Evening&) {
    const auto me = ringmail::this_actor::mailbox<Host>();
    for (long dish = 1; dish <= waiters; ++dish) {
      const auto cook = system_.spawn<Cook>();
      const auto waiter = system_.spawn([me, cook](const Order& order) {
        const auto cooked = ringmail::ask(cook, order, 10s);
        if (cooked) static_cast<void>(me.send(Served{*cooked}));
      });
      if (!waiter.send(Order{dish})) return 0;
    }
    long served = 0;
    while (served < waiters && ringmail::this_actor::receive<Served>(10s)) ++served;
    return served;
  }
  void on(const Served&) {}  // one that comes when nobody waits for it any more

 private:
  ringmail::System& system_;
};

int main() {
  auto system = ringmail::System::create({.schedulers = 1});
  if (!system) return std::fprintf(stderr, "%s\n", system.error().c_str()), 1;

  const auto start = std::chrono::steady_clock::now();
  const auto served = ringmail::ask(system->spawn<Host>(*system), Evening{}, 1min);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  if (!served) return std::fprintf(stderr, "%s\n", ringmail::to_string(served.error()).data()), 1;
  std::printf("%ld dishes of 100 ms each, on one thread, in %.0f ms\n", *served, took.count() * 1000);
}

// An actor has state and handles one message at a time. What it accepts are its `on` functions; what one returns is the
// reply.
#include <cstdio>

#include "ringmail/actors/actors.hpp"

using namespace std::chrono_literals;

struct Add {
  long n;
};
struct Total {};

class Counter : public ringmail::Actor {
 public:
  void on(const Add& add) { total_ += add.n; }
  long on(const Total&) { return total_; }

 private:
  long total_ = 0;
};

int main() {
  auto system = ringmail::System::create();
  if (!system) return std::fprintf(stderr, "%s\n", system.error().c_str()), 1;

  const auto counter = system->spawn<Counter>();
  for (long n = 1; n <= 100; ++n) {
    // Sending fails only where there is no room for half a minute.
    if (!counter.send(Add{n})) return 1;
  }
  // counter.send("42") does not compile: "this actor does not accept that message".

  const auto total = ringmail::ask(counter, Total{}, 1s);
  if (!total) return std::fprintf(stderr, "no total: %s\n", ringmail::to_string(total.error()).data()), 1;
  std::printf("1 + 2 + ... + 100 = %ld\n", *total);
}

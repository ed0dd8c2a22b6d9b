#include <chrono>
#include <cstdint>
#include <ringmail/actors/actors.hpp>

#include "greeting.mail.hpp"

struct Greeter : ringmail::Actor {
  std::uint32_t on(const outside::Greeting& greeting) { return greeting.times + 1; }
};

int main() {
  auto system = ringmail::System::create();
  if (!system) return 1;
  const auto answer = ask(system->spawn<Greeter>(), outside::Greeting{.times = 1}, std::chrono::seconds(10));
  return answer && *answer == 2 ? 0 : 1;
}

// The program of a peer is exchanged while it is at work: its mailbox stays, with all that waits in it.
#include <cstdio>

#include "greeting.mail.hpp"
#include "ringmail/actors/actors.hpp"

using namespace std::chrono_literals;

int main(int argc, char** argv) {
  auto system = ringmail::System::create();
  if (!system) return std::fprintf(stderr, "%s\n", system.error().c_str()), 1;
  const auto greeter = system->spawn_peer<greeting::Greeter>({.command = {argc > 1 ? argv[1] : "python3", GREETER_PY}});
  if (!greeter) return std::fprintf(stderr, "%s\n", greeter.error().c_str()), 1;
  const auto say_hello = [&] {
    const auto reply = ringmail::ask(*greeter, greeting::Hello{.name = "world"}, 10s);
    std::printf("%s\n", reply ? std::string(reply->text.view()).c_str() : ringmail::to_string(reply.error()).data());
  };

  say_hello();
  // One that cannot be run changes nothing.
  if (const auto replaced = greeter->replace({.command = {"/no/such/greeter"}}); !replaced) {
    std::printf("%s\n", to_string(replaced.error()).c_str());
  }
  say_hello();
  // This one says hello before the other one is told to go.
  if (const auto replaced = greeter->replace({.command = {GREETER_C}}); !replaced) {
    return std::fprintf(stderr, "%s\n", to_string(replaced.error()).c_str()), 1;
  }
  say_hello();
}

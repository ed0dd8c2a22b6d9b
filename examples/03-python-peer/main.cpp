// A peer is a process, in whatever language. It is sent to and asked like an actor, and started again when it dies.
#include <cstdio>

#include "greeting.mail.hpp"
#include "ringmail/actors/actors.hpp"

using namespace std::chrono_literals;

namespace {

bool say_hello(const ringmail::Mailbox<greeting::Greeter>& greeter, const char* name) {
  const auto reply = ringmail::ask(greeter, greeting::Hello{.name = name}, 10s);
  std::printf("%s\n", reply ? std::string(reply->text.view()).c_str() : ringmail::to_string(reply.error()).data());
  return reply.has_value();
}

}  // namespace

int main(int argc, char** argv) {
  auto system = ringmail::System::create();
  if (!system) return std::fprintf(stderr, "%s\n", system.error().c_str()), 1;

  const auto greeter =
      system->spawn_peer<greeting::Greeter>({.command = {argc > 1 ? argv[1] : "python3", GREETER_PY},
                                             .restart = {.when = ringmail::RestartPolicy::When::transient}});
  if (!greeter) return std::fprintf(stderr, "%s\n", greeter.error().c_str()), 1;

  say_hello(*greeter, "world");
  say_hello(*greeter, "trouble");  // it dies of that, and the question with it
  // Its successor answers. A question that dies with a process is not asked again by itself: the asker knows best.
  for (int left = 3; !say_hello(*greeter, "again") && left > 0; --left) continue;
}

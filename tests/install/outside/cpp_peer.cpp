#include <ringmail/peer.hpp>

#include "greeting.mail.hpp"

struct Greeter {
  outside::Greeting on(const outside::Greeting& greeting) { return {.times = greeting.times + 1}; }
};

// Started by hand: it says so, and the status is 2.
int main() {
  auto peer = ringmail::Peer::attach({.schema = outside::ringmail_schema});
  if (!peer) return peer.error().report("cpp_peer");
  Greeter greeter;
  const auto ended = peer->run<outside::Greeter>(greeter);
  return ended ? 0 : ended.error().report("cpp_peer");
}

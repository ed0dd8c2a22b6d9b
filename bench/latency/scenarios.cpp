#include "latency/scenarios.hpp"

namespace bench {
namespace {

template <class... Made>
std::vector<std::unique_ptr<Scenario>> list(Made... made) {
  std::vector<std::unique_ptr<Scenario>> all;
  (all.push_back(std::move(made)), ...);
  return all;
}

}  // namespace

const std::vector<Subject>& subjects() {
  static const std::vector<Subject> all = {
      {"floor.rtt", "a bare flag on one shared cache line, both ways: what the hardware needs",
       [] { return list(make_floor_rtt()); }},
      {"flags.rtt", "a flag each way, on lines that only one side writes: what memory divided by writer needs",
       [] { return list(make_flags_rtt()); }},
      {"ring.rtt", "32 bytes through a ring and back through another", [] { return list(make_ring_rtt()); }},
      {"actor.remote_rtt", "a message from an actor to a C++ process, and one back to the actor, 32 bytes each",
       [] { return list(make_actor_remote_rtt()); }},
      {"actor.remote_ask", "an actor asks a C++ process, 32 bytes both ways: its handler suspends",
       [] { return list(make_actor_remote_ask()); }},
      {"python.rtt", "an actor asks a Python process, 32 bytes both ways", [] { return list(make_python_rtt()); }},
      {"ring.oneway", "32 bytes, 1 KiB and 64 KiB through a ring, each published by itself",
       [] { return list(make_ring_oneway_32(), make_ring_oneway_1024(), make_ring_oneway_65536()); }},
  };
  return all;
}

}  // namespace bench

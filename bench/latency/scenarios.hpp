// One maker for each scenario of this folder.
#pragma once

#include <memory>

#include "latency/scenario.hpp"

namespace bench {

std::unique_ptr<Scenario> make_floor_rtt();
std::unique_ptr<Scenario> make_flags_rtt();
std::unique_ptr<Scenario> make_ring_rtt();
std::unique_ptr<Scenario> make_actor_remote_rtt();
std::unique_ptr<Scenario> make_actor_remote_ask();
std::unique_ptr<Scenario> make_python_rtt();
std::unique_ptr<Scenario> make_ring_oneway_32();
std::unique_ptr<Scenario> make_ring_oneway_1024();
std::unique_ptr<Scenario> make_ring_oneway_65536();

}  // namespace bench

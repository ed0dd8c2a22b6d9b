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
std::unique_ptr<Scenario> make_ring_oneway_32(std::uint64_t ring_bytes);
std::unique_ptr<Scenario> make_ring_oneway_1024(std::uint64_t ring_bytes);
std::unique_ptr<Scenario> make_ring_oneway_65536(std::uint64_t ring_bytes);
std::unique_ptr<Scenario> make_wake();
std::unique_ptr<Scenario> make_sender_cost_awake();
std::unique_ptr<Scenario> make_sender_cost_parked();
std::unique_ptr<Scenario> make_sender_cost_contended();
std::unique_ptr<Scenario> make_fan_in(unsigned links);

// What ours is compared with.
std::unique_ptr<Scenario> make_lamport_rtt();
std::unique_ptr<Scenario> make_boost_spsc_rtt();
std::unique_ptr<Scenario> make_lamport_oneway();
std::unique_ptr<Scenario> make_lines_oneway();
std::unique_ptr<Scenario> make_lines_rewritten();
std::unique_ptr<Scenario> make_futex_wake();
std::unique_ptr<Scenario> make_eventfd_wake();
std::unique_ptr<Scenario> make_futex_rtt();
std::unique_ptr<Scenario> make_eventfd_rtt();
std::unique_ptr<Scenario> make_pipe_rtt();
std::unique_ptr<Scenario> make_unix_stream_rtt();
std::unique_ptr<Scenario> make_unix_seqpacket_rtt();
std::unique_ptr<Scenario> make_posix_queue_rtt();
std::unique_ptr<Scenario> make_boost_queue_rtt();
std::unique_ptr<Scenario> make_zeromq_rtt();

}  // namespace bench

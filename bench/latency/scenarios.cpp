#include "latency/scenarios.hpp"

#include "latency/idle.hpp"
#include "ringmail/transport/layout.hpp"

namespace bench {
namespace {

template <class... Made>
std::vector<std::unique_ptr<Scenario>> list(Made... made) {
  std::vector<std::unique_ptr<Scenario>> all;
  (all.push_back(std::move(made)), ...);
  return all;
}

constexpr std::uint64_t default_ring_bytes = ringmail::transport::LinkLayout{}.mail_to_peer_bytes;

/// More than a core's second cache holds, less than its third: see docs/decisions/0011.
constexpr std::uint64_t bulk_ring_bytes = 4 << 20;

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
      {"lamport.rtt", "32 bytes through rings with indices beside them, which wake as ours do",
       [] { return list(make_lamport_rtt()); }},
      {"boost_spsc.rtt", "32 bytes through boost::lockfree::spsc_queue in shared memory, which cannot sleep",
       [] { return list(make_boost_spsc_rtt()); }},
      {"futex.rtt", "a slot in shared memory, and a futex for each message", [] { return list(make_futex_rtt()); }},
      {"eventfd.rtt", "a slot in shared memory, and an eventfd for each message",
       [] { return list(make_eventfd_rtt()); }},
      {"pipe.rtt", "32 bytes through a pipe", [] { return list(make_pipe_rtt()); }},
      {"unix_stream.rtt", "32 bytes through a stream socket", [] { return list(make_unix_stream_rtt()); }},
      {"unix_seqpacket.rtt", "32 bytes through a SOCK_SEQPACKET socket",
       [] { return list(make_unix_seqpacket_rtt()); }},
      {"posix_mq.rtt", "32 bytes through a POSIX message queue", [] { return list(make_posix_queue_rtt()); }},
      {"boost_mq.rtt", "32 bytes through boost::interprocess::message_queue",
       [] { return list(make_boost_queue_rtt()); }},
      {"zeromq.rtt", "32 bytes through a PAIR of ZeroMQ sockets over ipc", [] { return list(make_zeromq_rtt()); }},
      {"futex.wake", "from a futex_wake until the sleeper runs", [] { return list(make_futex_wake()); },
       wake_floor_key},
      {"eventfd.wake", "from a write to an eventfd until its reader runs", [] { return list(make_eventfd_wake()); },
       wake_floor_key},
      {"wake", "from a publish to a parked consumer until it has the message", [] { return list(make_wake()); },
       wake_floor_key},
      {sender_cost_key, "what a send costs its sender: consumer awake, parked, parked and rung by 16 others as well",
       [] { return list(make_sender_cost_awake(), make_sender_cost_parked(), make_sender_cost_contended()); },
       sender_cost_key},
      {"ring.oneway", "32 bytes through a ring, 1 KiB and 64 KiB through one of 4 MiB, each published by itself",
       [] {
         return list(make_ring_oneway_32(default_ring_bytes), make_ring_oneway_1024(bulk_ring_bytes),
                     make_ring_oneway_65536(bulk_ring_bytes));
       }},
      {"ring.oneway_default", "1 KiB and 64 KiB through a ring of the default size",
       [] { return list(make_ring_oneway_1024(default_ring_bytes), make_ring_oneway_65536(default_ring_bytes)); }},
      {"lamport.oneway", "32 bytes through a ring with indices beside it", [] { return list(make_lamport_oneway()); }},
      {"lines.oneway", "one core reads 64 KiB that another has just written: the bound for large messages",
       [] { return list(make_lines_oneway()); }},
      {"lines.rewritten", "one core writes 64 KiB that another has just read: the bound where memory is used again",
       [] { return list(make_lines_rewritten()); }},
      {fan_in_key,
       "a message from an actor to a process and one back, among 1 to 512 links of which the others are idle",
       [] { return list(make_fan_in(1), make_fan_in(2), make_fan_in(8), make_fan_in(64), make_fan_in(512)); },
       fan_in_key, true},
      {idle_key, "CPU and wakeups of a system with 64 links that are all idle", nullptr, {}, true},
  };
  return all;
}

}  // namespace bench

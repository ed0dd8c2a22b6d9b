#include "actors/subjects.hpp"

#include "actors/scenarios.hpp"

#ifdef BENCH_HAS_CAF
#include "actors/caf/scenarios.hpp"
#define BENCH_CAF(make) make
#else
#define BENCH_CAF(make) nullptr
#endif

namespace bench::actors {

bool has_caf() {
#ifdef BENCH_HAS_CAF
  return true;
#else
  return false;
#endif
}

const std::vector<Subject>& subjects() {
  static const std::vector<Subject> all = {
      {"pingpong.local", "a round trip of two actors on one scheduler", make_pingpong_local,
       BENCH_CAF(make_caf_pingpong_local)},
      {"pingpong.schedulers", "a round trip of two actors on two schedulers, 32 bytes", make_pingpong_schedulers,
       BENCH_CAF(make_caf_pingpong_detached), make_ring_rtt},
      {"pingpong.processes", "a round trip of an actor and a peer process, 32 bytes", make_pingpong_processes, nullptr,
       make_ring_rtt},
      {"counting.local", "10 million messages from one actor to another on its scheduler", make_counting_local,
       BENCH_CAF(make_caf_counting_local)},
      {"counting.schedulers", "10 million messages from one actor to one on another scheduler",
       make_counting_schedulers, BENCH_CAF(make_caf_counting_schedulers)},
      {"spawn", "a million actors, each made, started, stopped and gone", make_spawn, BENCH_CAF(make_caf_spawn)},
      {"spawn.bytes", "what one of a million idle actors takes", make_spawn_bytes, BENCH_CAF(make_caf_spawn_bytes),
       nullptr, Subject::Unit::bytes},
      {"suspend", "a handler suspends and goes on", make_suspend},
      {"suspend.bytes", "what one of 100,000 suspended handlers takes, its actor included", make_suspend_bytes, nullptr,
       nullptr, Subject::Unit::bytes},
      {"savina.threadring", "a hop round a ring of 100 actors", make_threadring, BENCH_CAF(make_caf_threadring)},
      {"savina.forkjoin_throughput", "a message of 10,000 to each of 60 actors", make_forkjoin_throughput,
       BENCH_CAF(make_caf_forkjoin_throughput)},
      {"savina.forkjoin_create", "an actor of 40,000, with one message to it", make_forkjoin_create,
       BENCH_CAF(make_caf_forkjoin_create)},
      {"savina.big", "a ping and its pong, of 20,000 by each of 120 actors", make_big, BENCH_CAF(make_caf_big)},
      {"savina.chameneos", "a meeting of 200,000 among 100 chameneos", make_chameneos, BENCH_CAF(make_caf_chameneos)},
      {"savina.bounded_buffer", "an item of 1,000 by each of 40 producers, for 40 consumers", make_bounded_buffer,
       BENCH_CAF(make_caf_bounded_buffer)},
      {"savina.philosophers", "a meal of 10,000 by each of 20 philosophers", make_philosophers,
       BENCH_CAF(make_caf_philosophers)},
      {"savina.apsp", "a step of 300 to all shortest paths among 300 nodes, by 36 blocks", make_apsp,
       BENCH_CAF(make_caf_apsp)},
      {"savina.nqueens", "all solutions for 12 queens, by 20 workers", make_nqueens, BENCH_CAF(make_caf_nqueens)},
      {"savina.sieve", "an odd number below 100,000 in a chain of filters of 1,000 primes", make_sieve,
       BENCH_CAF(make_caf_sieve)},
      {"savina.uct", "a node of an unbalanced tree of 200,000 actors", make_uct, BENCH_CAF(make_caf_uct)},
      {"ask.local", "an actor asks another on its scheduler, with a deadline", make_ask_local,
       BENCH_CAF(make_caf_ask_local)},
      {"ask.remote", "an actor asks a peer process, 32 bytes both ways", make_ask_remote, nullptr, make_ring_rtt},
      {"timer.set_cancel", "a timer set and cancelled among 100,000 others", make_timer_set_cancel},
      {"death.notice", "a peer is killed, and an actor that monitors it is told", make_death_notice},
      {"death.successor", "a peer in C is killed, and the next one has answered a message", make_death_successor},
      {"publish.1", "a message to one subscriber of a topic",
       [](const Setup& setup) { return make_publish(setup, 1); }},
      {"publish.8", "a message to 8 subscribers", [](const Setup& setup) { return make_publish(setup, 8); }},
      {"publish.64", "a message to 64 subscribers", [](const Setup& setup) { return make_publish(setup, 64); }},
  };
  return all;
}

}  // namespace bench::actors

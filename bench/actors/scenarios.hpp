// One maker for each scenario of ours.
#pragma once

#include "actors/contender.hpp"

namespace bench::actors {

std::unique_ptr<Contender> make_pingpong_local(const Setup& setup);
std::unique_ptr<Contender> make_pingpong_schedulers(const Setup& setup);
std::unique_ptr<Contender> make_pingpong_processes(const Setup& setup);
std::unique_ptr<Contender> make_counting_local(const Setup& setup);
std::unique_ptr<Contender> make_counting_schedulers(const Setup& setup);
std::unique_ptr<Contender> make_spawn(const Setup& setup);
std::unique_ptr<Contender> make_spawn_bytes(const Setup& setup);
std::unique_ptr<Contender> make_suspend(const Setup& setup);
std::unique_ptr<Contender> make_suspend_bytes(const Setup& setup);
std::unique_ptr<Contender> make_ask_local(const Setup& setup);
std::unique_ptr<Contender> make_ask_remote(const Setup& setup);
std::unique_ptr<Contender> make_timer_set_cancel(const Setup& setup);
std::unique_ptr<Contender> make_death_notice(const Setup& setup);
std::unique_ptr<Contender> make_death_successor(const Setup& setup);
std::unique_ptr<Contender> make_publish(const Setup& setup, std::uint64_t subscribers);

std::unique_ptr<Contender> make_threadring(const Setup& setup);
std::unique_ptr<Contender> make_forkjoin_throughput(const Setup& setup);
std::unique_ptr<Contender> make_forkjoin_create(const Setup& setup);
std::unique_ptr<Contender> make_big(const Setup& setup);
std::unique_ptr<Contender> make_chameneos(const Setup& setup);
std::unique_ptr<Contender> make_bounded_buffer(const Setup& setup);
std::unique_ptr<Contender> make_philosophers(const Setup& setup);
std::unique_ptr<Contender> make_apsp(const Setup& setup);
std::unique_ptr<Contender> make_nqueens(const Setup& setup);
std::unique_ptr<Contender> make_sieve(const Setup& setup);
std::unique_ptr<Contender> make_uct(const Setup& setup);

/// The ring's own round trip between two processes on two CPUs, as bench/latency measures it.
std::unique_ptr<Contender> make_ring_rtt(const Setup& setup);

}  // namespace bench::actors

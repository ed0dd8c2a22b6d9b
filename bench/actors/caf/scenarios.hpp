// One maker for each scenario of CAF, the twin of ours of the same name.
#pragma once

#include "actors/contender.hpp"

namespace bench::actors {

std::unique_ptr<Contender> make_caf_pingpong_local(const Setup& setup);
std::unique_ptr<Contender> make_caf_pingpong_detached(const Setup& setup);
std::unique_ptr<Contender> make_caf_counting_local(const Setup& setup);
std::unique_ptr<Contender> make_caf_counting_schedulers(const Setup& setup);
std::unique_ptr<Contender> make_caf_spawn(const Setup& setup);
std::unique_ptr<Contender> make_caf_spawn_bytes(const Setup& setup);
std::unique_ptr<Contender> make_caf_ask_local(const Setup& setup);

std::unique_ptr<Contender> make_caf_threadring(const Setup& setup);
std::unique_ptr<Contender> make_caf_forkjoin_throughput(const Setup& setup);
std::unique_ptr<Contender> make_caf_forkjoin_create(const Setup& setup);
std::unique_ptr<Contender> make_caf_big(const Setup& setup);
std::unique_ptr<Contender> make_caf_chameneos(const Setup& setup);
std::unique_ptr<Contender> make_caf_bounded_buffer(const Setup& setup);
std::unique_ptr<Contender> make_caf_philosophers(const Setup& setup);
std::unique_ptr<Contender> make_caf_apsp(const Setup& setup);
std::unique_ptr<Contender> make_caf_nqueens(const Setup& setup);
std::unique_ptr<Contender> make_caf_sieve(const Setup& setup);
std::unique_ptr<Contender> make_caf_uct(const Setup& setup);

}  // namespace bench::actors

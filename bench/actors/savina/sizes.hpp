// The sizes of the published suite (S. Imam, V. Sarkar: Savina, an actor benchmark suite, AGERE 2014), as its sources have them.
#pragma once

#include <cstdint>

namespace bench::actors::savina {

inline constexpr std::uint64_t ring_actors = 100;
inline constexpr std::uint64_t ring_hops = 100'000;

inline constexpr std::uint64_t throughput_actors = 60;
inline constexpr std::uint64_t throughput_messages = 10'000;  // to each

inline constexpr std::uint64_t created_actors = 40'000;

inline constexpr std::uint64_t big_actors = 120;
inline constexpr std::uint64_t big_pings = 20'000;  // by each

inline constexpr std::uint64_t chameneos = 100;
inline constexpr std::uint64_t meetings = 200'000;

inline constexpr std::uint64_t producers = 40;
inline constexpr std::uint64_t consumers = 40;
inline constexpr std::uint64_t items = 1000;  // by each producer
inline constexpr std::uint64_t buffer_items = 50;
inline constexpr int item_cost = 25;

inline constexpr std::uint64_t philosophers = 20;
inline constexpr std::uint64_t meals = 10'000;  // by each

inline constexpr int graph_nodes = 300;
inline constexpr int graph_block = 50;
inline constexpr int graph_weight = 100;

inline constexpr int queens = 12;
inline constexpr int queens_threshold = 4;
inline constexpr std::uint64_t queens_workers = 20;

inline constexpr std::uint64_t sieve_below = 100'000;
inline constexpr std::uint64_t sieve_primes = 1000;  // kept by each filter

inline constexpr std::uint64_t tree_nodes = 200'000;
inline constexpr std::uint64_t tree_children = 10;
inline constexpr std::uint64_t tree_work = 500;
inline constexpr std::uint64_t tree_work_deviation = 100;

}  // namespace bench::actors::savina

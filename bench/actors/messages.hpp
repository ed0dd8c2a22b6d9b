// Messages that ours and CAF's actors both send, so that both carry the same, and how many.
#pragma once

#include <array>
#include <cstdint>

namespace bench::actors {

struct Ball {
  std::uint64_t round_trips_left;
};
/// As large as the message of ring.rtt.
struct FarBall {
  std::array<std::uint64_t, 4> words;
};
struct Add {
  std::uint64_t n;
};
struct Get {};

inline constexpr std::uint64_t local_round_trips = 1'000'000;
inline constexpr std::uint64_t far_round_trips = 20'000;
inline constexpr std::uint64_t far_warm_up = 1000;
inline constexpr std::uint64_t counted_messages = 10'000'000;
inline constexpr std::uint64_t spawned_actors = 1'000'000;
inline constexpr std::uint64_t spawned_at_once = 1000;
inline constexpr std::uint64_t suspensions = 1'000'000;
inline constexpr std::uint64_t suspended_at_once = 100'000;
inline constexpr std::uint64_t published_messages = 1'000'000;  // by the number of subscribers
inline constexpr std::uint64_t local_asks = 1'000'000;

}  // namespace bench::actors

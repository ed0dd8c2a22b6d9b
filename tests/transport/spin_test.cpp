#include "ringmail/transport/spin.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "ringmail/transport/park.hpp"

namespace ringmail::transport::test {
namespace {

constexpr auto nothing = [] { return false; };

TEST(Spin, gives_up_after_a_while_and_sees_what_comes) {
  SpinPolicy policy;
  EXPECT_FALSE(policy.spin(nothing, 1));
  int polls = 0;
  EXPECT_TRUE(policy.spin([&] { return ++polls == 3; }, 1));
  EXPECT_GE(usable_cpus(), 1u);
}

TEST(Spin, is_short_where_nothing_comes_in_time) {
  constexpr std::uint64_t break_even_ns = 1'000'000;
  const auto shortest_spin_ns = [](SpinPolicy& policy) {
    std::uint64_t shortest = UINT64_MAX;
    for (int spin = 0; spin < 20; ++spin) {
      const std::uint64_t start = monotonic_ns();
      policy.spin(nothing, 1);
      shortest = std::min(shortest, monotonic_ns() - start);
    }
    return shortest;
  };
  SpinPolicy policy(break_even_ns);
  EXPECT_GE(shortest_spin_ns(policy), break_even_ns);
  Bell bell;
  Parker parker(bell);
  for (int wait = 0; wait < 8; ++wait) {
    policy.spin(nothing, 1);
    parker.park(4 * break_even_ns, nothing);
    policy.observe();
  }
  EXPECT_LT(shortest_spin_ns(policy), break_even_ns / 2);
}

TEST(Spin, looks_away_for_longer_where_messages_come_in_numbers) {
  SpinPolicy policy;
  const auto ns_until_looked = [&](std::uint64_t drained) {
    constexpr int spins = 200;
    std::uint64_t shortest = UINT64_MAX;
    for (int round = 0; round < 20; ++round) {
      const std::uint64_t start = monotonic_ns();
      for (int spin = 0; spin < spins; ++spin) policy.spin([] { return true; }, drained);
      shortest = std::min(shortest, monotonic_ns() - start);
    }
    return shortest;
  };
  const std::uint64_t alone = ns_until_looked(1);
  const std::uint64_t few = ns_until_looked(4);
  EXPECT_GT(few, 2 * alone);
  EXPECT_GT(ns_until_looked(1'000), 4 * few);
  EXPECT_LT(ns_until_looked(1), 2 * alone) << "the first that comes alone is the end of the stream";
}

}  // namespace
}  // namespace ringmail::transport::test

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
  EXPECT_FALSE(policy.spin(nothing));
  int polls = 0;
  EXPECT_TRUE(policy.spin([&] { return ++polls == 3; }));
  EXPECT_GE(usable_cpus(), 1u);
}

TEST(Spin, is_short_where_nothing_comes_in_time) {
  constexpr std::uint64_t break_even_ns = 1'000'000;
  const auto shortest_spin_ns = [](SpinPolicy& policy) {
    std::uint64_t shortest = UINT64_MAX;
    for (int spin = 0; spin < 20; ++spin) {
      const std::uint64_t start = monotonic_ns();
      policy.spin(nothing);
      shortest = std::min(shortest, monotonic_ns() - start);
    }
    return shortest;
  };
  SpinPolicy policy(break_even_ns);
  EXPECT_GE(shortest_spin_ns(policy), break_even_ns);
  Bell bell;
  Parker parker(bell);
  for (int wait = 0; wait < 8; ++wait) {
    policy.spin(nothing);
    parker.park(4 * break_even_ns, nothing);
    policy.observe();
  }
  EXPECT_LT(shortest_spin_ns(policy), break_even_ns / 2);
}

}  // namespace
}  // namespace ringmail::transport::test

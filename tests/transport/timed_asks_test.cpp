// The table of asks with a deadline, against a map that is searched from end to end.
#include "timed_asks.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace ringmail::transport {
namespace {

TEST(TimedAsks, are_what_a_map_would_be) {
  TimedAsks asks;
  std::set<std::uint32_t> model;
  std::mt19937 random(7);
  for (int i = 0; i < 200'000; ++i) {
    const std::uint32_t correlation = TimedAsks::mark | random() % 512;
    switch (random() % 4) {
      case 0:
      case 1:
        if (model.contains(correlation)) break;
        asks.reserve();
        asks.add(correlation, random());
        model.insert(correlation);
        break;
      default: ASSERT_EQ(asks.remove(correlation), model.erase(correlation) == 1); break;
    }
    ASSERT_EQ(asks.empty(), model.empty());
    ASSERT_EQ(asks.contains(correlation), model.contains(correlation));
  }
}

TEST(TimedAsks, expire_once_and_not_early) {
  TimedAsks asks;
  std::map<std::uint32_t, std::uint64_t> deadlines;
  std::mt19937 random(8);
  for (std::uint64_t now_ns = 1; now_ns < 20'000; ++now_ns) {
    const std::uint32_t correlation = TimedAsks::mark | static_cast<std::uint32_t>(now_ns);
    const std::uint64_t deadline_ns = now_ns + random() % 500;
    asks.reserve();
    asks.add(correlation, deadline_ns);
    deadlines[correlation] = deadline_ns;
    while (const auto expired = asks.take_expired(now_ns)) {
      ASSERT_TRUE(deadlines.contains(*expired));
      ASSERT_LE(deadlines[*expired], now_ns);
      deadlines.erase(*expired);
      ASSERT_FALSE(asks.remove(*expired)) << "an answer that comes now is late";
    }
    for (const auto& [_, deadline] : deadlines) {
      ASSERT_GT(deadline, now_ns);
      ASSERT_LE(asks.earliest_ns(), deadline);
    }
  }
  EXPECT_LT(deadlines.size(), 500u);
}

}  // namespace
}  // namespace ringmail::transport

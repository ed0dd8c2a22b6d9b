// A measurement of time, so it runs alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "test_schedulers.hpp"

namespace ringmail::runtime::test {
namespace {

TEST(NeighbourDelay, an_actor_that_feeds_itself_delays_its_neighbour_by_less_than_a_millisecond) {
  transport::test::start_watchdog();
  Schedulers schedulers(2);
  schedulers.start();
  const ActorId ticking = schedulers.add(0, [&](TestCell& cell) {
    cell.on_number = [](TestCell& self, std::uint64_t value) {
      ASSERT_TRUE(send_number(self.scheduler(), {0, self.id()}, value + 1, far_off()));
    };
  });
  const ActorId neighbour = schedulers.add(0, [&](TestCell& cell) {
    cell.on_number = [](TestCell& self, std::uint64_t value) { reply_number(self, value); };
  });
  schedulers.handle_on(0,
                       [&](TestCell& self) { ASSERT_TRUE(send_number(self.scheduler(), {0, ticking}, 0, far_off())); });
  for (const std::uint32_t from : {0u, 1u}) {
    constexpr int asks = 501;
    std::vector<std::uint64_t> took_ns;
    schedulers.handle_on(from, [&](TestCell& self) {
      for (int i = 0; i < asks; ++i) {
        const std::uint64_t asked_ns = now_ns();
        ASSERT_TRUE(ask_number(self.scheduler(), {0, neighbour}, 1, far_off()));
        took_ns.push_back(now_ns() - asked_ns);
      }
    });
    ASSERT_EQ(took_ns.size(), static_cast<std::size_t>(asks));
    // The median: what the operating system gives to others meanwhile is not the neighbour's doing.
    std::ranges::nth_element(took_ns, took_ns.begin() + asks / 2);
    EXPECT_LT(took_ns[asks / 2], 1'000'000u) << "asked from scheduler " << from;
  }
}

}  // namespace
}  // namespace ringmail::runtime::test

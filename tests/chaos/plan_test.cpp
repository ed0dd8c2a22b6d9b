#include "plan.hpp"

#include <gtest/gtest.h>

#include <set>

namespace ringmail::chaos {
namespace {

using namespace std::chrono_literals;

const std::vector<PlannedPeer> peers = {{.name = "stray", .weight = 4, .is_stray = true},
                                        {.name = "python", .weight = 1}};

std::string text_of(const std::vector<Step>& plan) {
  std::string text;
  for (const Step& step : plan) text += to_string(step, peers) + "\n";
  return text;
}

TEST(Plan, is_the_same_for_the_same_seed_and_another_for_another) {
  const std::string plan = text_of(draw_plan(7, peers, 20s, 100ms));
  EXPECT_EQ(plan, text_of(draw_plan(7, peers, 20s, 100ms)));
  EXPECT_NE(plan, text_of(draw_plan(8, peers, 20s, 100ms)));
}

TEST(Plan, has_everything_that_can_be_done_and_is_in_the_order_of_time) {
  const auto plan = draw_plan(1, peers, 60s, 100ms);
  std::set<Action> actions;
  std::chrono::milliseconds before{0};
  for (const Step& step : plan) {
    actions.insert(step.action);
    EXPECT_GE(step.at, before);
    EXPECT_LE(step.at, 60s);
    before = step.at;
  }
  EXPECT_EQ(actions.size(), 11u);
  EXPECT_NEAR(static_cast<double>(plan.size()), 600, 150);
}

TEST(Plan, ends_each_stop_with_its_continuation) {
  for (const Step& step : draw_plan(3, peers, 60s, 50ms)) {
    const auto impulses = impulses_of(step);
    ASSERT_FALSE(impulses.empty());
    for (std::size_t i = 0; i < impulses.size(); ++i) {
      if (impulses[i].what != Impulse::What::stop) continue;
      ASSERT_LT(i + 1, impulses.size());
      EXPECT_EQ(impulses[i + 1].what, Impulse::What::go_on);
      EXPECT_GE(impulses[i + 1].at, impulses[i].at);
    }
  }
}

}  // namespace
}  // namespace ringmail::chaos

// A supervisor's decisions under a clock that the test sets.
#include "supervisor_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace ringmail::detail {
namespace {

using namespace std::chrono_literals;
using runtime::ExitReason;
using testing::ElementsAre;
using testing::IsEmpty;
using State = SupervisorPlan::State;
using When = RestartPolicy::When;

constexpr std::uint64_t ms = 1'000'000;
const ExitReason crash{.kind = ExitReason::Kind::failed, .text = "std::runtime_error: boom"};
const ExitReason content{};

/// A plan and children that do nothing by themselves. What the plan does is written down: "start b", "stop a".
class Children : SupervisorPlan::Actions {
 public:
  explicit Children(const SupervisorOptions& options) : plan(options, *this) {}

  Children& add(const char* name, const RestartPolicy& restart = at_once(When::permanent)) {
    plan.add({.name = name, .restart = restart, .stop_timeout = 100ms});
    return *this;
  }
  static RestartPolicy at_once(When when) {
    return {.when = when, .max_restarts = UINT32_MAX, .first_delay = 0ms, .longest_delay = 0ms, .jitter = 0};
  }
  static RestartPolicy backing_off() {
    return {.when = When::permanent,
            .max_restarts = UINT32_MAX,
            .window = 10s,
            .first_delay = 10ms,
            .longest_delay = 1s,
            .jitter = 0};
  }

  void start() { plan.start(now, 1); }
  /// And each that starts is up at once.
  void start_all() {
    start();
    for (std::size_t i = 0; i < plan.size(); ++i) plan.started(i, now);
    done();
  }
  void up(std::size_t child) { plan.started(child, now); }
  void fails(std::size_t child, const ExitReason& reason = crash) { plan.ended(child, reason, false, true, now); }
  void ends(std::size_t child) { fails(child, content); }
  /// What has been done since the last time.
  std::vector<std::string> done() { return std::exchange(diary_, {}); }

  SupervisorPlan plan;
  std::uint64_t now = 1000 * ms;
  std::optional<ExitReason> escalated;

 private:
  void start(std::size_t child) override { diary_.push_back("start " + plan.name(child)); }
  void stop(std::size_t child) override { diary_.push_back("stop " + plan.name(child)); }
  void close(std::size_t child) override { diary_.push_back("close " + plan.name(child)); }
  void overdue(std::size_t child) override { diary_.push_back("overdue " + plan.name(child)); }
  void decided(std::size_t, const ExitReason&, const std::string&) override {}
  void escalate(ExitReason reason) override {
    EXPECT_FALSE(escalated);
    escalated = std::move(reason);
  }
  std::vector<std::string> diary_;
};

struct Three : Children {
  explicit Three(Strategy strategy, std::uint32_t intensity = 100)
      : Children({.strategy = strategy, .intensity = intensity, .period = 5s}) {
    add("a").add("b").add("c");
  }
};

TEST(SupervisorPlan, children_start_as_they_were_declared_each_when_the_one_before_is_up) {
  for (const auto strategy : {Strategy::one_for_one, Strategy::one_for_all, Strategy::rest_for_one}) {
    Three children(strategy);
    children.start();
    EXPECT_THAT(children.done(), ElementsAre("start a"));
    children.up(0);
    EXPECT_THAT(children.done(), ElementsAre("start b"));
    EXPECT_FALSE(children.plan.is_up());
    children.up(1);
    EXPECT_THAT(children.done(), ElementsAre("start c"));
    children.up(2);
    EXPECT_THAT(children.done(), IsEmpty());
    EXPECT_TRUE(children.plan.is_up());
  }
}

TEST(SupervisorPlan, children_are_stopped_the_other_way_round_each_when_the_one_before_is_down) {
  Three children(Strategy::one_for_one);
  children.start_all();
  children.plan.wind_up(children.now);
  EXPECT_THAT(children.done(), ElementsAre("stop c"));
  children.ends(2);
  EXPECT_THAT(children.done(), ElementsAre("stop b"));
  children.fails(1);  // whatever for
  EXPECT_THAT(children.done(), ElementsAre("stop a"));
  EXPECT_FALSE(children.plan.has_wound_up());
  children.ends(0);
  EXPECT_TRUE(children.plan.has_wound_up());
  EXPECT_FALSE(children.escalated);
}

TEST(SupervisorPlan, one_that_does_not_stop_in_time_holds_nobody_up_but_the_end) {
  Three children(Strategy::one_for_one);
  children.start_all();
  children.plan.wind_up(children.now);
  EXPECT_EQ(children.plan.next_deadline_ns(), children.now + 100 * ms);
  children.now += 100 * ms;
  children.plan.look(children.now);
  EXPECT_THAT(children.done(), ElementsAre("stop c", "overdue c", "stop b"));
  children.ends(1);
  children.ends(0);
  EXPECT_FALSE(children.plan.has_wound_up());
  children.ends(2);
  EXPECT_TRUE(children.plan.has_wound_up());
}

TEST(SupervisorPlan, with_simple_one_for_one_all_start_and_all_stop_at_once) {
  Three children(Strategy::simple_one_for_one);
  children.start();
  EXPECT_THAT(children.done(), ElementsAre("start a", "start b", "start c"));
  children.up(2);
  children.up(0);
  children.fails(0);
  EXPECT_THAT(children.done(), ElementsAre("start a"));
  EXPECT_FALSE(children.plan.is_up());
  children.up(0);
  children.up(1);
  EXPECT_TRUE(children.plan.is_up());
  children.plan.wind_up(children.now);
  EXPECT_THAT(children.done(), ElementsAre("stop a", "stop b", "stop c"));
  children.now += 100 * ms;
  children.plan.look(children.now);
  EXPECT_THAT(children.done(), ElementsAre("overdue a", "overdue b", "overdue c"));
  for (const std::size_t i : {1u, 0u, 2u}) {
    EXPECT_FALSE(children.plan.has_wound_up());
    children.ends(i);
  }
  EXPECT_TRUE(children.plan.has_wound_up());
}

TEST(SupervisorPlan, a_child_that_was_asked_for_and_does_not_start_is_closed_and_counts_for_nothing) {
  Three children(Strategy::one_for_all, 0);
  children.start_all();
  children.add("d");
  EXPECT_TRUE(children.plan.is_at_rest(3));
  children.plan.start_child(3, children.now);
  EXPECT_THAT(children.done(), ElementsAre("start d"));
  children.fails(3);
  EXPECT_THAT(children.done(), ElementsAre("close d"));
  EXPECT_FALSE(children.escalated);
  children.plan.start_child(3, children.now);
  children.up(3);
  children.fails(3);
  EXPECT_TRUE(children.escalated) << "as any other, once it was up";
}

TEST(SupervisorPlan, a_child_that_is_stopped_on_request_is_closed_even_while_it_waits_for_its_restart) {
  Children children({.strategy = Strategy::one_for_one, .intensity = 100, .period = 5s});
  children.add("a", Children::backing_off()).add("b");
  children.start_all();
  children.fails(0);
  EXPECT_FALSE(children.plan.is_at_rest(0));
  children.plan.stop_child(0, children.now);
  EXPECT_THAT(children.done(), ElementsAre("close a"));
  EXPECT_TRUE(children.plan.is_at_rest(0));
  children.now += 1000 * ms;
  children.plan.look(children.now);
  EXPECT_THAT(children.done(), IsEmpty());
  children.plan.stop_child(1, children.now);
  EXPECT_THAT(children.done(), ElementsAre("stop b"));
  children.ends(1);
  EXPECT_THAT(children.done(), ElementsAre("close b"));
  children.plan.remove(0);
  EXPECT_EQ(children.plan.size(), 1u);
}

TEST(SupervisorPlan, one_for_one_restarts_the_one_that_failed) {
  Three children(Strategy::one_for_one);
  children.start_all();
  children.fails(1);
  EXPECT_THAT(children.done(), ElementsAre("start b"));
  EXPECT_EQ(children.plan.restarts(1), 1u);
}

TEST(SupervisorPlan, one_for_all_stops_the_others_in_reverse_and_starts_all_in_order) {
  Three children(Strategy::one_for_all);
  children.start_all();
  children.fails(1);
  EXPECT_THAT(children.done(), ElementsAre("stop c"));
  children.ends(2);
  EXPECT_THAT(children.done(), ElementsAre("stop a"));
  children.ends(0);
  EXPECT_THAT(children.done(), ElementsAre("start a"));
  children.up(0);
  children.up(1);
  children.up(2);
  EXPECT_THAT(children.done(), ElementsAre("start b", "start c"));
  EXPECT_TRUE(children.plan.is_up());
}

TEST(SupervisorPlan, rest_for_one_leaves_those_alone_that_were_declared_before) {
  Three children(Strategy::rest_for_one);
  children.start_all();
  children.fails(1);
  EXPECT_THAT(children.done(), ElementsAre("stop c"));
  children.ends(2);
  EXPECT_THAT(children.done(), ElementsAre("start b"));
  children.up(1);
  EXPECT_THAT(children.done(), ElementsAre("start c"));
  children.up(2);
  children.fails(2);
  EXPECT_THAT(children.done(), ElementsAre("start c"));
}

TEST(SupervisorPlan, a_failure_amid_a_restart_widens_it) {
  Three children(Strategy::rest_for_one);
  children.start_all();
  children.fails(1);
  EXPECT_THAT(children.done(), ElementsAre("stop c"));
  children.fails(0);  // not asked to
  children.ends(2);
  EXPECT_THAT(children.done(), ElementsAre("start a"));
  children.up(0);
  children.up(1);
  EXPECT_THAT(children.done(), ElementsAre("start b", "start c"));
}

TEST(SupervisorPlan, permanent_ones_return_whatever_they_ended_for_transient_after_failures_temporary_never) {
  Children children({.intensity = 100});
  children.add("permanent").add("transient", Children::at_once(When::transient));
  children.add("temporary", Children::at_once(When::temporary));
  children.start_all();
  children.ends(0);
  EXPECT_THAT(children.done(), ElementsAre("start permanent"));
  children.up(0);
  children.fails(1);
  EXPECT_THAT(children.done(), ElementsAre("start transient"));
  children.up(1);
  children.ends(1);
  EXPECT_THAT(children.done(), ElementsAre("close transient"));
  children.fails(2);
  EXPECT_THAT(children.done(), ElementsAre("close temporary"));
  EXPECT_FALSE(children.escalated);
}

TEST(SupervisorPlan, with_others_transient_ones_return_and_temporary_ones_do_not) {
  Children children({.strategy = Strategy::one_for_all, .intensity = 100});
  children.add("permanent").add("ended", Children::at_once(When::transient));
  children.add("temporary", Children::at_once(When::temporary));
  children.start_all();
  children.ends(1);
  EXPECT_THAT(children.done(), ElementsAre("close ended"));
  children.fails(0);
  EXPECT_THAT(children.done(), ElementsAre("stop temporary"));
  children.ends(2);
  EXPECT_THAT(children.done(), ElementsAre("close temporary", "start permanent"));
  children.up(0);
  EXPECT_THAT(children.done(), ElementsAre("start ended"));
}

TEST(SupervisorPlan, more_restarts_than_the_intensity_within_the_period_escalate_with_their_cause) {
  Three children(Strategy::one_for_one, 2);
  children.start_all();
  for (const std::size_t child : {0u, 1u}) {
    children.fails(child);
    children.up(child);
  }
  EXPECT_THAT(children.done(), ElementsAre("start a", "start b"));
  children.fails(2);
  ASSERT_TRUE(children.escalated);
  EXPECT_EQ(to_string(*children.escalated),
            "escalated: 'c' is given up after 2 restarts within 5 s; because failed: std::runtime_error: boom");
  EXPECT_THAT(children.done(), ElementsAre("stop b"));
  children.ends(1);
  children.ends(0);
  EXPECT_TRUE(children.plan.has_wound_up());
}

TEST(SupervisorPlan, restarts_that_lie_before_the_period_do_not_count) {
  Three children(Strategy::one_for_one, 2);
  children.start_all();
  for (int i = 0; i < 20; ++i, children.now += 2500 * ms) {
    children.fails(0);
    children.up(0);
  }
  EXPECT_FALSE(children.escalated);
}

TEST(SupervisorPlan, a_child_that_its_own_policy_gives_up_escalates_too) {
  Children children({.intensity = 100});
  RestartPolicy policy = Children::at_once(When::permanent);
  policy.max_restarts = 1;
  children.add("a", policy);
  children.start_all();
  children.fails(0);
  children.up(0);
  EXPECT_FALSE(children.escalated);
  children.fails(0);
  EXPECT_TRUE(children.escalated);
}

TEST(SupervisorPlan, one_that_fails_while_it_starts_has_failed) {
  Three children(Strategy::one_for_one, 1);
  children.start();
  children.fails(0);
  EXPECT_THAT(children.done(), ElementsAre("start a", "start a"));
  children.fails(0);
  EXPECT_TRUE(children.escalated);
  EXPECT_TRUE(children.plan.has_wound_up());
}

TEST(SupervisorPlan, delays_grow_and_begin_anew_after_a_stable_time) {
  Children children({.intensity = 100, .period = 1s});
  children.add("a", Children::backing_off());
  children.start_all();
  for (const std::uint64_t delay : {10u, 20u, 40u, 80u}) {
    children.fails(0);
    EXPECT_THAT(children.done(), IsEmpty());
    ASSERT_EQ(children.plan.next_deadline_ns(), children.now + delay * ms);
    children.plan.look(children.now + delay * ms - 1);
    EXPECT_THAT(children.done(), IsEmpty());
    children.now += delay * ms;
    children.plan.look(children.now);
    EXPECT_THAT(children.done(), ElementsAre("start a"));
    children.up(0);
  }
  children.now += 10'000 * ms;
  children.fails(0);
  EXPECT_EQ(children.plan.next_deadline_ns(), children.now + 10 * ms);
}

TEST(SupervisorPlan, delays_vary_by_the_jitter_and_come_again_with_their_seed) {
  constexpr double jitter = 0.5;
  const auto delays = [](std::uint64_t seed) {
    Children children({.intensity = 100, .period = 1s});
    RestartPolicy policy = Children::backing_off();
    policy.jitter = jitter;
    children.add("a", policy);
    children.plan.start(children.now, seed);
    std::vector<std::uint64_t> all;
    for (int i = 0; i < 7; ++i) {
      children.up(0);
      children.fails(0);
      const std::uint64_t then = children.plan.next_deadline_ns();
      all.push_back(then - children.now);
      children.now = then;
      children.plan.look(then);
    }
    return all;
  };
  EXPECT_EQ(delays(1), delays(1));
  EXPECT_NE(delays(1), delays(2));
  for (std::uint64_t seed = 1; seed < 50; ++seed) {
    double base = 10 * ms;
    for (const std::uint64_t delay : delays(seed)) {
      EXPECT_GE(static_cast<double>(delay), base * (1 - jitter) - 1);
      EXPECT_LE(static_cast<double>(delay), base * (1 + jitter) + 1);
      base *= 2;
    }
  }
}

TEST(SupervisorPlan, one_that_waits_for_its_restart_holds_up_nobody_under_one_for_one) {
  Children children({.intensity = 100});
  children.add("a", Children::backing_off()).add("b");
  children.start_all();
  children.fails(0);
  children.fails(1);
  EXPECT_THAT(children.done(), ElementsAre("start b"));
}

TEST(SupervisorPlan, all_wait_for_the_delay_of_the_one_that_failed_under_one_for_all) {
  Children children({.strategy = Strategy::one_for_all, .intensity = 100});
  children.add("a").add("b", Children::backing_off());
  children.start_all();
  children.fails(1);
  EXPECT_THAT(children.done(), ElementsAre("stop a"));
  children.ends(0);
  EXPECT_THAT(children.done(), IsEmpty());
  children.now += 10 * ms;
  children.plan.look(children.now);
  children.up(0);
  EXPECT_THAT(children.done(), ElementsAre("start a", "start b"));
}

TEST(SupervisorPlan, a_new_life_begins_with_all_children_and_no_history) {
  Children children({.intensity = 1});
  children.add("a").add("once", Children::at_once(When::temporary));
  children.start_all();
  children.ends(1);
  children.fails(0);
  children.up(0);
  children.fails(0);
  ASSERT_TRUE(std::exchange(children.escalated, {}));
  children.plan.wind_up(children.now);
  ASSERT_TRUE(children.plan.has_wound_up());
  children.done();
  children.start();
  children.up(0);
  children.up(1);
  EXPECT_THAT(children.done(), ElementsAre("start a", "start once"));
  children.fails(0);
  EXPECT_FALSE(children.escalated);
}

TEST(SupervisorPlan, one_that_is_gone_is_not_started_again) {
  Three children(Strategy::one_for_all);
  children.start_all();
  children.plan.ended(2, content, true, true, children.now);
  children.fails(0);
  children.ends(1);
  children.up(0);
  children.up(1);
  EXPECT_THAT(children.done(), ElementsAre("stop b", "start a", "start b"));
  EXPECT_TRUE(children.plan.is_up());
}

// Whatever happens in whatever order: nobody is started who is alive, nobody stopped who is not, and when nothing more fails all
// come up, or all go down.
TEST(SupervisorPlan, keeps_its_promises_in_random_lives) {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto any = [&](std::uint64_t below) { return random() % below; };
    const auto strategy = static_cast<Strategy>(any(3));
    Children children(
        {.strategy = strategy, .intensity = static_cast<std::uint32_t>(any(2) != 0 ? 1000 : 3), .period = 1s});
    const std::size_t count = 1 + any(6);
    std::vector<When> whens;
    for (std::size_t i = 0; i < count; ++i) {
      whens.push_back(static_cast<When>(any(3)));
      RestartPolicy policy = any(2) != 0 ? Children::backing_off() : Children::at_once(whens[i]);
      policy.when = whens[i];
      children.add(std::to_string(i).c_str(), policy);
    }
    std::vector<bool> alive(count, false);
    std::vector<bool> told(count, false);
    const auto follow = [&] {
      for (const std::string& line : children.done()) {
        if (line.starts_with("overdue")) continue;
        const std::size_t child = std::stoul(line.substr(line.find(' ') + 1));
        if (line.starts_with("start")) {
          ASSERT_FALSE(alive[child]) << line;
          alive[child] = true;
          told[child] = false;
        } else if (line.starts_with("stop")) {
          ASSERT_TRUE(alive[child]) << line;
          told[child] = true;
        } else {
          ASSERT_FALSE(alive[child]) << line;
        }
      }
    };
    const auto end = [&](std::size_t child, bool fine) {
      alive[child] = false;
      fine ? children.ends(child) : children.fails(child);
    };
    children.start();
    follow();
    for (int event = 0; event < 200; ++event) {
      children.now += any(30) * ms;
      const std::size_t child = any(count);
      switch (any(4)) {
        case 0: children.up(child); break;
        case 1: children.plan.look(children.now); break;
        default:
          if (alive[child] && (told[child] || any(4) == 0)) end(child, any(2) == 0);
      }
      ASSERT_NO_FATAL_FAILURE(follow());
    }
    const bool stops = children.escalated || any(2) == 0;
    if (stops) children.plan.wind_up(children.now);
    for (int round = 0; round < 100; ++round) {
      children.now += 10 * ms;
      children.plan.look(children.now);
      ASSERT_NO_FATAL_FAILURE(follow());
      for (std::size_t i = 0; i < count; ++i) {
        if (alive[i] && told[i]) end(i, true);
        ASSERT_NO_FATAL_FAILURE(follow());
        if (alive[i] && !told[i]) children.up(i);
        ASSERT_NO_FATAL_FAILURE(follow());
      }
    }
    EXPECT_EQ(children.plan.has_wound_up(), stops);
    EXPECT_EQ(children.plan.is_up(), !stops);
    for (std::size_t i = 0; i < count; ++i) {
      if (stops || whens[i] == When::permanent) {
        EXPECT_EQ(alive[i], !stops) << i;
      }
    }
  }
}

}  // namespace
}  // namespace ringmail::detail

#include "ringmail/runtime/timer_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "allocation_count.hpp"
#include "ringmail/runtime/clock.hpp"

namespace ringmail::runtime {
namespace {

using Log = std::vector<std::uint64_t>;

TimerCallback record(Log& log, std::uint64_t value) {
  return {[](void* context, std::uint64_t argument) { static_cast<Log*>(context)->push_back(argument); }, &log, value};
}

TEST(Clock, never_goes_back) {
  std::uint64_t last = now_ns();
  EXPECT_GT(last, 0U);
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t now = now_ns();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(TimerQueue, an_empty_queue_has_no_deadline) {
  TimerQueue timers;
  EXPECT_EQ(timers.next_deadline_ns(), TimerQueue::never);
  EXPECT_EQ(timers.expire(1'000'000), 0U);
}

TEST(TimerQueue, runs_what_is_due_in_the_order_of_the_deadlines) {
  TimerQueue timers;
  Log log;
  for (const std::uint64_t deadline : {50U, 10U, 40U, 20U, 30U}) timers.add(deadline, record(log, deadline));
  EXPECT_EQ(timers.next_deadline_ns(), 10U);
  EXPECT_EQ(timers.expire(9), 0U);
  EXPECT_EQ(timers.expire(30), 3U);
  EXPECT_EQ(log, (Log{10, 20, 30}));
  EXPECT_EQ(timers.next_deadline_ns(), 40U);
  EXPECT_EQ(timers.expire(50), 2U);
  EXPECT_EQ(log, (Log{10, 20, 30, 40, 50}));
}

TEST(TimerQueue, equal_deadlines_run_in_the_order_they_were_added) {
  TimerQueue timers;
  Log log;
  Log expected;
  for (std::uint64_t i = 0; i < 100; ++i) {
    timers.add(7, record(log, i));
    expected.push_back(i);
  }
  timers.expire(7);
  EXPECT_EQ(log, expected);
}

TEST(TimerQueue, a_cancelled_timer_does_not_run) {
  TimerQueue timers;
  Log log;
  timers.add(1, record(log, 1));
  const TimerId second = timers.add(2, record(log, 2));
  timers.add(3, record(log, 3));
  EXPECT_TRUE(timers.cancel(second));
  EXPECT_FALSE(timers.cancel(second));
  timers.expire(3);
  EXPECT_EQ(log, (Log{1, 3}));
}

TEST(TimerQueue, cancelling_the_earliest_moves_the_next_deadline) {
  TimerQueue timers;
  Log log;
  const TimerId first = timers.add(1, record(log, 1));
  timers.add(2, record(log, 2));
  timers.cancel(first);
  EXPECT_EQ(timers.next_deadline_ns(), 2U);
}

TEST(TimerQueue, an_id_whose_slot_was_taken_again_cancels_nothing) {
  TimerQueue timers;
  Log log;
  const TimerId expired = timers.add(1, record(log, 1));
  timers.expire(1);
  const TimerId fresh = timers.add(2, record(log, 2));
  ASSERT_EQ(expired.slot, fresh.slot);
  EXPECT_FALSE(timers.cancel(expired));
  EXPECT_FALSE(timers.cancel(TimerId{}));
  EXPECT_FALSE(timers.cancel(TimerId{1, 1000}));
  EXPECT_EQ(timers.size(), 1U);
}

TEST(TimerQueue, a_deadline_of_never_does_not_come) {
  TimerQueue timers;
  Log log;
  timers.add(TimerQueue::never, record(log, 1));
  EXPECT_EQ(timers.expire(TimerQueue::never - 1), 0U);
  EXPECT_EQ(timers.size(), 1U);
}

TEST(TimerQueue, allocates_nothing_while_no_more_timers_are_pending_than_before) {
  if (!test::counts_allocations) GTEST_SKIP() << "the sanitizer has an operator new of its own";
  TimerQueue timers;
  Log log;
  log.reserve(10'000);
  timers.reserve(100);
  const std::size_t before = test::allocation_count.load();
  for (std::uint64_t now = 0; now < 10'000; ++now) {
    const TimerId id = timers.add(now + 200, record(log, now));
    timers.add(now + 90, record(log, now));
    timers.cancel(id);
    timers.expire(now);
  }
  EXPECT_EQ(test::allocation_count.load(), before);
  EXPECT_EQ(log.size(), 10'000U - 90U);
  timers.reserve(1'000);
  EXPECT_GT(test::allocation_count.load(), before) << "nothing was counted at all";
}

struct Renewal {
  TimerQueue timers;
  int runs = 0;
  TimerId id;
  bool cancelled_itself = true;
  std::uint64_t period_ns = 0;

  static void renew(void* context, std::uint64_t deadline_ns) {
    auto& self = *static_cast<Renewal*>(context);
    ++self.runs;
    self.cancelled_itself = self.timers.cancel(self.id);
    const std::uint64_t next = deadline_ns + self.period_ns;
    self.id = self.timers.add(next, {renew, context, next});
  }
};

TEST(TimerQueue, a_timer_that_renews_itself_late_runs_once_a_call) {
  Renewal renewal;
  renewal.id = renewal.timers.add(5, {Renewal::renew, &renewal, 5});
  EXPECT_EQ(renewal.timers.expire(100), 1U);
  EXPECT_EQ(renewal.timers.expire(101), 1U);
  EXPECT_EQ(renewal.runs, 2);
}

TEST(TimerQueue, a_running_timer_is_no_longer_there_to_cancel) {
  Renewal renewal;
  renewal.period_ns = 10;
  renewal.id = renewal.timers.add(5, {Renewal::renew, &renewal, 5});
  renewal.timers.expire(5);
  EXPECT_FALSE(renewal.cancelled_itself);
  EXPECT_EQ(renewal.timers.next_deadline_ns(), 15U);
}

struct CancelOther {
  TimerQueue timers;
  TimerId other;
  bool cancelled = false;
};

TEST(TimerQueue, a_callback_may_cancel_another_that_is_due) {
  CancelOther state;
  Log log;
  state.timers.add(1, {[](void* context, std::uint64_t) {
                         auto& self = *static_cast<CancelOther*>(context);
                         self.cancelled = self.timers.cancel(self.other);
                       },
                       &state, 0});
  state.other = state.timers.add(2, record(log, 2));
  EXPECT_EQ(state.timers.expire(10), 1U);
  EXPECT_TRUE(state.cancelled);
  EXPECT_TRUE(log.empty());
}

TEST(TimerQueue, agrees_with_a_sorted_map_through_random_use) {
  constexpr std::uint32_t seed = 20'240'611;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  TimerQueue timers;
  Log log;
  std::map<std::pair<std::uint64_t, std::uint64_t>, TimerId> model;  // (deadline, number) in the order they must run
  std::uint64_t now = 0;
  for (std::uint64_t number = 0; number < 20'000; ++number) {
    const std::uint64_t deadline = now + random() % 200;
    model.emplace(std::pair{deadline, number}, timers.add(deadline, record(log, number)));
    if (random() % 3 == 0) {
      auto victim = model.lower_bound({now + random() % 200, 0});
      if (victim != model.end()) {
        ASSERT_TRUE(timers.cancel(victim->second));
        model.erase(victim);
      }
    }
    if (random() % 8 == 0) {
      now += random() % 20;
      Log expected;
      while (!model.empty() && model.begin()->first.first <= now) {
        expected.push_back(model.begin()->first.second);
        model.erase(model.begin());
      }
      log.clear();
      timers.expire(now);
      ASSERT_EQ(log, expected);
    }
    ASSERT_EQ(timers.size(), model.size());
    ASSERT_EQ(timers.next_deadline_ns(), model.empty() ? TimerQueue::never : model.begin()->first.first);
  }
}

}  // namespace
}  // namespace ringmail::runtime

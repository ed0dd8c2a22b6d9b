// Actors that share a scheduler: none starves another, whatever it does short of never returning.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "test_schedulers.hpp"

namespace ringmail::runtime::test {
namespace {

constexpr std::uint64_t ms = 1'000'000;

void busy_for(std::uint64_t ns) {
  const std::uint64_t end = now_ns() + ns;
  while (now_ns() < end) {
  }
}

class BudgetTest : public testing::Test {
 protected:
  BudgetTest() { transport::test::start_watchdog(); }

  /// Which actor's message was handled, one after the other.
  std::vector<char> trace_;

  ActorId add(Schedulers& schedulers, char name, std::uint64_t takes_ns = 0) {
    return schedulers.add(0, [this, name, takes_ns](TestCell& cell) {
      cell.on_number = [this, name, takes_ns](TestCell&, std::uint64_t) {
        trace_.push_back(name);
        busy_for(takes_ns);
      };
    });
  }

  static void send(Scheduler& scheduler, ActorId to, int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(send_number(scheduler, {0, to}, static_cast<std::uint64_t>(i), far_off()));
    }
  }

  /// Lengths of the runs of one name.
  std::vector<int> runs(char name) const {
    std::vector<int> lengths;
    for (std::size_t i = 0; i < trace_.size(); ++i) {
      if (trace_[i] != name) continue;
      if (i == 0 || trace_[i - 1] != name) lengths.push_back(0);
      ++lengths.back();
    }
    return lengths;
  }
};

TEST_F(BudgetTest, an_actor_with_many_messages_handles_as_many_as_its_budget_and_lets_the_next_one) {
  Schedulers schedulers(1);
  schedulers[0].set_budget({.messages = 8, .time = std::chrono::seconds(10)});
  schedulers.start();
  const ActorId many = add(schedulers, 'm');
  const ActorId few = add(schedulers, 'f');
  schedulers.handle_on(0, [&](TestCell& self) {
    send(self.scheduler(), many, 80);
    send(self.scheduler(), few, 20);
  });
  EXPECT_TRUE(until([&] { return schedulers.counters().messages == 100; }));
  schedulers.stop();
  ASSERT_EQ(trace_.size(), 100u);
  const std::vector<int> lengths = runs('m');
  EXPECT_EQ(lengths, (std::vector<int>{8, 8, 8, 56}));
  EXPECT_EQ(runs('f'), (std::vector<int>{8, 8, 4}));
}

TEST_F(BudgetTest, an_actor_that_sends_to_itself_has_one_message_for_each_turn_of_its_neighbour) {
  Schedulers schedulers(1);
  schedulers.start();
  const ActorId ticking = schedulers.add(0, [&](TestCell& cell) {
    cell.on_number = [&](TestCell& self, std::uint64_t value) {
      trace_.push_back('t');
      if (value == 0) return;
      ASSERT_TRUE(send_number(self.scheduler(), {0, self.id()}, value - 1, far_off()));
    };
  });
  const ActorId neighbour = schedulers.add(0, [&](TestCell& cell) {
    cell.on_number = [&](TestCell& self, std::uint64_t value) {
      trace_.push_back('n');
      if (value == 0) return;
      ASSERT_TRUE(send_number(self.scheduler(), {0, self.id()}, value - 1, far_off()));
    };
  });
  schedulers.handle_on(0, [&](TestCell& self) {
    ASSERT_TRUE(send_number(self.scheduler(), {0, ticking}, 1000, far_off()));
    ASSERT_TRUE(send_number(self.scheduler(), {0, neighbour}, 1000, far_off()));
  });
  EXPECT_TRUE(until([&] { return schedulers.counters().messages == 2002; }));
  schedulers.stop();
  EXPECT_EQ(std::ranges::max(runs('t')), 1);
  EXPECT_EQ(std::ranges::max(runs('n')), 1);
}

TEST_F(BudgetTest, a_slow_actor_gives_way_after_each_message_to_the_many_of_a_quick_one) {
  Schedulers schedulers(1);
  schedulers[0].set_budget({.messages = 64, .time = std::chrono::milliseconds(1)});
  schedulers.start();
  const ActorId slow = add(schedulers, 's', 2 * ms);
  const ActorId quick = add(schedulers, 'q');
  schedulers.handle_on(0, [&](TestCell& self) {
    send(self.scheduler(), slow, 20);
    send(self.scheduler(), quick, 400);
  });
  EXPECT_TRUE(until([&] { return schedulers.counters().messages == 420; }));
  schedulers.stop();
  const std::vector<int> slow_runs = runs('s');
  // Until the quick one has nothing left.
  const auto last_quick = std::find(trace_.rbegin(), trace_.rend(), 'q') - trace_.rbegin();
  const auto slow_meanwhile = 20 - last_quick;
  for (std::size_t i = 0; i + 1 < slow_runs.size(); ++i) EXPECT_EQ(slow_runs[i], 1) << "turn " << i;
  // A disturbed measurement may end a quick turn early, but it has at least one message for each slow one.
  EXPECT_LT(slow_meanwhile, 20);
}

TEST_F(BudgetTest, a_slow_reader_of_a_ring_keeps_neither_rings_nor_timers_waiting_for_64_messages) {
  Schedulers schedulers(2);
  schedulers[0].set_budget({.messages = 64, .time = std::chrono::microseconds(100)});
  schedulers.start();
  constexpr int messages = 64;
  std::atomic<bool> go{false};
  std::atomic<int> ready{0};
  int handled_before = -1;
  int handled = 0;
  const ActorId slow = schedulers.add(0, [&](TestCell& cell) {
    cell.on_number = [&](TestCell&, std::uint64_t) {
      ++handled;
      busy_for(ms);
    };
  });
  // Its time comes within the first message of the other one.
  schedulers.add(0, [&](TestCell& cell) {
    cell.on_start = [&](TestCell& self) {
      ++ready;
      self.scheduler().sleep_until(in_ms(1));
      handled_before = handled;
    };
  });
  ASSERT_TRUE(until([&] { return ready == 1; }));
  // Keeps the thread until all of the messages lie in the ring, and the timer is due.
  schedulers[0].post([&] {
    until([&] { return go.load(); });
    busy_for(2 * ms);
  });
  schedulers.handle_on(1, [&](TestCell& self) { send(self.scheduler(), slow, messages); });
  go = true;
  EXPECT_TRUE(until([&] { return schedulers.counters(0).messages == messages; }));
  schedulers.stop();
  ASSERT_GE(handled_before, 0);
  EXPECT_LE(handled_before, 4) << "of " << messages;
}

// --- Pace

TEST(Pace, looks_after_each_message_where_they_are_slow_and_seldom_where_they_are_quick) {
  std::uint8_t pace = slowest_pace;
  EXPECT_EQ(messages_per_look(pace), 1u);
  for (int look = 0; look < 20; ++look) pace = next_pace(pace, 10, 1000);
  EXPECT_EQ(pace, quickest_pace);
  EXPECT_EQ(next_pace(pace, 500, 1000), quickest_pace);
  EXPECT_EQ(next_pace(pace, 1000, 1000), slowest_pace);
}

}  // namespace
}  // namespace ringmail::runtime::test

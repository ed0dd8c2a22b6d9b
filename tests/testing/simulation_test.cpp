#include "ringmail/testing/simulation.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>

#include "../transport/deadline.hpp"
#include "ringmail/runtime/clock.hpp"

namespace ringmail::testing {
namespace {

using namespace std::chrono_literals;

struct Add {
  int n = 0;
};
struct Get {};
struct Fail {};
struct Tick {};

class Counter : public Actor {
 public:
  void on(const Add& add) { total_ += add.n; }
  int on(const Get&) const { return total_; }
  void on(const Fail&) { throw std::runtime_error("as it was told"); }

 private:
  int total_ = 0;
};

class SimulationTest : public ::testing::Test {
 protected:
  SimulationTest() { transport::test::start_watchdog(); }
  static void end(Simulation& simulation) {
    EXPECT_TRUE(simulation.system().shutdown());
    const auto counters = simulation.system().counters();
    EXPECT_EQ(counters.sent, counters.messages + counters.dead_letters + counters.dropped);
    for (const std::string& problem : simulation.problems()) ADD_FAILURE() << problem;
  }
};

TEST_F(SimulationTest, an_ask_from_outside_is_answered) {
  Simulation simulation({.seed = 1, .schedulers = 3});
  const auto counter = simulation.system().spawn<Counter>();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(counter.send(Add{i}));
  const auto total = ask(counter, Get{}, 1s);
  ASSERT_TRUE(total);
  EXPECT_EQ(*total, 45);
  EXPECT_EQ(simulation.now(), 0s);
  end(simulation);
}

TEST_F(SimulationTest, a_sleep_of_an_hour_ends_at_the_hour_and_takes_no_time) {
  Simulation simulation;
  const auto began = std::chrono::steady_clock::now();
  const auto sleeper = simulation.system().spawn([](const Get&) {
    EXPECT_TRUE(this_actor::sleep_for(1h));
    return 1;
  });
  ASSERT_TRUE(ask(sleeper, Get{}, 2h));
  EXPECT_EQ(simulation.now(), 1h);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 1min);
  end(simulation);
}

TEST_F(SimulationTest, the_clock_stands_while_anything_can_run) {
  Simulation simulation({.schedulers = 4});
  const auto counter = simulation.system().spawn<Counter>();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(counter.send(Add{1}));
  // Not even a deadline of a nanosecond can pass before the answer.
  ASSERT_TRUE(ask(counter, Get{}, 1ns));
  EXPECT_EQ(simulation.now(), 0ns);
  end(simulation);
}

TEST_F(SimulationTest, deadlines_pass_while_there_is_work_where_turns_take_time) {
  Simulation simulation({.schedulers = 2, .turn_time = 10us});
  const auto counter = simulation.system().spawn<Counter>();
  const auto asker = simulation.system().spawn_on(1, [counter](const Get&) {
    int late = 0;
    for (int i = 0; i < 100; ++i) late += ask(counter, Get{}, 15us) ? 0 : 1;
    return late;
  });
  const auto late = ask(asker, Get{}, 1h);
  ASSERT_TRUE(late);
  EXPECT_GT(*late, 0);
  EXPECT_LT(*late, 100);
  end(simulation);
}

TEST_F(SimulationTest, advance_runs_what_is_due_and_nothing_else) {
  Simulation simulation;
  int ticks = 0;
  const auto clock = simulation.system().spawn([&ticks](const Tick&) { ++ticks; });
  const auto starter = simulation.system().spawn(
      [clock](const Get&) { static_cast<void>(this_actor::send_every(10ms, clock, Tick{})); });
  ASSERT_TRUE(ask(starter, Get{}, 1s));
  simulation.advance(99ms);
  EXPECT_EQ(ticks, 9);
  simulation.advance(1ms);
  EXPECT_EQ(ticks, 10);
  simulation.settle();
  EXPECT_EQ(ticks, 10);
  simulation.advance(1min);
  EXPECT_EQ(ticks, 6'010);
  end(simulation);
}

TEST_F(SimulationTest, hours_of_back_off_go_by) {
  Simulation simulation;
  int lives = 0;
  class Broken : public Actor {
   public:
    explicit Broken(int* lives) { ++*lives; }
    void started() override { throw std::runtime_error("not yet"); }
  };
  RestartPolicy hourly = Restart::permanent;
  hourly.first_delay = 1h;
  hourly.longest_delay = 1h;
  auto tree = supervise(simulation.system(), {.intensity = 1000, .period = 1s});
  static_cast<void>(tree.child<Broken>({.restart = hourly}, &lives));
  static_cast<void>(tree.start());
  simulation.advance(100h);
  EXPECT_GT(lives, 50);
  end(simulation);
}

TEST_F(SimulationTest, a_delayed_ring_is_late_and_loses_nothing) {
  Simulation simulation({.schedulers = 2, .faults = {.delay = 1, .longest_delay = 1s}});
  const auto counter = simulation.system().spawn_on<Counter>(0);
  const auto sender = simulation.system().spawn_on(1, [counter](const Get&) {
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(counter.send(Add{1}));
    const auto total = ask(counter, Get{}, 1h);
    return total ? *total : -1;
  });
  const auto total = ask(sender, Get{}, 1h);
  ASSERT_TRUE(total);
  EXPECT_EQ(*total, 100);
  EXPECT_GT(simulation.now(), 0s);
  simulation.set_faults({});
  end(simulation);
}

TEST_F(SimulationTest, an_actor_that_is_made_to_fail_ends_as_if_it_had_thrown) {
  Simulation simulation;
  auto tree = supervise(simulation.system(), {.intensity = 5});
  const auto counter = tree.child<Counter>({});
  static_cast<void>(tree.start());
  ASSERT_TRUE(counter.send(Add{5}));
  EXPECT_EQ(ask(counter, Get{}, 1s).value_or(-1), 5);
  simulation.fail(counter);
  simulation.advance(1s);
  EXPECT_EQ(ask(counter, Get{}, 1s).value_or(-1), 0) << "it is another one";
  end(simulation);
}

TEST_F(SimulationTest, a_full_ring_holds_its_sender_up) {
  Simulation simulation({.schedulers = 2, .ring_bytes = 4096});
  const auto counter = simulation.system().spawn_on<Counter>(0);
  const auto sender = simulation.system().spawn_on(1, [counter](const Get&) {
    int full = 0;
    for (int i = 0; i < 1000; ++i) full += counter.send(Add{1}, 0s) ? 0 : 1;
    return full;
  });
  const auto full = ask(sender, Get{}, 1s);
  ASSERT_TRUE(full);
  EXPECT_GT(*full, 0);
  simulation.settle();  // this thread's question does not take the way that the messages take
  const auto total = ask(counter, Get{}, 1s);
  ASSERT_TRUE(total);
  EXPECT_EQ(*total, 1000 - *full);
  end(simulation);
}

TEST_F(SimulationTest, a_wait_that_nothing_can_end_is_a_problem_that_names_who_waits) {
  Simulation simulation;
  const auto never = simulation.system().spawn([](const Get&) {
    static_cast<void>(this_actor::receive<Tick>(std::chrono::nanoseconds::max()));
    return 1;
  });
  const auto answer = ask(never, Get{}, std::chrono::nanoseconds::max());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error(), AskError::stopped);
  ASSERT_EQ(simulation.problems().size(), 1u);
  EXPECT_NE(simulation.problems()[0].find("waits for a message of type"), std::string::npos)
      << simulation.problems()[0];
  EXPECT_NE(simulation.problems()[0].find("Tick"), std::string::npos) << simulation.problems()[0];
  EXPECT_TRUE(simulation.system().shutdown());
}

TEST_F(SimulationTest, a_run_without_end_is_a_problem) {
  Simulation simulation({.most_turns = 10'000});
  const auto restless = simulation.system().spawn([](const Get&) {
    while (this_actor::sleep_for(1ms)) continue;
    return 1;
  });
  EXPECT_FALSE(ask(restless, Get{}, std::chrono::nanoseconds::max()));
  ASSERT_EQ(simulation.problems().size(), 1u);
  EXPECT_NE(simulation.problems()[0].find("no end after 10000 turns"), std::string::npos) << simulation.problems()[0];
}

TEST_F(SimulationTest, the_trace_says_who_took_what_and_when) {
  Simulation simulation({.schedulers = 2, .keep_trace = true});
  const auto counter = simulation.system().spawn_on<Counter>(1);
  ASSERT_TRUE(counter.send(Add{1}));
  simulation.advance(1s);
  ASSERT_TRUE(ask(counter, Get{}, 1s));
  const std::string text = simulation.trace().to_string();
  const std::size_t added = text.find("Add");
  ASSERT_NE(added, std::string::npos) << text;
  EXPECT_NE(text.find("1.000000000 s  scheduler 1", added), std::string::npos) << text;
  EXPECT_NE(text.find("Get", added), std::string::npos) << text;
  end(simulation);
}

TEST_F(SimulationTest, a_blocking_function_runs_in_place) {
  Simulation simulation;
  const auto actor =
      simulation.system().spawn([](const Get&) { return this_actor::blocking([] { return 7; }).value_or(0); });
  EXPECT_EQ(ask(actor, Get{}, 1s).value_or(-1), 7);
  end(simulation);
}

TEST_F(SimulationTest, the_thread_has_its_clock_back_afterwards) {
  const std::uint64_t before = runtime::now_ns();
  {
    Simulation simulation;
    simulation.advance(1h);
  }
  const std::uint64_t after = runtime::now_ns();
  EXPECT_GE(after, before);
  EXPECT_EQ(runtime::simulated_clock_ns, nullptr);
}

}  // namespace
}  // namespace ringmail::testing

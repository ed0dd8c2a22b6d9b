// Where actors live, and how the threads that they live on wait.
#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "../transport/deadline.hpp"
#include "log_lines.hpp"
#include "ringmail/transport/spin.hpp"
#include "tracked.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using transport::test::until;

struct Idle : Actor {
  void on(const Tick&) {}
};

struct Echo : Actor {
  Tick on(const Tick& tick) { return tick; }
};

std::uint32_t home(const auto& mailbox) { return mailbox.address().actor.thread(); }

TEST(Placement, round_robin_goes_from_scheduler_to_scheduler) {
  auto system = System::create({.schedulers = 3});
  ASSERT_TRUE(system);
  for (std::uint32_t i = 0; i < 6; ++i) EXPECT_EQ(home(system->spawn<Idle>()), i % 3);
}

TEST(Placement, on_a_scheduler_is_taken_modulo_their_number) {
  auto system = System::create({.schedulers = 3});
  ASSERT_TRUE(system);
  EXPECT_EQ(home(system->spawn_on<Idle>(1)), 1u);
  EXPECT_EQ(home(system->spawn_on<Idle>(5)), 2u);
  EXPECT_EQ(home(system->spawn_on(4, [](const Tick&) {})), 1u);
}

TEST(Placement, same_as_another_actor_is_on_its_scheduler) {
  auto system = System::create({.schedulers = 3});
  ASSERT_TRUE(system);
  auto one = system->spawn_on<Idle>(2);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(home(system->spawn_on<Idle>(same_as(one))), 2u);
}

TEST(Placement, least_loaded_fills_up_where_fewest_actors_live) {
  auto system = System::create({.schedulers = 3});
  ASSERT_TRUE(system);
  for (int i = 0; i < 10; ++i) system->spawn_on<Idle>(0);
  for (int i = 0; i < 4; ++i) system->spawn_on<Idle>(2);
  int at[3] = {10, 0, 4};
  for (int i = 0; i < 16; ++i) ++at[home(system->spawn_on<Idle>(Placement::least_loaded()))];
  EXPECT_EQ(at[0], 10);
  EXPECT_EQ(at[1], 10);
  EXPECT_EQ(at[2], 10);
}

TEST(Placement, least_loaded_avoids_a_scheduler_where_messages_wait) {
  auto system = System::create({.schedulers = 2});
  ASSERT_TRUE(system);
  std::atomic<bool> hold{true};
  std::atomic<std::uint64_t> handled{0};
  auto busy = system->spawn_on(0, [&](const Tick&) {
    ++handled;
    static_cast<void>(this_actor::sleep_for(0s));
  });
  auto source = system->spawn_on(0, [&](const Tick&) {
    for (int i = 0; i < 100'000 && hold; ++i) ASSERT_TRUE(busy.send(Tick{}));
    while (hold) this_actor::yield();
  });
  for (int i = 0; i < 4; ++i) system->spawn_on<Idle>(1);
  ASSERT_TRUE(source.send(Tick{}));
  // Shown once in each turn of the loop, while the messages wait at the busy actor.
  EXPECT_TRUE(until([&] { return system->runtime().scheduler(0).load().waiting >= 64 || handled == 100'000; }));
  if (handled < 50'000) {
    EXPECT_EQ(home(system->spawn_on<Idle>(Placement::least_loaded())), 1u);
  }
  hold = false;
  system->shutdown();
}

// --- Spinning

/// Answers from one scheduler to the other, some while both sleep.
void talk(System& system) {
  auto echo = system.spawn_on(1, [](const Tick& tick) { return tick; });
  auto asker = system.spawn_on(0, [&](const Tick& tick) {
    for (int i = 0; i < 200; ++i) EXPECT_TRUE(ask(echo, Tick{}, 20s));
    return tick;
  });
  EXPECT_TRUE(ask(asker, Tick{}, 20s));
}

TEST(LowPower, never_spins) {
  auto adaptive = System::create({.schedulers = 2});
  auto low = System::create({.schedulers = 2, .spin = SpinMode::never});
  ASSERT_TRUE(adaptive && low);
  talk(*adaptive);
  talk(*low);
  EXPECT_GT(adaptive->counters().spins, 0u);
  const auto counters = low->counters();
  EXPECT_EQ(counters.spins, 0u);
  EXPECT_GT(counters.sleeps, 0u);
  low->shutdown();
  EXPECT_EQ(low->counters().lost_wakeups, 0u);
}

TEST(MoreSchedulersThanCpus, do_not_spin_for_a_time_and_all_get_their_share) {
  const std::uint32_t count = transport::usable_cpus() + 2;
  auto system = System::create({.schedulers = count});
  ASSERT_TRUE(system);
  for (std::uint32_t i = 0; i < count; ++i) EXPECT_EQ(system->runtime().scheduler(i).longest_spin_ns(), 0u);
  std::vector<Mailbox<Echo>> actors;
  for (std::uint32_t i = 0; i < count; ++i) actors.push_back(system->spawn_on<Echo>(i));
  auto asker = system->spawn_on(0, [&](const Tick& tick) {
    for (int round = 0; round < 20; ++round) {
      for (const auto& actor : actors) EXPECT_TRUE(ask(actor, tick, 20s));
    }
    return tick;
  });
  EXPECT_TRUE(ask(asker, Tick{}, 20s));
  system->shutdown();
  EXPECT_EQ(system->counters().lost_wakeups, 0u);
}

TEST(Pinning, to_a_cpu_that_is_not_there_is_logged_and_the_scheduler_runs) {
  auto lines = std::make_shared<LogLines>();
  auto system = System::create({.schedulers = 1, .cpus = {1'000'000}, .log = log_to(lines)});
  ASSERT_TRUE(system);
  EXPECT_TRUE(lines->has("scheduler 0 is not pinned to CPU 1000000")) << lines->text();
  auto echo = system->spawn([](const Tick& tick) { return tick; });
  EXPECT_TRUE(ask(echo, Tick{}, 20s));
}

}  // namespace
}  // namespace ringmail::test

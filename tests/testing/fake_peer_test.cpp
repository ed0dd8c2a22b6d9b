#include "ringmail/testing/fake_peer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "../actors/tracked.hpp"
#include "../transport/deadline.hpp"
#include "ringmail/testing/seeds.hpp"
#include "vectors.mail.hpp"

namespace ringmail::testing {
namespace {

using namespace std::chrono_literals;
using ringmail::test::Pricer;
using ringmail::test::Quote;
using ringmail::test::Reset;
using ringmail::test::Tick;

constexpr RestartPolicy permanent{.when = RestartPolicy::When::permanent, .max_restarts = 1000};

class FakePeerTest : public ::testing::Test {
 protected:
  FakePeerTest() { transport::test::start_watchdog(); }
  static void end(Simulation& simulation) {
    EXPECT_TRUE(simulation.system().shutdown());
    for (const std::string& problem : simulation.problems()) ADD_FAILURE() << problem;
  }
};

TEST_F(FakePeerTest, answers_as_a_process_would) {
  Simulation simulation({.schedulers = 2});
  FakePeer fake(simulation, "pricer");
  fake.on<Tick>([](const Tick& tick) { return Quote{.bid = static_cast<double>(tick.time)}; });
  const auto pricer = simulation.system().spawn_peer<Pricer>({.name = "pricer"});
  ASSERT_TRUE(pricer) << pricer.error();
  const auto quote = ask(*pricer, Tick{7}, 1s);
  ASSERT_TRUE(quote) << to_string(quote.error());
  EXPECT_EQ(quote->bid, 7);
  EXPECT_EQ(fake.incarnation(), 1u);
  EXPECT_EQ(ask(*pricer, Reset{}, 1s).error(), AskError::no_handler);
  end(simulation);
  EXPECT_FALSE(fake.is_up());
}

TEST_F(FakePeerTest, messages_of_variable_length_go_into_the_ring_and_come_out_of_it) {
  using vectors::Content, vectors::Numbers, vectors::Vectors;
  Simulation simulation({.schedulers = 2});
  FakePeer fake(simulation, "vectors");
  fake.on<Numbers>([](const Numbers& numbers) {
    return Content{.id = numbers.c, .title = std::string(numbers.c, 'x'), .numbers = {numbers.d, numbers.d}};
  });
  std::vector<vectors::Options> taken;
  fake.on<vectors::Options>([&](const vectors::Options& options) { taken.push_back(options); });
  const auto peer = simulation.system().spawn_peer<Vectors>({.name = "vectors", .restart = permanent});
  ASSERT_TRUE(peer) << peer.error();
  for (std::uint32_t i = 0; i < 100; ++i) {
    const auto content = ask(*peer, Numbers{.c = i, .d = i * 3, .l = vectors::Side::bid}, 1s);
    ASSERT_TRUE(content) << to_string(content.error());
    EXPECT_EQ(*content, (Content{.id = i, .title = std::string(i, 'x'), .numbers = {i * 3, i * 3}}));
  }
  fake.die_at(1);
  ASSERT_TRUE(peer->send(vectors::Options{.a = 7, .f = "abc"}));
  EXPECT_TRUE(simulation.run_until([&] { return !taken.empty(); }, 10s));
  EXPECT_EQ(taken, (std::vector{vectors::Options{.a = 7, .f = "abc"}}));
  end(simulation);
}

TEST_F(FakePeerTest, what_does_not_fit_a_ring_is_refused) {
  Simulation simulation({.schedulers = 1});
  FakePeer fake(simulation, "vectors");
  const auto peer = simulation.system().spawn_peer<vectors::Vectors>({.name = "vectors"});
  ASSERT_TRUE(peer) << peer.error();
  const auto asker = simulation.system().spawn([peer = *peer](const Tick&) {
    const auto sent = peer.send(vectors::Grown2{.title = std::string(64 << 20, 'x')});
    return sent ? SendError::full : sent.error();
  });
  EXPECT_EQ(ask(asker, Tick{}, 10s).value(), SendError::too_long);
  end(simulation);
}

TEST_F(FakePeerTest, one_that_nobody_has_made_is_no_peer) {
  Simulation simulation;
  const auto pricer = simulation.system().spawn_peer<Pricer>({.name = "pricer"});
  ASSERT_FALSE(pricer);
  EXPECT_NE(pricer.error().find("no fake peer 'pricer'"), std::string::npos) << pricer.error();
  end(simulation);
}

TEST_F(FakePeerTest, what_it_had_in_hand_when_it_died_is_for_its_next_life) {
  Simulation simulation({.schedulers = 1});
  FakePeer fake(simulation, "pricer");
  std::vector<std::uint64_t> times;
  fake.on<Tick>([&times](const Tick& tick) {
    times.push_back(tick.time);
    return Quote{};
  });
  const auto pricer = simulation.system().spawn_peer<Pricer>({.name = "pricer", .restart = permanent});
  ASSERT_TRUE(pricer) << pricer.error();
  fake.die_at(3);
  for (std::uint64_t i = 1; i <= 5; ++i) ASSERT_TRUE(pricer->send(Tick{i}));
  EXPECT_TRUE(simulation.run_until([&] { return times.size() == 5; }, 10s));
  EXPECT_EQ(times, (std::vector<std::uint64_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(fake.taken(), 6u);
  EXPECT_EQ(fake.incarnation(), 2u);
  end(simulation);
}

TEST_F(FakePeerTest, an_ask_that_it_died_with_fails_and_monitors_are_told) {
  Simulation simulation;
  FakePeer fake(simulation, "pricer");
  fake.on<Tick>([](const Tick&) { return Quote{}; });
  const auto pricer = simulation.system().spawn_peer<Pricer>({.name = "pricer", .restart = permanent});
  ASSERT_TRUE(pricer);
  struct Watch {};
  int downs = 0;
  const auto watcher = simulation.system().spawn([pricer = *pricer](const Watch&) { this_actor::monitor(pricer); },
                                                 [&downs](const Down&) { ++downs; });
  ASSERT_TRUE(ask(watcher, Watch{}, 1s));
  ASSERT_TRUE(ask(*pricer, Tick{1}, 1s));
  fake.die_at(1);
  EXPECT_EQ(ask(*pricer, Tick{2}, 1s).error(), AskError::unreachable);
  simulation.settle();
  EXPECT_EQ(downs, 1);
  end(simulation);
}

TEST_F(FakePeerTest, one_that_is_not_restarted_has_ended) {
  Simulation simulation;
  FakePeer fake(simulation, "pricer");
  const auto pricer = simulation.system().spawn_peer<Pricer>({.name = "pricer"});
  ASSERT_TRUE(pricer);
  ASSERT_TRUE(simulation.run_until([&] { return fake.is_up(); }, 1s));
  fake.die();
  simulation.settle();
  EXPECT_EQ(pricer->send(Tick{}).error(), SendError::unreachable);
  end(simulation);
}

TEST_F(FakePeerTest, a_supervisor_restarts_it) {
  Simulation simulation;
  FakePeer fake(simulation, "pricer");
  fake.on<Tick>([](const Tick&) { return Quote{.bid = 1}; });
  auto tree = supervise(simulation.system(), {.intensity = 10});
  const auto pricer = tree.peer<Pricer>({.name = "pricer"}, {});
  ASSERT_TRUE(pricer) << pricer.error();
  static_cast<void>(tree.start());
  ASSERT_TRUE(ask(*pricer, Tick{}, 1s));
  fake.die();
  simulation.advance(1s);
  EXPECT_EQ(fake.incarnation(), 2u);
  EXPECT_TRUE(ask(*pricer, Tick{}, 1s));
  end(simulation);
}

/// Asks and sends from each scheduler while it dies again and again: each message is handled, in order, at least once.
std::expected<void, std::string> handled_once_at_least(std::uint64_t seed) {
  Simulation simulation(
      {.seed = seed, .schedulers = 1 + static_cast<std::uint32_t>(seed % 3), .faults = {.peer_death = 0.1}});
  FakePeer fake(simulation, "pricer");
  std::map<std::uint64_t, std::uint64_t> last;  // by sender
  std::string wrong;
  fake.on<Tick>([&](const Tick& tick) {
    std::uint64_t& before = last[tick.time >> 32];
    if ((tick.time & 0xffffffff) > before + 1) wrong = "a message was lost";
    before = std::max(before, tick.time & 0xffffffff);
    return Quote{};
  });
  const auto pricer = simulation.system().spawn_peer<Pricer>(
      {.name = "pricer",
       .restart = {.when = RestartPolicy::When::permanent, .max_restarts = 100'000},
       .max_attempts = 0,
       .mail_bytes = 4096});
  if (!pricer) return std::unexpected(pricer.error());
  struct Start {
    std::uint64_t who;
  };
  constexpr std::uint64_t each = 40;
  for (std::uint64_t who = 1; who <= 3; ++who) {
    const auto sender = simulation.system().spawn([pricer = *pricer, who](const Start&) {
      for (std::uint64_t i = 1; i <= each; ++i) static_cast<void>(pricer.send(Tick{who << 32 | i}, 1h));
    });
    static_cast<void>(sender.send(Start{who}));
  }
  const auto all = [&] {
    return last.size() == 3 && std::ranges::all_of(last, [](const auto& entry) { return entry.second == each; });
  };
  if (!simulation.run_until(all, 24h)) return std::unexpected("not all of them came");
  simulation.set_faults({});
  if (!simulation.system().shutdown()) return std::unexpected("no end");
  if (!simulation.problems().empty()) return std::unexpected(simulation.problems().front());
  if (!wrong.empty()) return std::unexpected(wrong);
  return {};
}

TEST_F(FakePeerTest, nothing_is_lost_by_its_deaths_whatever_the_seed) {
  const auto run = for_each_seed(40, &handled_once_at_least);
  EXPECT_TRUE(run) << run.why;
}

}  // namespace
}  // namespace ringmail::testing

#include "ringmail/testing/probe.hpp"

#include <gtest/gtest.h>

#include <string>

#include "../transport/deadline.hpp"
#include "ringmail/testing/simulation.hpp"

namespace ringmail::testing {
namespace {

using namespace std::chrono_literals;

struct Pong {
  int n = 0;
};
struct Note {
  std::string text;
};

/// The same in a simulation and in a system with threads.
class ProbeTest : public ::testing::TestWithParam<bool> {
 protected:
  ProbeTest() {
    transport::test::start_watchdog();
    if (GetParam()) {
      simulation_.emplace(SimulationOptions{.schedulers = 2});
    } else {
      real_.emplace(*System::create({.schedulers = 2}));
    }
  }
  System& system() { return GetParam() ? simulation_->system() : *real_; }

  std::optional<Simulation> simulation_;
  std::optional<System> real_;
};
INSTANTIATE_TEST_SUITE_P(Of, ProbeTest, ::testing::Bool(), [](const auto& info) {
  return info.param ? "simulation" : "threads";
});

TEST_P(ProbeTest, expects_messages_in_their_order) {
  Probe<Pong, Note> probe(system());
  ASSERT_TRUE(probe.mailbox().send(Pong{1}));
  ASSERT_TRUE(probe.mailbox().send(Note{"two"}));
  const auto pong = probe.expect<Pong>(10s);
  ASSERT_TRUE(pong) << pong.error();
  EXPECT_EQ(pong->n, 1);
  const auto note = probe.expect<Note>(10s);
  ASSERT_TRUE(note) << note.error();
  EXPECT_EQ(note->text, "two");
  system().shutdown();
}

TEST_P(ProbeTest, says_what_came_instead_and_keeps_it) {
  Probe<Pong, Note> probe(system());
  ASSERT_TRUE(probe.mailbox().send(Note{"first"}));
  const auto pong = probe.expect<Pong>(10s);
  ASSERT_FALSE(pong);
  EXPECT_NE(pong.error().find("Pong"), std::string::npos) << pong.error();
  EXPECT_NE(pong.error().find("Note came"), std::string::npos) << pong.error();
  EXPECT_TRUE(probe.expect<Note>(10s));
  system().shutdown();
}

TEST_P(ProbeTest, fishes_past_others) {
  Probe<Pong, Note> probe(system());
  ASSERT_TRUE(probe.mailbox().send(Note{"first"}));
  ASSERT_TRUE(probe.mailbox().send(Pong{2}));
  EXPECT_EQ(probe.fish<Pong>(10s)->n, 2);
  EXPECT_EQ(probe.expect<Note>(10s)->text, "first");
  system().shutdown();
}

TEST_P(ProbeTest, says_that_nothing_came) {
  Probe<Pong> probe(system());
  const auto pong = probe.expect<Pong>(1ms);
  ASSERT_FALSE(pong);
  EXPECT_NE(pong.error().find("nothing came"), std::string::npos) << pong.error();
  EXPECT_TRUE(probe.expect_none(1ms));
  ASSERT_TRUE(probe.mailbox().send(Pong{1}));
  EXPECT_FALSE(probe.expect_none(10s));
  EXPECT_EQ(probe.waiting(), 1u);
  system().shutdown();
}

TEST_P(ProbeTest, knows_who_sent) {
  Probe<Pong> probe(system());
  struct Start {};
  const auto sender = system().spawn([to = probe.mailbox()](const Start&) { static_cast<void>(to.send(Pong{3})); });
  ASSERT_TRUE(sender.send(Start{}));
  ASSERT_TRUE(probe.expect<Pong>(10s));
  EXPECT_EQ(probe.sender<std::remove_cvref_t<decltype(sender)>::Actor>(), sender);
  system().shutdown();
}

TEST(SimulatedProbeTest, waits_for_an_hour_of_the_simulation) {
  transport::test::start_watchdog();
  Simulation simulation;
  Probe<Pong> probe(simulation.system());
  struct Start {};
  const auto slow = simulation.system().spawn([to = probe.mailbox()](const Start&) {
    static_cast<void>(this_actor::sleep_for(1h));
    static_cast<void>(to.send(Pong{1}));
  });
  ASSERT_TRUE(slow.send(Start{}));
  EXPECT_TRUE(probe.expect_none(59min));
  EXPECT_TRUE(probe.expect<Pong>(1min));
  EXPECT_EQ(simulation.now(), 1h);
  simulation.system().shutdown();
}

}  // namespace
}  // namespace ringmail::testing

// Peer processes as children and as partners of links.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <future>
#include <stdexcept>

#include "../transport/deadline.hpp"
#include "log_lines.hpp"
#include "tracked.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using transport::test::until;

struct Boom {};
struct Sync {};

class SupervisedPeer : public testing::TestWithParam<std::uint32_t> {
 protected:
  SupervisedPeer() { transport::test::start_watchdog(); }
  void SetUp() override {
    auto created = System::create({.schedulers = GetParam(), .log = log_to(log_)});
    ASSERT_TRUE(created) << created.error();
    system_.emplace(std::move(*created));
  }
  void TearDown() override {
    system_->shutdown();
    EXPECT_EQ(system_->counters().lost_wakeups, 0u);
  }
  System& system() { return *system_; }
  runtime::System& runtime() { return system_->runtime(); }

  static PeerOptions echo() { return {.command = {RINGMAIL_ECHO_PEER}}; }
  bool await_incarnation(const Mailbox<Pricer>& peer, std::uint64_t number) {
    return until([&] { return runtime().incarnation(peer.address().link) == number; });
  }
  void kill(const Mailbox<Pricer>& peer) {
    const int pid = runtime().peer_pid(peer.address().link);
    ASSERT_GT(pid, 0);
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
  }

  std::shared_ptr<LogLines> log_ = std::make_shared<LogLines>();
  std::optional<System> system_;
};

INSTANTIATE_TEST_SUITE_P(Schedulers, SupervisedPeer, testing::Values(1, 2), testing::PrintToStringParamName());

class Worker : public Actor {
 public:
  explicit Worker(std::atomic<int>* lives) { ++*lives; }
  void on(const Boom&) { throw std::runtime_error("boom"); }
  void on(const Sync&) {}
};

TEST_P(SupervisedPeer, a_peer_that_is_killed_is_restarted_with_its_address) {
  auto tree = supervise(system());
  const auto peer = tree.peer<Pricer>({.name = "echo"}, echo());
  ASSERT_TRUE(peer) << peer.error();
  tree.start();
  ASSERT_TRUE(await_incarnation(*peer, 1));
  kill(*peer);
  ASSERT_TRUE(peer->send(Tick{1}));
  EXPECT_TRUE(await_incarnation(*peer, 2));
}

TEST_P(SupervisedPeer, a_peer_is_not_started_before_those_declared_before_it) {
  auto tree = supervise(system());
  std::atomic<int> lives = 0;
  struct Slow : Actor {
    explicit Slow(const std::atomic<bool>* may_start) : start(may_start) {}
    void started() override {
      while (!*start) this_actor::yield();
    }
    const std::atomic<bool>* start;
  };
  std::atomic<bool> start = false;
  tree.child<Slow>({}, &start);
  const auto peer = tree.peer<Pricer>({.name = "echo"}, echo());
  ASSERT_TRUE(peer) << peer.error();
  tree.child<Worker>({}, &lives);
  tree.start();
  ASSERT_TRUE(peer->send(Tick{1}));
  EXPECT_EQ(runtime().peer_pid(peer->address().link), 0);
  EXPECT_EQ(runtime().incarnation(peer->address().link), 0u);
  start = true;
  EXPECT_TRUE(await_incarnation(*peer, 1));
  EXPECT_TRUE(until([&] { return lives == 1; }));
}

TEST_P(SupervisedPeer, one_for_all_restarts_actors_for_a_peer_and_a_peer_for_an_actor) {
  auto tree = supervise(system(), {.strategy = Strategy::one_for_all});
  std::atomic<int> before = 0, after = 0;
  auto first = tree.child<Worker>({.name = "first"}, &before);
  const auto peer = tree.peer<Pricer>({.name = "echo"}, echo());
  ASSERT_TRUE(peer) << peer.error();
  auto last = tree.child<Worker>({.name = "last"}, &after);
  auto supervisor = tree.start();
  ASSERT_TRUE(until([&] { return after == 1; }));
  EXPECT_EQ(before, 1);
  EXPECT_EQ(runtime().incarnation(peer->address().link), 1u);

  kill(*peer);
  ASSERT_TRUE(until([&] { return after == 2; }));
  EXPECT_EQ(before, 2);
  EXPECT_EQ(runtime().incarnation(peer->address().link), 2u);

  EXPECT_FALSE(ask(first, Boom{}, 5s));
  ASSERT_TRUE(until([&] { return after == 3; }));
  EXPECT_EQ(before, 3);
  EXPECT_EQ(runtime().incarnation(peer->address().link), 3u);
  EXPECT_TRUE(ask(last, Sync{}, 5s));
  EXPECT_TRUE(peer->send(Tick{2}));

  const auto children = ask(supervisor, WhichChildren{}, 5s);
  ASSERT_TRUE(children);
  EXPECT_EQ((*children)[1].restarts, 2u);
  EXPECT_EQ((*children)[1].last_exit->kind, ExitReason::Kind::normal) << "it was stopped in order";
}

TEST_P(SupervisedPeer, rest_for_one_restarts_what_stands_on_the_one_that_failed_be_it_a_peer_or_an_actor) {
  auto tree = supervise(system(), {.strategy = Strategy::rest_for_one});
  std::atomic<int> before = 0, between = 0, after = 0;
  tree.child<Worker>({.name = "before"}, &before);
  const auto first = tree.peer<Pricer>({.name = "first"}, echo());
  ASSERT_TRUE(first) << first.error();
  const auto worker = tree.child<Worker>({.name = "between"}, &between);
  const auto second = tree.peer<Pricer>({.name = "second"}, echo());
  ASSERT_TRUE(second) << second.error();
  tree.child<Worker>({.name = "after"}, &after);
  tree.start();
  ASSERT_TRUE(until([&] { return after == 1; }));

  // A peer's death restarts the actors and the peer behind it.
  kill(*first);
  ASSERT_TRUE(until([&] { return after == 2; }));
  EXPECT_EQ(between, 2);
  EXPECT_EQ(runtime().incarnation(first->address().link), 2u);
  EXPECT_EQ(runtime().incarnation(second->address().link), 2u);

  // An actor's failure the peer and the actor behind it.
  EXPECT_FALSE(ask(worker, Boom{}, 5s));
  ASSERT_TRUE(until([&] { return after == 3; }));
  EXPECT_EQ(between, 3);
  EXPECT_EQ(runtime().incarnation(first->address().link), 2u) << "it stands before";
  EXPECT_EQ(runtime().incarnation(second->address().link), 3u);

  // And of those two the peer's death the actor.
  kill(*second);
  ASSERT_TRUE(until([&] { return after == 4; }));
  EXPECT_EQ(between, 3);
  EXPECT_EQ(before, 1);
}

TEST_P(SupervisedPeer, each_decision_is_one_line_that_says_why_and_what_comes_next) {
  auto tree = supervise(system(), {.intensity = 1});
  const auto peer = tree.peer<Pricer>({.name = "echo"}, echo());
  ASSERT_TRUE(peer) << peer.error();
  tree.start();
  ASSERT_TRUE(await_incarnation(*peer, 1));
  kill(*peer);
  ASSERT_TRUE(await_incarnation(*peer, 2));
  kill(*peer);
  EXPECT_TRUE(until([&] {
    return log_->has("supervisor: 'echo' killed by signal 9 (Killed): restart 1") &&
           log_->has("supervisor: 'echo' killed by signal 9 (Killed): given up after 1 restarts within 5 s");
  })) << log_->text();
  // The peer's own lines: down when it died, and up again when its supervisor said so.
  EXPECT_TRUE(log_->has(
      "-> settling: killed by signal 9 (Killed) (its supervisor decides); started when its supervisor says so"))
      << log_->text();
  EXPECT_TRUE(log_->has("delayed -> starting: its supervisor wants it; ")) << log_->text();
}

TEST_P(SupervisedPeer, a_peer_that_cannot_be_started_is_given_up_with_its_reason) {
  auto tree = supervise(system(), {.intensity = 2});
  PeerOptions options;
  options.command = {"/no/such/program"};
  const auto peer = tree.peer<Pricer>({.name = "none"}, options);
  ASSERT_TRUE(peer) << peer.error();
  std::promise<ExitReason> end;
  auto watcher = system().spawn([supervisor = tree.mailbox()](const Sync&) { this_actor::monitor(supervisor); },
                                [&end](const Down& down) { end.set_value(down.reason); });
  ASSERT_TRUE(ask(watcher, Sync{}, 5s));
  tree.start();
  const ExitReason reason = end.get_future().get();
  EXPECT_EQ(reason.kind, ExitReason::Kind::escalated);
  ASSERT_NE(reason.cause, nullptr);
  EXPECT_EQ(reason.cause->kind, ExitReason::Kind::not_started);
  // The peer goes with its supervisor.
  runtime().wait_for_end(peer->address().link);
}

TEST_P(SupervisedPeer, a_peer_ends_with_the_actor_that_spawned_it) {
  std::promise<std::uint32_t> link;
  auto parent = system().spawn([&link](const Sync&) {
    const auto peer = this_actor::spawn_peer<Pricer>(echo());
    ASSERT_TRUE(peer) << peer.error();
    link.set_value(peer->address().link);
  });
  ASSERT_TRUE(ask(parent, Sync{}, 5s));
  const std::uint32_t number = link.get_future().get();
  ASSERT_TRUE(runtime().wait_until_ready(number));
  parent.stop();
  EXPECT_EQ(runtime().wait_for_end(number).reason.kind, ExitReason::Kind::normal);
}

TEST_P(SupervisedPeer, who_is_linked_with_a_peer_that_is_killed_ends_and_the_other_way_round) {
  const auto peer = system().spawn_peer<Pricer>(echo());
  ASSERT_TRUE(peer) << peer.error();
  auto linked = system().spawn([peer = *peer](const Sync&) { this_actor::link(peer); }, [](const Boom&) {});
  ASSERT_TRUE(ask(linked, Sync{}, 5s));
  ASSERT_TRUE(runtime().wait_until_ready(peer->address().link));
  std::promise<ExitReason> end;
  auto watcher = system().spawn([linked](const Sync&) { this_actor::monitor(linked); },
                                [&end](const Down& down) { end.set_value(down.reason); });
  ASSERT_TRUE(ask(watcher, Sync{}, 5s));
  ASSERT_TRUE(ask(linked, Boom{}, 5s));
  kill(*peer);
  const ExitReason reason = end.get_future().get();
  EXPECT_EQ(reason.kind, ExitReason::Kind::linked);
  ASSERT_NE(reason.cause, nullptr);
  EXPECT_EQ(reason.cause->signal, SIGKILL);

  PeerOptions options = echo();
  options.name = "another";
  const auto another = system().spawn_peer<Pricer>(options);
  ASSERT_TRUE(another) << another.error();
  auto failing = system().spawn([peer = *another](const Sync&) { this_actor::link(peer); },
                                [](const Boom&) { throw std::runtime_error("boom"); });
  ASSERT_TRUE(ask(failing, Sync{}, 5s));
  EXPECT_FALSE(ask(failing, Boom{}, 5s));
  EXPECT_EQ(runtime().wait_for_end(another->address().link).reason.kind, ExitReason::Kind::normal);
}

}  // namespace
}  // namespace ringmail::test

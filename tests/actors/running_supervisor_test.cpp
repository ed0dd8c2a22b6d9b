// Children that come to a supervisor while it runs, and that are ended, restarted and deleted on request.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "ringmail/actors/actors.hpp"
#include "system_test.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using transport::test::until;
using Kind = ChildError::Kind;

struct Boom {};
struct Quit {};
struct Sync {};
struct Life {};

class Worker : public Actor {
 public:
  Worker() = default;
  explicit Worker(std::atomic<int>* lives) { ++*lives; }
  void on(const Boom&) { throw std::runtime_error("boom"); }
  void on(const Quit&) { this_actor::stop(); }
  void on(const Sync&) {}
  int on(const Life&) { return ++asked_; }  // of this life

 private:
  int asked_ = 0;
};

/// Does not get up as long as it is told so.
class Reluctant : public Actor {
 public:
  explicit Reluctant(std::atomic<bool>* refuses) : refuses_(refuses) {}
  void started() override {
    if (*refuses_) throw std::runtime_error("no");
  }
  void on(const Sync&) {}

 private:
  std::atomic<bool>* refuses_;
};

class RunningSupervisor : public SystemTest {
 protected:
  void TearDown() override {
    if (system_) system_->shutdown();  // before what actors write to
    SystemTest::TearDown();
  }
  Mailbox<Supervisor> run(Strategy strategy = Strategy::one_for_one, std::uint32_t intensity = 1000) {
    return supervise(system(), {.strategy = strategy, .intensity = intensity, .seed = 1}).start();
  }
  std::vector<ChildInfo> children(const Mailbox<Supervisor>& supervisor) {
    auto all = ask(supervisor, WhichChildren{}, 20s);
    EXPECT_TRUE(all);
    return all ? std::move(*all) : std::vector<ChildInfo>();
  }
  std::vector<std::string> names(const Mailbox<Supervisor>& supervisor) {
    std::vector<std::string> all;
    for (const ChildInfo& child : children(supervisor)) all.push_back(child.name);
    return all;
  }
  template <class A>
  bool is_nobody(const Mailbox<A>& whom) {
    return until([&] {
      const auto answer = ask(whom, Sync{}, 20s);
      return !answer && answer.error() == AskError::unreachable;
    });
  }
};

template <class T>
std::string why(const std::expected<T, ChildError>& outcome) {
  return outcome ? "" : std::string(to_string(outcome.error().kind)) + ": " + to_string(outcome.error().reason);
}

INSTANTIATE_TEST_SUITE_P(Schedulers, RunningSupervisor, testing::Values(1, 2, 4), testing::PrintToStringParamName());

TEST_P(RunningSupervisor, a_child_that_is_added_is_up_when_its_mailbox_is_there_and_is_restarted_as_others_are) {
  const auto supervisor = run();
  const auto worker = start_child<Worker>(supervisor, {.name = "w"}, 20s);
  ASSERT_TRUE(worker) << why(worker);
  const auto all = children(supervisor);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].name, "w");
  EXPECT_EQ(all[0].address, worker->address());
  EXPECT_EQ(all[0].state, ChildInfo::State::up);
  EXPECT_EQ(ask(*worker, Life{}, 20s).value(), 1);
  EXPECT_FALSE(ask(*worker, Boom{}, 20s));
  EXPECT_EQ(ask(*worker, Life{}, 20s).value(), 1);
  EXPECT_EQ(children(supervisor)[0].restarts, 1u);
}

TEST_P(RunningSupervisor, any_actor_can_ask_for_children_and_its_handler_suspends) {
  const auto supervisor = run();
  auto asker = system().spawn(
      [supervisor](const Life&) { return start_child<Worker>(supervisor, {.name = "w"}, 20s).has_value(); });
  EXPECT_TRUE(ask(asker, Life{}, 20s).value());
  EXPECT_THAT(names(supervisor), ElementsAre("w"));
}

TEST_P(RunningSupervisor, there_is_one_child_of_a_name) {
  const auto supervisor = run();
  const auto first = start_child<Worker>(supervisor, {.name = "w"}, 20s);
  ASSERT_TRUE(first) << why(first);
  const auto second = start_child<Worker>(supervisor, {.name = "w"}, 20s);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, Kind::already_started);
  EXPECT_EQ(second.error().child, first->address());
  ASSERT_TRUE(terminate_child(supervisor, "w", 20s));
  const auto third = start_child<Worker>(supervisor, {.name = "w"}, 20s);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().kind, Kind::already_present);
  ASSERT_TRUE(delete_child(supervisor, "w", 20s));
  EXPECT_TRUE(start_child<Worker>(supervisor, {.name = "w"}, 20s));
}

TEST_P(RunningSupervisor, one_that_does_not_get_up_is_forgotten_and_the_asker_is_told_why) {
  std::atomic<bool> refuses = true;
  const auto supervisor = run(Strategy::one_for_one, 0);
  const auto child = start_child<Reluctant>(supervisor, {.name = "r"}, 20s, &refuses);
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().kind, Kind::failed);
  EXPECT_EQ(to_string(child.error().reason), "failed: std::runtime_error: no");
  EXPECT_EQ(children(supervisor).size(), 0u) << "and the supervisor has not given up";
  refuses = false;
  EXPECT_TRUE(start_child<Reluctant>(supervisor, {.name = "r"}, 20s, &refuses));
  system().shutdown();
}

TEST_P(RunningSupervisor, a_child_that_is_terminated_stays_so_until_it_is_restarted_on_request) {
  std::atomic<int> lives = 0;
  const auto supervisor = run();
  const auto worker = start_child<Worker>(supervisor, {.name = "w"}, 20s, &lives);
  ASSERT_TRUE(worker) << why(worker);
  EXPECT_EQ(restart_child(supervisor, *worker, 20s).error().kind, Kind::running);
  EXPECT_EQ(delete_child(supervisor, *worker, 20s).error().kind, Kind::running);
  ASSERT_TRUE(terminate_child(supervisor, *worker, 20s));
  EXPECT_EQ(children(supervisor)[0].state, ChildInfo::State::ended);
  EXPECT_TRUE(is_nobody(*worker));
  EXPECT_TRUE(terminate_child(supervisor, *worker, 20s)) << "once more is no error";
  EXPECT_EQ(lives, 1);
  ASSERT_TRUE(restart_child(supervisor, *worker, 20s));
  EXPECT_EQ(ask(*worker, Life{}, 20s).value(), 1) << "under its address";
  EXPECT_EQ(lives, 2);
  EXPECT_EQ(children(supervisor)[0].restarts, 0u) << "of the policy";
}

TEST_P(RunningSupervisor, one_that_does_not_get_up_again_is_kept_as_it_was) {
  std::atomic<bool> refuses = false;
  const auto supervisor = run(Strategy::one_for_one, 0);
  ASSERT_TRUE(start_child<Reluctant>(supervisor, {.name = "r"}, 20s, &refuses));
  ASSERT_TRUE(terminate_child(supervisor, "r", 20s));
  refuses = true;
  EXPECT_EQ(restart_child(supervisor, "r", 20s).error().kind, Kind::failed);
  EXPECT_EQ(children(supervisor)[0].state, ChildInfo::State::ended);
  refuses = false;
  EXPECT_TRUE(restart_child(supervisor, "r", 20s));
  system().shutdown();
}

TEST_P(RunningSupervisor, a_child_that_is_deleted_is_nobody) {
  const auto supervisor = run();
  const auto worker = start_child<Worker>(supervisor, {.name = "w"}, 20s);
  ASSERT_TRUE(worker) << why(worker);
  ASSERT_TRUE(terminate_child(supervisor, "w", 20s));
  ASSERT_TRUE(delete_child(supervisor, "w", 20s));
  EXPECT_EQ(children(supervisor).size(), 0u);
  EXPECT_EQ(delete_child(supervisor, "w", 20s).error().kind, Kind::not_found);
  EXPECT_EQ(terminate_child(supervisor, *worker, 20s).error().kind, Kind::not_found);
  EXPECT_EQ(restart_child(supervisor, *worker, 20s).error().kind, Kind::not_found);
  EXPECT_TRUE(is_nobody(*worker));
}

TEST_P(RunningSupervisor, a_child_that_was_declared_can_be_ended_and_deleted_too) {
  auto tree = supervise(system());
  const auto declared = tree.child<Worker>({.name = "declared"});
  const auto supervisor = tree.start();
  ASSERT_TRUE(start_child<Worker>(supervisor, {.name = "added"}, 20s));
  EXPECT_THAT(names(supervisor), ElementsAre("declared", "added"));
  ASSERT_TRUE(terminate_child(supervisor, declared, 20s));
  ASSERT_TRUE(delete_child(supervisor, "declared", 20s));
  EXPECT_THAT(names(supervisor), ElementsAre("added"));
}

TEST_P(RunningSupervisor, one_that_is_added_is_the_last_in_order) {
  std::atomic<int> lives = 0;
  auto tree = supervise(system(), {.strategy = Strategy::rest_for_one, .intensity = 1000});
  const auto first = tree.child<Worker>({.name = "first"});
  const auto supervisor = tree.start();
  const auto added = start_child<Worker>(supervisor, {.name = "added"}, 20s, &lives);
  ASSERT_TRUE(added) << why(added);
  EXPECT_FALSE(ask(*added, Boom{}, 20s));
  EXPECT_TRUE(ask(*added, Sync{}, 20s));
  EXPECT_EQ(children(supervisor)[0].restarts, 0u);
  EXPECT_FALSE(ask(first, Boom{}, 20s));
  EXPECT_TRUE(until([&] { return lives == 3; })) << "it goes with the one before it";
  EXPECT_TRUE(ask(*added, Sync{}, 20s));
}

TEST_P(RunningSupervisor, one_that_is_terminated_comes_back_with_others_as_in_otp) {
  const auto supervisor = run(Strategy::one_for_all);
  const auto a = start_child<Worker>(supervisor, {.name = "a"}, 20s);
  const auto b = start_child<Worker>(supervisor, {.name = "b"}, 20s);
  ASSERT_TRUE(a && b);
  ASSERT_TRUE(terminate_child(supervisor, "a", 20s));
  EXPECT_FALSE(ask(*b, Boom{}, 20s));
  EXPECT_TRUE(until([&] { return ask(*a, Sync{}, 20s).has_value(); }));
}

TEST_P(RunningSupervisor, what_the_options_say_of_its_mailbox_holds_for_one_that_is_added_too) {
  struct Busy : Actor {
    void on(const Boom&) { static_cast<void>(this_actor::sleep_for(1h)); }
    int on(const Life&) { return 1; }
  };
  const auto supervisor = run();
  const auto busy = start_child<Busy>(supervisor, {.name = "busy", .reentrant = true}, 20s);
  ASSERT_TRUE(busy) << why(busy);
  ASSERT_TRUE(busy->send(Boom{}));
  EXPECT_TRUE(ask(*busy, Life{}, 20s)) << "it takes messages while a handler of it sleeps";
}

TEST_P(RunningSupervisor, children_are_counted) {
  auto tree = supervise(system());
  tree.child<Worker>({.name = "a"});
  tree.supervisor({.name = "s"}, {}).child<Worker>({});
  const auto supervisor = tree.start();
  ASSERT_TRUE(start_child<Worker>(supervisor, {.name = "b"}, 20s));
  ASSERT_TRUE(terminate_child(supervisor, "a", 20s));
  const auto counts = ask(supervisor, CountChildren{}, 20s);
  ASSERT_TRUE(counts);
  EXPECT_EQ(counts->specified, 3u);
  EXPECT_EQ(counts->active, 2u);
  EXPECT_EQ(counts->supervisors, 1u);
  EXPECT_EQ(counts->workers, 2u);
}

TEST_P(RunningSupervisor, a_supervisor_with_children_can_be_added) {
  const auto supervisor = run();
  Mailbox<Worker> leaf;
  const auto nested = start_supervisor(supervisor, {.name = "nested"}, 20s, {.intensity = 0},
                                       [&](SupervisorBuilder& tree) { leaf = tree.child<Worker>({.name = "leaf"}); });
  ASSERT_TRUE(nested) << why(nested);
  EXPECT_EQ(ask(leaf, Life{}, 20s).value(), 1);
  EXPECT_THAT(names(*nested), ElementsAre("leaf"));
  ASSERT_TRUE(start_child<Worker>(*nested, {.name = "more"}, 20s));
  EXPECT_FALSE(ask(leaf, Boom{}, 20s));
  EXPECT_EQ(ask(leaf, Life{}, 20s).value(), 1) << "it gave up and was restarted";
  EXPECT_THAT(names(*nested), ElementsAre("leaf")) << "what was added belongs to that life";
  ASSERT_TRUE(terminate_child(supervisor, "nested", 20s));
  EXPECT_TRUE(is_nobody(leaf));
}

TEST_P(RunningSupervisor, a_temporary_one_is_forgotten_when_it_ends) {
  const auto supervisor = run();
  const auto worker = start_child<Worker>(supervisor, {.name = "w", .restart = Restart::temporary}, 20s);
  ASSERT_TRUE(worker) << why(worker);
  ASSERT_TRUE(worker->send(Boom{}));
  EXPECT_TRUE(until([&] { return children(supervisor).empty(); }));
  EXPECT_TRUE(is_nobody(*worker));
}

TEST_P(RunningSupervisor, nobody_can_be_asked_for_children_of_a_supervisor_that_has_ended) {
  const auto supervisor = run();
  supervisor.stop();
  EXPECT_TRUE(until([&] {
    const auto child = start_child<Worker>(supervisor, {}, 20s);
    return !child && child.error().kind == Kind::unreachable;
  }));
  EXPECT_EQ(terminate_child(supervisor, "w", 20s).error().kind, Kind::unreachable);
  EXPECT_EQ(start_child<Worker>(Mailbox<Supervisor>(), {}, 20s).error().kind, Kind::unreachable);
}

TEST_P(RunningSupervisor, who_waits_for_a_child_is_told_when_the_supervisor_ends) {
  struct Slow : Actor {
    void started() override { static_cast<void>(this_actor::sleep_for(1h)); }
    void on(const Sync&) {}
  };
  const auto supervisor = run();
  auto outcome = std::async(std::launch::async, [&] { return start_child<Slow>(supervisor, {.name = "slow"}, 1h); });
  ASSERT_TRUE(until([&] { return !children(supervisor).empty(); }));
  supervisor.stop();
  EXPECT_EQ(outcome.get().error().kind, Kind::unreachable);
}

TEST_P(RunningSupervisor, an_asker_whose_time_is_up_is_told_so_and_the_child_starts_all_the_same) {
  struct Patient : Actor {
    explicit Patient(std::atomic<bool>* g) : go(g) {}
    void started() override {
      while (!*go && this_actor::sleep_for(1ms)) {
      }
    }
    void on(const Sync&) {}
    std::atomic<bool>* go;
  };
  std::atomic<bool> go = false;
  const auto supervisor = run();
  EXPECT_EQ(start_child<Patient>(supervisor, {.name = "p"}, 1ms, &go).error().kind, Kind::timed_out);
  go = true;
  EXPECT_TRUE(until([&] {
    const auto all = children(supervisor);
    return all.size() == 1 && all[0].state == ChildInfo::State::up;
  }));
  system().shutdown();
}

// --- Children of one kind

TEST_P(RunningSupervisor, children_of_a_template_come_and_go) {
  struct Session : Actor {
    Session(const Mailbox<Worker>& log, int number) : number_(number) { static_cast<void>(log.send(Sync{})); }
    int on(const Life&) { return number_; }
    void on(const Quit&) { this_actor::stop(); }
    void on(const Boom&) { throw std::runtime_error("boom"); }
    void on(const Sync&) {}
    int number_;
  };
  const auto log = system().spawn<Worker>();
  const auto supervisor = run(Strategy::simple_one_for_one);
  const ChildTemplate<Session, Mailbox<Worker>> sessions(supervisor, {.restart = Restart::transient}, log);
  std::vector<Mailbox<Session>> all;
  for (int i = 0; i < 50; ++i) {
    const auto session = sessions.start(20s, i);
    ASSERT_TRUE(session) << why(session);
    all.push_back(*session);
  }
  for (int i = 0; i < 50; ++i) EXPECT_EQ(ask(all[static_cast<std::size_t>(i)], Life{}, 20s).value(), i);
  EXPECT_FALSE(ask(all[7], Boom{}, 20s));
  EXPECT_EQ(ask(all[7], Life{}, 20s).value(), 7) << "restarted with its arguments";
  for (int i = 0; i < 25; ++i) ASSERT_TRUE(all[static_cast<std::size_t>(i)].send(Quit{}));
  EXPECT_TRUE(until([&] { return ask(supervisor, CountChildren{}, 20s)->specified == 25; }));
  ASSERT_TRUE(terminate_child(supervisor, all[25], 20s));
  EXPECT_EQ(ask(supervisor, CountChildren{}, 20s)->specified, 24u);
  EXPECT_EQ(restart_child(supervisor, all[25], 20s).error().kind, Kind::not_found);
}

TEST_P(RunningSupervisor, of_a_simple_one_for_one_nobody_waits_for_another_to_start) {
  // Each gets up when all three are about to.
  struct Member : Actor {
    explicit Member(std::atomic<int>* count) : starting(count) {}
    void started() override {
      ++*starting;
      while (*starting < 3 && this_actor::sleep_for(1ms)) {
      }
    }
    void on(const Sync&) {}
    std::atomic<int>* starting;
  };
  std::atomic<int> starting = 0;
  const auto supervisor = run(Strategy::simple_one_for_one);
  std::vector<std::future<std::expected<Mailbox<Member>, ChildError>>> starts;
  for (int i = 0; i < 3; ++i) {
    starts.push_back(
        std::async(std::launch::async, [&] { return start_child<Member>(supervisor, {}, 1h, &starting); }));
  }
  for (auto& start : starts) {
    const auto member = start.get();
    EXPECT_TRUE(member) << why(member);
  }
  system().shutdown();
}

TEST_P(RunningSupervisor, the_account_balances_while_threads_add_and_end_children_of_one_supervisor) {
  struct Payload {
    Token token;
  };
  struct Counted : Actor {
    void on(const Payload&) {}
    void on(const Sync&) {}
    Token token;
  };
  const auto supervisor = run(Strategy::simple_one_for_one);
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        const auto child = start_child<Counted>(supervisor, {}, 60s);
        ASSERT_TRUE(child) << why(child);
        static_cast<void>(child->send(Payload{Token(static_cast<std::uint64_t>(i))}));
        if ((i + t) % 3 == 0) {
          child->stop();  // permanent: it comes back
        }
        if (i % 2 == 0) {
          const auto ended = terminate_child(supervisor, *child, 60s);
          EXPECT_TRUE(ended) << why(ended);
        }
      }
    });
  }
  threads.clear();
  EXPECT_EQ(ask(supervisor, CountChildren{}, 20s)->specified, 200u);
}

// --- Peers

TEST_P(RunningSupervisor, a_peer_that_is_added_is_ready_when_its_mailbox_is_there_and_goes_when_it_is_terminated) {
  const auto supervisor = run();
  const auto peer = start_peer<Pricer>(supervisor, {.name = "echo"}, 60s, {.command = {RINGMAIL_ECHO_PEER}});
  ASSERT_TRUE(peer) << why(peer);
  EXPECT_GT(system().runtime().peer_pid(peer->address().link), 0);
  ASSERT_TRUE(terminate_child(supervisor, "echo", 60s));
  EXPECT_EQ(system().runtime().peer_pid(peer->address().link), 0);
  ASSERT_TRUE(peer->send(Reset{})) << "its mail waits";
  const auto again = restart_child(supervisor, *peer, 60s);
  ASSERT_TRUE(again) << why(again);
  EXPECT_EQ(system().runtime().incarnation(peer->address().link), 2u);
  ASSERT_TRUE(terminate_child(supervisor, *peer, 60s));
  ASSERT_TRUE(delete_child(supervisor, *peer, 60s));
  system().wait_for_end(*peer);
}

TEST_P(RunningSupervisor, a_peer_that_does_not_come_up_is_an_error_and_forgotten) {
  const auto supervisor = run();
  const auto peer = start_peer<Pricer>(supervisor, {.name = "none"}, 60s, {.command = {"/bin/false"}});
  ASSERT_FALSE(peer);
  EXPECT_EQ(peer.error().kind, Kind::failed) << why(peer);
  EXPECT_EQ(children(supervisor).size(), 0u);
}

}  // namespace
}  // namespace ringmail::test

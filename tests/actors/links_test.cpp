// Links, exits and their reasons, between actors of one and of several schedulers.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <random>
#include <stdexcept>

#include "ringmail/actors/actors.hpp"
#include "system_test.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using transport::test::until;

struct Boom {};
struct Quit {};
struct Sync {};

class Linked;
struct LinkTo {
  Mailbox<Linked> whom;
};
struct UnlinkFrom {
  Mailbox<Linked> whom;
};

class Linked : public Actor {
 public:
  void on(const LinkTo& to) { this_actor::link(to.whom); }
  void on(const UnlinkFrom& from) { this_actor::unlink(from.whom); }
  void on(const Boom&) { throw std::runtime_error("boom"); }
  void on(const Quit&) { this_actor::stop(); }
  void on(const Sync&) {}
};

/// Lives through the exits of those it is linked with.
class Trapper : public Actor {
 public:
  explicit Trapper(std::promise<Exit>& exit) : exit_(exit) {}
  void on(const LinkTo& to) {
    this_actor::trap_exits(true);
    this_actor::link(to.whom);
  }
  void on(const Exit& exit) { exit_.set_value(exit); }
  void on(const Sync&) {}

 private:
  std::promise<Exit>& exit_;
};

/// How an actor ended.
class End {
 public:
  template <class A>
  End(System& system, const Mailbox<A>& whom) {
    auto watcher = system.spawn([whom](const Sync&) { this_actor::monitor(whom); },
                                [this](const Down& down) { down_.set_value(down); });
    EXPECT_TRUE(ask(watcher, Sync{}, 5s));
    // Behind the monitor.
    EXPECT_TRUE(ask(whom, Sync{}, 5s));
  }
  ExitReason reason() {
    auto down = down_.get_future();
    EXPECT_EQ(down.wait_for(20s), std::future_status::ready);
    return down.get().reason;
  }

 private:
  std::promise<Down> down_;
};

class LinksTest : public SystemTest {};
INSTANTIATE_TEST_SUITE_P(Schedulers, LinksTest, testing::Values(1, 2, 4), testing::PrintToStringParamName());

TEST_P(LinksTest, who_is_linked_with_one_that_fails_ends_with_its_reason_as_the_cause) {
  auto first = system().spawn<Linked>();
  auto second = system().spawn<Linked>();
  auto third = system().spawn<Linked>();
  ASSERT_TRUE(ask(second, LinkTo{first}, 5s));
  ASSERT_TRUE(ask(third, LinkTo{second}, 5s));
  ASSERT_TRUE(ask(second, Sync{}, 5s));
  End end(system(), third);
  EXPECT_FALSE(ask(first, Boom{}, 5s));
  const ExitReason reason = end.reason();
  EXPECT_EQ(to_string(reason),
            "linked to one that failed; because linked to one that failed; because failed: std::runtime_error: boom");
  EXPECT_EQ(reason.kind, ExitReason::Kind::linked);
}

TEST_P(LinksTest, a_link_works_both_ways) {
  auto first = system().spawn<Linked>();
  auto second = system().spawn<Linked>();
  ASSERT_TRUE(ask(second, LinkTo{first}, 5s));
  End end(system(), first);
  EXPECT_FALSE(ask(second, Boom{}, 5s));
  EXPECT_EQ(end.reason().kind, ExitReason::Kind::linked);
}

TEST_P(LinksTest, a_normal_end_ends_nobody_else) {
  auto first = system().spawn<Linked>();
  auto second = system().spawn<Linked>();
  ASSERT_TRUE(ask(second, LinkTo{first}, 5s));
  End end(system(), first);
  ASSERT_TRUE(first.send(Quit{}));
  EXPECT_EQ(end.reason().kind, ExitReason::Kind::normal);
  EXPECT_TRUE(ask(second, Sync{}, 5s));
}

TEST_P(LinksTest, who_traps_exits_gets_them_as_messages_normal_ones_too) {
  std::promise<Exit> failed, ended;
  auto first = system().spawn<Linked>();
  auto second = system().spawn<Linked>();
  auto trapper = system().spawn<Trapper>(failed);
  auto another = system().spawn<Trapper>(ended);
  ASSERT_TRUE(ask(trapper, LinkTo{first}, 5s));
  ASSERT_TRUE(ask(another, LinkTo{second}, 5s));
  EXPECT_FALSE(ask(first, Boom{}, 5s));
  const Exit exit = failed.get_future().get();
  EXPECT_EQ(exit.who, first.address());
  EXPECT_EQ(exit.reason.text, "std::runtime_error: boom");
  ASSERT_TRUE(second.send(Quit{}));
  EXPECT_EQ(ended.get_future().get().reason.kind, ExitReason::Kind::normal);
  EXPECT_TRUE(ask(trapper, Sync{}, 5s));
}

TEST_P(LinksTest, after_unlink_nothing_comes_any_more) {
  auto first = system().spawn<Linked>();
  auto second = system().spawn<Linked>();
  ASSERT_TRUE(ask(second, LinkTo{first}, 5s));
  ASSERT_TRUE(ask(second, UnlinkFrom{first}, 5s));
  End end(system(), first);
  EXPECT_FALSE(ask(first, Boom{}, 5s));
  static_cast<void>(end.reason());
  EXPECT_TRUE(ask(second, Sync{}, 5s));
}

TEST_P(LinksTest, a_link_with_one_that_has_ended_counts_as_its_failure) {
  auto first = system().spawn<Linked>();
  End gone(system(), first);
  ASSERT_TRUE(first.send(Quit{}));
  static_cast<void>(gone.reason());
  auto second = system().spawn<Linked>();
  End end(system(), second);
  ASSERT_TRUE(second.send(LinkTo{first}));
  const ExitReason reason = end.reason();
  EXPECT_EQ(reason.kind, ExitReason::Kind::linked);
  ASSERT_NE(reason.cause, nullptr);
  EXPECT_EQ(reason.cause->kind, ExitReason::Kind::unreachable);
}

TEST_P(LinksTest, an_exit_ends_the_wait_of_a_suspended_handler) {
  auto first = system().spawn<Linked>();
  std::promise<WaitError> error;
  std::promise<void> asleep;
  auto sleeper = system().spawn(
      [&, first](const Boom&) {
        this_actor::link(first);
        asleep.set_value();
        const auto slept = this_actor::sleep_for(1h);
        error.set_value(slept ? WaitError::timed_out : slept.error());
        // What it fails of now explains nothing: it is ended by its link.
        throw std::logic_error("not to be seen");
      },
      [](const Sync&) {});
  End end(system(), sleeper);
  ASSERT_TRUE(sleeper.send(Boom{}));
  asleep.get_future().wait();
  ASSERT_TRUE(first.send(Boom{}));
  EXPECT_EQ(error.get_future().get(), WaitError::stopped);
  EXPECT_EQ(end.reason().kind, ExitReason::Kind::linked);
}

TEST_P(LinksTest, a_child_that_is_spawned_linked_takes_its_parent_along) {
  auto parent = system().spawn(
      [](const Boom&) {
        auto child = this_actor::spawn_linked<Linked>();
        EXPECT_TRUE(child.send(Boom{}));
      },
      [](const Sync&) {});
  End end(system(), parent);
  ASSERT_TRUE(parent.send(Boom{}));
  EXPECT_EQ(to_string(end.reason()), "linked to one that failed; because failed: std::runtime_error: boom");
}

TEST_P(LinksTest, to_trap_exits_without_a_handler_for_them_is_a_failure) {
  auto careless = system().spawn([](const Boom&) { this_actor::trap_exits(true); }, [](const Sync&) {});
  End end(system(), careless);
  EXPECT_FALSE(ask(careless, Boom{}, 5s));
  EXPECT_EQ(end.reason().kind, ExitReason::Kind::failed);
}

TEST_P(LinksTest, one_failure_ends_all_that_are_linked_in_whatever_way) {
  std::mt19937 random(transport::test::seed());
  std::atomic<int> alive = 0;
  struct Counted : Linked {
    explicit Counted(std::atomic<int>& living) : count(living) { ++count; }
    ~Counted() override { --count; }
    std::atomic<int>& count;
  };
  constexpr std::size_t many = 300;
  std::vector<Mailbox<Counted>> all;
  for (std::size_t i = 0; i < many; ++i) all.push_back(system().spawn<Counted>(alive));
  const auto as_linked = [&](const Mailbox<Counted>& one) {
    return Mailbox<Linked>(system().runtime(), one.address());
  };
  for (std::size_t i = 1; i < many; ++i) ASSERT_TRUE(ask(all[i], LinkTo{as_linked(all[random() % i])}, 5s));
  for (std::size_t i = 0; i < many; ++i) ASSERT_TRUE(ask(all[i], LinkTo{as_linked(all[random() % many])}, 5s));
  for (const auto& one : all) ASSERT_TRUE(ask(one, Sync{}, 5s));
  EXPECT_EQ(alive, static_cast<int>(many));
  ASSERT_TRUE(all[random() % many].send(Boom{}));
  EXPECT_TRUE(until([&] { return alive == 0; }));
}

// Every message is delivered or a dead letter, whoever fails when; SystemTest looks at the account.
TEST_P(LinksTest, the_account_balances_in_a_storm_of_failures) {
  struct Message {
    Token token;
    bool boom = false;
  };
  struct Stormy : Actor {
    void on(const Message& message) {
      if (message.boom) throw std::runtime_error("boom");
    }
    void on(const Mailbox<Stormy>& whom) { this_actor::link(whom); }
    void on(const Sync&) {}
  };
  std::mt19937 random(transport::test::seed());
  constexpr std::size_t many = 64;
  std::vector<Mailbox<Stormy>> all;
  for (std::size_t i = 0; i < many; ++i) all.push_back(system().spawn<Stormy>());
  auto storm = system().spawn([&](const Sync&) {
    for (int i = 0; i < 20'000; ++i) {
      Mailbox<Stormy>& one = all[random() % many];
      const auto dice = random() % 1000;
      if (dice < 20) {
        EXPECT_TRUE(one.send(Mailbox<Stormy>(all[random() % many])));
      } else if (dice < 25) {
        one.stop();
      } else {
        EXPECT_TRUE(one.send(Message{Token(static_cast<std::uint64_t>(i)), dice < 30}));
      }
      if (dice >= 990) one = system().spawn<Stormy>();
      if (dice >= 980) this_actor::yield();
    }
  });
  EXPECT_TRUE(ask(storm, Sync{}, 60s));
}

}  // namespace
}  // namespace ringmail::test

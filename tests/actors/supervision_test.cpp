// Supervisors and their children, on one scheduler and on several: who is restarted, in which order, and what becomes of mail.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <random>
#include <stdexcept>

#include "ringmail/actors/actors.hpp"
#include "system_test.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using transport::test::until;

struct Boom {};
struct Quit {};
struct Sync {};
struct Sleep {};
struct Life {};

/// What happened, in order.
class Diary {
 public:
  void write(std::string line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  /// Waits until there are as many, and takes them.
  std::vector<std::string> take(std::size_t count) {
    EXPECT_TRUE(until([&] { return lines().size() >= count; }));
    const std::lock_guard lock(mutex_);
    return std::exchange(lines_, {});
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

class Worker : public Actor {
 public:
  Worker(Diary* diary, const std::string& name) : diary_(diary), name_(name) {}
  void started() override { diary_->write("+" + name_); }
  void stopped(const ExitReason& reason) override { diary_->write((reason.is_normal() ? "-" : "!") + name_); }
  void on(const Boom&) { throw std::runtime_error("boom"); }
  void on(const Quit&) { this_actor::stop(); }
  void on(const Sync&) {}
  void on(const Sleep&) {
    diary_->write("asleep");
    if (!this_actor::sleep_for(1h)) diary_->write("woken");
  }
  int on(const Life&) { return ++asked_; }  // of this life

 private:
  Diary* diary_;
  std::string name_;
  int asked_ = 0;
};

class SupervisionTest : public SystemTest {
 protected:
  SupervisorBuilder build(Strategy strategy, std::uint32_t intensity = 1000) {
    return supervise(system(), {.strategy = strategy, .intensity = intensity, .seed = 1});
  }
  Mailbox<Worker> worker(SupervisorBuilder& tree, const char* name, ChildOptions options = {}) {
    options.name = name;
    return tree.child<Worker>(std::move(options), &diary_, name);
  }
  /// Of `whom`, which lives yet.
  template <class A>
  std::future<Down> end_of(const Mailbox<A>& whom) {
    auto promise = std::make_shared<std::promise<Down>>();
    auto watcher = system().spawn([whom](const Sync&) { this_actor::monitor(whom); },
                                  [promise](const Down& down) { promise->set_value(down); });
    EXPECT_TRUE(ask(watcher, Sync{}, 5s));
    return promise->get_future();
  }
  Diary diary_;
};

INSTANTIATE_TEST_SUITE_P(Schedulers, SupervisionTest, testing::Values(1, 2, 4), testing::PrintToStringParamName());

TEST_P(SupervisionTest, children_start_in_order_and_stop_in_reverse) {
  auto tree = build(Strategy::one_for_one);
  for (const char* name : {"a", "b", "c", "d"}) worker(tree, name);
  auto supervisor = tree.start();
  EXPECT_THAT(diary_.take(4), ElementsAre("+a", "+b", "+c", "+d"));
  auto end = end_of(supervisor);
  ASSERT_TRUE(ask(supervisor, WhichChildren{}, 5s));
  supervisor.stop();
  EXPECT_THAT(diary_.take(4), ElementsAre("-d", "-c", "-b", "-a"));
  EXPECT_EQ(end.get().reason.kind, ExitReason::Kind::normal);
}

TEST_P(SupervisionTest, shutdown_stops_in_reverse_too) {
  auto tree = build(Strategy::one_for_one);
  for (const char* name : {"a", "b", "c"}) worker(tree, name);
  tree.start();
  diary_.take(3);
  system().shutdown();
  EXPECT_THAT(diary_.take(3), ElementsAre("-c", "-b", "-a"));
}

TEST_P(SupervisionTest, an_address_and_a_name_survive_the_restart_and_the_object_does_not) {
  auto tree = build(Strategy::one_for_one);
  auto a = worker(tree, "a");
  tree.start();
  EXPECT_EQ(ask(a, Life{}, 5s).value(), 1);
  EXPECT_EQ(ask(a, Life{}, 5s).value(), 2);
  const auto failed = ask(a, Boom{}, 5s);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error(), AskError::failed);
  EXPECT_EQ(ask(a, Life{}, 5s).value(), 1);
  EXPECT_THAT(diary_.take(3), ElementsAre("+a", "!a", "+a"));
}

TEST_P(SupervisionTest, one_for_one_restarts_the_one_alone) {
  auto tree = build(Strategy::one_for_one);
  worker(tree, "a");
  auto b = worker(tree, "b");
  worker(tree, "c");
  tree.start();
  diary_.take(3);
  ASSERT_TRUE(b.send(Boom{}));
  EXPECT_THAT(diary_.take(2), ElementsAre("!b", "+b"));
}

TEST_P(SupervisionTest, one_for_all_restarts_all) {
  auto tree = build(Strategy::one_for_all);
  worker(tree, "a");
  auto b = worker(tree, "b");
  worker(tree, "c");
  tree.start();
  diary_.take(3);
  ASSERT_TRUE(b.send(Boom{}));
  EXPECT_THAT(diary_.take(6), ElementsAre("!b", "-c", "-a", "+a", "+b", "+c"));
}

TEST_P(SupervisionTest, rest_for_one_restarts_those_declared_after_it) {
  auto tree = build(Strategy::rest_for_one);
  worker(tree, "a");
  auto b = worker(tree, "b");
  worker(tree, "c");
  tree.start();
  diary_.take(3);
  ASSERT_TRUE(b.send(Boom{}));
  EXPECT_THAT(diary_.take(4), ElementsAre("!b", "-c", "+b", "+c"));
}

TEST_P(SupervisionTest, a_sibling_that_is_suspended_is_resumed_with_stopped_first) {
  auto tree = build(Strategy::one_for_all);
  auto a = worker(tree, "a");
  auto b = worker(tree, "b");
  tree.start();
  ASSERT_TRUE(a.send(Sleep{}));
  EXPECT_THAT(diary_.take(3), testing::UnorderedElementsAre("+a", "+b", "asleep"));
  ASSERT_TRUE(b.send(Boom{}));
  EXPECT_THAT(diary_.take(5), ElementsAre("!b", "woken", "-a", "+a", "+b"));
}

TEST_P(SupervisionTest, permanent_ones_return_from_a_normal_end_and_transient_ones_from_failures_alone) {
  auto tree = build(Strategy::one_for_one);
  auto permanent = worker(tree, "p");
  auto transient = worker(tree, "t", {.restart = Restart::transient});
  auto temporary = worker(tree, "x", {.restart = Restart::temporary});
  auto supervisor = tree.start();
  diary_.take(3);
  ASSERT_TRUE(permanent.send(Quit{}));
  EXPECT_THAT(diary_.take(2), ElementsAre("-p", "+p"));
  ASSERT_TRUE(transient.send(Boom{}));
  EXPECT_THAT(diary_.take(2), ElementsAre("!t", "+t"));
  ASSERT_TRUE(transient.send(Quit{}));
  ASSERT_TRUE(temporary.send(Boom{}));
  diary_.take(2);
  // Nobody waits for one that does not return.
  for (const auto& ended : {transient, temporary}) {
    EXPECT_TRUE(until([&] {
      const auto answer = ask(ended, Sync{}, 5s);
      return !answer && answer.error() == AskError::unreachable;
    }));
  }
  const auto children = ask(supervisor, WhichChildren{}, 5s);
  ASSERT_TRUE(children);
  ASSERT_EQ(children->size(), 3u);
  EXPECT_EQ((*children)[0].restarts, 1u);
  EXPECT_EQ((*children)[0].state, ChildInfo::State::up);
  EXPECT_EQ((*children)[1].name, "t");
  EXPECT_EQ((*children)[1].state, ChildInfo::State::ended);
  EXPECT_EQ((*children)[2].last_exit->text, "std::runtime_error: boom");
  EXPECT_EQ(diary_.lines().size(), 0u);
}

TEST_P(SupervisionTest, more_restarts_than_the_intensity_escalate_with_the_reason_of_the_child) {
  auto tree = build(Strategy::one_for_one, 2);
  worker(tree, "a");
  auto b = worker(tree, "b");
  auto supervisor = tree.start();
  auto end = end_of(supervisor);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(ask(b, Boom{}, 5s));
  const ExitReason reason = end.get().reason;
  EXPECT_EQ(to_string(reason),
            "escalated: 'b' is given up after 2 restarts within 5 s; because failed: std::runtime_error: boom");
  EXPECT_THAT(diary_.take(8), ElementsAre("+a", "+b", "!b", "+b", "!b", "+b", "!b", "-a"));
  EXPECT_EQ(ask(b, Sync{}, 5s).error(), AskError::unreachable);
}

TEST_P(SupervisionTest, a_nested_supervisor_that_gives_up_is_restarted_with_all_of_its_own) {
  auto tree = build(Strategy::rest_for_one);
  worker(tree, "a");
  auto nested = tree.supervisor({.name = "nested"}, {.intensity = 0});
  worker(nested, "n1");
  auto n2 = worker(nested, "n2");
  worker(tree, "z");
  auto supervisor = tree.start();
  EXPECT_THAT(diary_.take(4), ElementsAre("+a", "+n1", "+n2", "+z"));
  EXPECT_FALSE(ask(n2, Boom{}, 5s));
  EXPECT_THAT(diary_.take(6), ElementsAre("!n2", "-n1", "-z", "+n1", "+n2", "+z"));
  EXPECT_EQ(ask(n2, Life{}, 5s).value(), 1);
  const auto children = ask(supervisor, WhichChildren{}, 5s);
  ASSERT_TRUE(children);
  EXPECT_EQ(to_string((*children)[1].last_exit.value()),
            "escalated: 'n2' is given up after 0 restarts within 5 s; because failed: std::runtime_error: boom");
}

TEST_P(SupervisionTest, the_chain_of_causes_reaches_up_through_all_supervisors) {
  auto tree = build(Strategy::one_for_one, 0);
  auto nested = tree.supervisor({.name = "nested"}, {.intensity = 0});
  auto a = worker(nested, "a");
  auto end = end_of(tree.start());
  EXPECT_FALSE(ask(a, Boom{}, 5s));
  EXPECT_EQ(to_string(end.get().reason),
            "escalated: 'nested' is given up after 0 restarts within 5 s; because escalated: 'a' is given up after 0 "
            "restarts within 5 s; because failed: std::runtime_error: boom");
}

TEST_P(SupervisionTest, what_is_sent_before_the_start_waits_for_it) {
  auto tree = build(Strategy::one_for_one);
  auto a = worker(tree, "a");
  ASSERT_TRUE(a.send(Life{}));
  EXPECT_EQ(diary_.lines().size(), 0u);
  tree.start();
  EXPECT_EQ(ask(a, Life{}, 5s).value(), 2);
}

TEST_P(SupervisionTest, children_of_a_supervisor_that_is_never_started_are_nobody) {
  Mailbox<Worker> a;
  {
    auto tree = build(Strategy::one_for_one);
    a = worker(tree, "a");
    ASSERT_TRUE(a.send(Sync{}));
  }
  EXPECT_TRUE(until([&] { return ask(a, Sync{}, 10ms).error() == AskError::unreachable; }));
  // And one that is left to the end of the system.
  auto tree = build(Strategy::one_for_one);
  ASSERT_TRUE(worker(tree, "b").send(Sync{}));
  system().shutdown();
}

/// Fails at the message that says so; what it had before it, it reports.
struct Number {
  int value = 0;
  bool boom = false;
};
class Keeper : public Actor {
 public:
  explicit Keeper(Diary* diary) : diary_(diary) {}
  void on(const Number& number) {
    if (number.boom) {
      // What comes now waits behind this.
      static_cast<void>(this_actor::receive<Sync>(20s));
      throw std::runtime_error("boom");
    }
    diary_->write(std::to_string(number.value));
  }
  void on(const Sync&) {}

 private:
  Diary* diary_;
};

TEST_P(SupervisionTest, mail_that_is_kept_is_for_the_next_life_in_order_and_the_message_that_failed_is_not_repeated) {
  auto tree = build(Strategy::one_for_one);
  auto keeper = tree.child<Keeper>({.on_restart = Mail::keep}, &diary_);
  tree.start();
  ASSERT_TRUE(keeper.send(Number{0, true}));
  for (int i = 1; i <= 5; ++i) ASSERT_TRUE(keeper.send(Number{i, false}));
  ASSERT_TRUE(keeper.send(Sync{}));
  EXPECT_THAT(diary_.take(5), ElementsAre("1", "2", "3", "4", "5"));
}

TEST_P(SupervisionTest, mail_that_is_flushed_is_dead_letters_and_what_comes_later_is_not) {
  auto tree = build(Strategy::one_for_one);
  auto keeper = tree.child<Keeper>({.on_restart = Mail::flush}, &diary_);
  auto supervisor = tree.start();
  ASSERT_TRUE(keeper.send(Number{0, true}));
  for (int i = 1; i <= 5; ++i) ASSERT_TRUE(keeper.send(Number{i, false}));
  const auto before = system().counters().dead_letters;
  ASSERT_TRUE(keeper.send(Sync{}));
  EXPECT_TRUE(until([&] {
    const auto children = ask(supervisor, WhichChildren{}, 5s);
    return children && children->front().restarts == 1;
  }));
  ASSERT_TRUE(keeper.send(Number{6, false}));
  EXPECT_THAT(diary_.take(1), ElementsAre("6"));
  EXPECT_EQ(system().counters().dead_letters, before + 5);
}

TEST_P(SupervisionTest, an_ask_that_waits_at_one_whose_mail_is_flushed_fails_at_once) {
  auto tree = build(Strategy::one_for_one);
  auto keeper = tree.child<Keeper>({.on_restart = Mail::flush}, &diary_);
  tree.start();
  ASSERT_TRUE(keeper.send(Number{0, true}));
  std::promise<AskError> told;
  std::atomic<bool> asking = false;
  auto asker = system().spawn([&](const Boom&) {
    asking = true;
    told.set_value(ask(keeper, Number{1, false}, 1h).error());
  });
  ASSERT_TRUE(asker.send(Boom{}));
  ASSERT_TRUE(until([&] { return asking.load(); }));
  // Whichever comes first, the question or this: it is told, or answered by the next life's handler being there for it.
  const auto order = ask(asker, Boom{}, 1ms);
  EXPECT_FALSE(order);
  ASSERT_TRUE(keeper.send(Sync{}));
  auto error = told.get_future();
  ASSERT_EQ(error.wait_for(20s), std::future_status::ready);
  EXPECT_EQ(error.get(), AskError::unreachable);
  system().shutdown();  // before what the asker writes to goes
}

TEST_P(SupervisionTest, what_an_earlier_life_left_to_be_done_with_an_answer_is_not_done) {
  struct Asker : Actor {
    Asker(Mailbox<Keeper> asked, std::atomic<int>* continued) : whom(asked), done(continued) {}
    void on(const Life&) {
      this_actor::ask_then(whom, Number{1, false}, 1h, [this](const auto&) { ++*done; });
    }
    void on(const Boom&) { throw std::runtime_error("boom"); }
    void on(const Sync&) {}
    Mailbox<Keeper> whom;
    std::atomic<int>* done;
  };
  std::atomic<int> done = 0;
  auto keeper = system().spawn<Keeper>(&diary_);
  ASSERT_TRUE(keeper.send(Number{0, true}));
  auto tree = build(Strategy::one_for_one);
  auto asker = tree.child<Asker>({}, keeper, &done);
  tree.start();
  ASSERT_TRUE(ask(asker, Life{}, 5s));
  EXPECT_FALSE(ask(asker, Boom{}, 5s));
  ASSERT_TRUE(ask(asker, Sync{}, 5s));
  // Its questions are refused now: the one that was asked before it has failed.
  ASSERT_TRUE(keeper.send(Sync{}));
  EXPECT_TRUE(until([&] { return !ask(keeper, Sync{}, 5s); }));
  ASSERT_TRUE(ask(asker, Sync{}, 5s));
  EXPECT_EQ(done, 0);
}

TEST_P(SupervisionTest, one_whose_constructor_throws_has_failed) {
  struct Broken : Actor {
    explicit Broken(std::atomic<int>* attempts) {
      if (++*attempts < 3) throw std::runtime_error("not yet");
    }
    void on(const Sync&) {}
  };
  std::atomic<int> attempts = 0;
  auto tree = build(Strategy::one_for_one);
  auto broken = tree.child<Broken>({}, &attempts);
  tree.start();
  EXPECT_TRUE(ask(broken, Sync{}, 20s));
  EXPECT_EQ(attempts, 3);
}

TEST_P(SupervisionTest, a_supervisor_can_be_a_child_of_an_actor_and_ends_with_it) {
  Diary* diary = &diary_;
  auto parent = system().spawn([diary](const Sync&) {
    auto tree = this_actor::supervise();
    tree.child<Worker>({}, diary, "a");
    tree.child<Worker>({}, diary, "b");
    tree.start();
    // And one that is never started.
    auto other = this_actor::supervise();
    other.child<Worker>({}, diary, "never");
  });
  ASSERT_TRUE(ask(parent, Sync{}, 5s));
  EXPECT_THAT(diary_.take(2), ElementsAre("+a", "+b"));
  auto end = end_of(parent);
  parent.stop();
  end.get();
  EXPECT_THAT(diary_.take(2), ElementsAre("-b", "-a"));
}

TEST_P(SupervisionTest, functions_can_be_children_and_begin_anew) {
  auto tree = build(Strategy::one_for_one);
  auto counter = tree.child(
      {}, [count = 0](const Life&) mutable { return ++count; }, [](const Boom&) { throw std::runtime_error("boom"); });
  tree.start();
  EXPECT_EQ(ask(counter, Life{}, 5s).value(), 1);
  EXPECT_FALSE(ask(counter, Boom{}, 5s));
  EXPECT_EQ(ask(counter, Life{}, 5s).value(), 1);
}

TEST_P(SupervisionTest, links_and_monitors_end_with_the_life_they_were_made_in) {
  auto tree = build(Strategy::one_for_one);
  auto a = worker(tree, "a");
  tree.start();
  auto linked = system().spawn([a](const Sync&) { this_actor::link(a); }, [](const Life&) {});
  ASSERT_TRUE(ask(linked, Sync{}, 5s));
  auto end = end_of(linked);
  auto down = end_of(a);
  ASSERT_TRUE(ask(a, Sync{}, 5s));
  EXPECT_FALSE(ask(a, Boom{}, 5s));
  EXPECT_EQ(to_string(end.get().reason), "linked to one that failed; because failed: std::runtime_error: boom");
  EXPECT_EQ(down.get().who, a.address());
  EXPECT_TRUE(ask(a, Sync{}, 5s));
}

// Trees of every strategy whose actors fail at random while mail goes to all of them. Each message is delivered or a dead letter
// (SystemTest), each actor works again in the end, and no restart leaves an object behind.
TEST_P(SupervisionTest, the_account_balances_in_a_storm_of_restarts) {
  struct Message {
    Token token;
    bool boom = false;
  };
  struct Stormy : Actor {
    void on(const Message& message) {
      if (message.boom) throw std::runtime_error("boom");
    }
    void on(const Sync&) {}
    // A stop may come before it, and then it is for the next life.
    void on(const Sleep&) { static_cast<void>(this_actor::sleep_for(20ms)); }
    void on(const Mailbox<Stormy>& whom) { this_actor::link(whom); }
    Token token;
  };
  std::mt19937 random(transport::test::seed());
  const SupervisorOptions root{.strategy = Strategy::one_for_one, .intensity = 1'000'000};
  auto tree = supervise(system(), root);
  std::vector<Mailbox<Stormy>> all;
  RestartPolicy at_once = Restart::permanent;
  at_once.longest_delay = at_once.first_delay = 0ms;
  for (const Strategy strategy : {Strategy::one_for_one, Strategy::one_for_all, Strategy::rest_for_one}) {
    for (const std::uint32_t intensity : {3u, 1'000'000u}) {
      auto nested = tree.supervisor({.restart = at_once}, {.strategy = strategy, .intensity = intensity});
      for (int i = 0; i < 5; ++i) {
        all.push_back(nested.child<Stormy>({.restart = at_once, .on_restart = i % 2 == 0 ? Mail::keep : Mail::flush}));
      }
    }
  }
  tree.start();
  auto storm = system().spawn([&](const Sync&) {
    for (int i = 0; i < 5'000; ++i) {
      const Mailbox<Stormy>& one = all[random() % all.size()];
      const auto dice = random() % 1000;
      if (dice < 5) {
        EXPECT_TRUE(one.send(Sleep{}));
        one.stop();
      } else if (dice < 10) {
        EXPECT_TRUE(one.send(Mailbox<Stormy>(all[random() % all.size()])));
      } else {
        EXPECT_TRUE(one.send(Message{Token(static_cast<std::uint64_t>(i)), dice < 40}));
      }
      if (dice >= 980) this_actor::yield();
    }
  });
  EXPECT_TRUE(ask(storm, Sync{}, 60s));
  for (const auto& one : all) {
    EXPECT_TRUE(until([&] { return ask(one, Sync{}, 5s).has_value(); }));
  }
}

}  // namespace
}  // namespace ringmail::test

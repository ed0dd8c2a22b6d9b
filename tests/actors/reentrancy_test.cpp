#include <gtest/gtest.h>

#include <thread>

#include "system_test.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using transport::test::until;

/// Answers what it was asked, once it is open.
struct Gate : Actor {
  Later<std::uint64_t> on(const Tick& tick) {
    waiting_.push_back({tick.time, this_actor::promise<std::uint64_t>()});
    return {};
  }
  void on(const Reset&) {
    // The last one first.
    for (; !waiting_.empty(); waiting_.pop_back()) waiting_.back().promise.fulfil(waiting_.back().number);
  }
  std::uint64_t on(const Quote&) const { return waiting_.size(); }

  struct Waiting {
    std::uint64_t number;
    Promise<std::uint64_t> promise;
  };
  std::vector<Waiting> waiting_;
};

struct Notes {
  std::atomic<int> begun{0};
  std::atomic<int> ended{0};
  std::atomic<int> stopped{0};
  std::atomic<bool> is_over{false};
};

/// Passes questions on to the gate.
struct Broker : Actor {
  Broker(Mailbox<Gate> gate, Notes* notes) : gate_(gate), notes_(notes) {}
  std::uint64_t on(const Tick& tick) {
    ++notes_->begun;
    const auto answer = ask(gate_, tick, 60s);
    ++notes_->ended;
    if (!answer && answer.error() == AskError::stopped) ++notes_->stopped;
    return answer.value_or(0);
  }
  std::uint64_t on(const Reset&) { return static_cast<std::uint64_t>(notes_->begun - notes_->ended); }
  void on(const Token&) { throw std::runtime_error("it breaks"); }
  void stopped(const ExitReason&) override { notes_->is_over = true; }

  Mailbox<Gate> gate_;
  Notes* notes_;
};

class ReentrancyTest : public SystemTest {
 protected:
  void SetUp() override {
    SystemTest::SetUp();
    gate_ = system().spawn_on<Gate>(1);
  }
  Mailbox<Broker> spawn_broker(bool reentrant) {
    return system().spawn_with<Broker>({.scheduler = 0, .reentrant = reentrant}, gate_, &notes_);
  }
  /// So many handlers of the broker are suspended.
  void suspend(const Mailbox<Broker>& broker, int count) {
    for (int i = 0; i < count; ++i) EXPECT_TRUE(broker.send(Tick{1}));
    EXPECT_TRUE(until([&] { return ask(gate_, Quote{}, 20s) == static_cast<std::uint64_t>(count); }));
  }

  Mailbox<Gate> gate_;
  Notes notes_;
};

INSTANTIATE_TEST_SUITE_P(Schedulers, ReentrancyTest, testing::Values(1, 3), testing::PrintToStringParamName());

TEST_P(ReentrancyTest, a_suspended_actor_takes_other_messages_if_it_was_spawned_so) {
  const auto broker = spawn_broker(true);
  suspend(broker, 1);
  EXPECT_EQ(ask(broker, Reset{}, 20s), 1u);
  ASSERT_TRUE(gate_.send(Reset{}));
  EXPECT_TRUE(until([&] { return ask(broker, Reset{}, 20s) == 0u; }));
}

TEST_P(ReentrancyTest, else_it_does_not) {
  const auto broker = spawn_broker(false);
  suspend(broker, 1);
  EXPECT_EQ(ask(broker, Reset{}, 20ms).error(), AskError::timed_out);
  ASSERT_TRUE(gate_.send(Reset{}));
  EXPECT_EQ(ask(broker, Reset{}, 20s), 0u);
}

TEST_P(ReentrancyTest, each_handler_answers_who_asked_it_whatever_the_order_of_their_ends) {
  constexpr int count = 100;
  const auto broker = spawn_broker(true);
  std::atomic<int> right = 0;
  for (std::uint64_t i = 1; i <= count; ++i) {
    const auto one = system().spawn([broker, i, &right](const Tick&) {
      if (ask(broker, Tick{i}, 60s) == i) ++right;
      this_actor::stop();
    });
    ASSERT_TRUE(one.send(Tick{}));
  }
  EXPECT_TRUE(until([&] { return ask(gate_, Quote{}, 20s) == std::uint64_t{count}; }));
  ASSERT_TRUE(gate_.send(Reset{}));
  EXPECT_TRUE(until([&] { return right == count; }));
  system().shutdown();
}

TEST_P(ReentrancyTest, two_actors_may_ask_each_other_meanwhile) {
  struct Partner : Actor {
    void on(const Mailbox<Partner>& other) { other_ = other; }
    std::uint64_t on(const Tick& tick) {
      return tick.time == 0 ? 1 : 1 + ask(other_, Tick{tick.time - 1}, 20s).value_or(1000);
    }
    Mailbox<Partner> other_;
  };
  const auto one = system().spawn_with<Partner>({.scheduler = 0, .reentrant = true});
  const auto other = system().spawn_with<Partner>({.scheduler = 1, .reentrant = true});
  ASSERT_TRUE(one.send(other));
  ASSERT_TRUE(other.send(one));
  EXPECT_EQ(ask(one, Tick{20}, 20s), 21u);
}

TEST_P(ReentrancyTest, a_stop_ends_every_wait_and_the_actor_ends_with_the_last_handler) {
  const auto broker = spawn_broker(true);
  suspend(broker, 3);
  broker.stop();
  EXPECT_TRUE(until([&] { return notes_.is_over.load(); }));
  EXPECT_EQ(notes_.stopped, 3);
  EXPECT_EQ(notes_.ended, 3);
  system().shutdown();
}

TEST_P(ReentrancyTest, so_does_the_failure_of_one_handler) {
  const auto broker = spawn_broker(true);
  suspend(broker, 3);
  ASSERT_TRUE(broker.send(Token()));
  EXPECT_TRUE(until([&] { return notes_.is_over.load(); }));
  EXPECT_EQ(notes_.stopped, 3);
  system().shutdown();
}

TEST_P(ReentrancyTest, what_comes_before_it_has_started_waits) {
  struct Starting : Actor {
    explicit Starting(Mailbox<Gate> gate) : gate_(gate) {}
    void started() override {
      static_cast<void>(ask(gate_, Tick{1}, 60s));
      ready_ = true;
    }
    bool on(const Tick&) const { return ready_; }
    Mailbox<Gate> gate_;
    bool ready_ = false;
  };
  const auto starting = system().spawn_with<Starting>({.scheduler = 0, .reentrant = true}, gate_);
  EXPECT_TRUE(until([&] { return ask(gate_, Quote{}, 20s) == 1u; }));
  EXPECT_EQ(ask(starting, Tick{}, 20ms).error(), AskError::timed_out);
  ASSERT_TRUE(gate_.send(Reset{}));
  EXPECT_EQ(ask(starting, Tick{}, 20s), true);
}

TEST_P(ReentrancyTest, handlers_that_wait_for_the_same_message_get_it_in_their_order) {
  struct Waiting : Actor {
    std::uint64_t on(const Tick&) {
      ++waiting_;
      const auto token = this_actor::receive<Token>(20s);
      return token ? token->number() : 99;
    }
    void on(const Token&) {}
    int on(const Reset&) const { return waiting_; }
    int waiting_ = 0;
  };
  const auto waiting = system().spawn_with<Waiting>({.scheduler = 0, .reentrant = true});
  const auto pair =
      system().spawn_on(1, [waiting](const Tick&) { return ask_all(std::array{waiting, waiting}, Tick{}, 20s); });
  std::thread asking([&] {
    const auto both = ask(pair, Tick{}, 20s);
    ASSERT_TRUE(both);
    EXPECT_EQ((*both)[0], 1u);
    EXPECT_EQ((*both)[1], 2u);
  });
  EXPECT_TRUE(until([&] { return ask(waiting, Reset{}, 20s) == 2; }));
  ASSERT_TRUE(waiting.send(Token(1)));
  ASSERT_TRUE(waiting.send(Token(2)));
  asking.join();
}

TEST_P(ReentrancyTest, thousands_come_and_go_in_any_order) {
  constexpr std::uint64_t count = 3000;
  struct Napper : Actor {
    std::uint64_t on(const Tick& tick) {
      for (std::uint64_t i = 0; i < tick.time % 4; ++i) this_actor::yield();
      if (tick.time % 3 == 0) static_cast<void>(this_actor::sleep_for(std::chrono::microseconds(tick.time % 7)));
      return tick.time;
    }
  };
  const auto napper = system().spawn_with<Napper>({.scheduler = 0, .reentrant = true});
  std::atomic<std::uint64_t> right = 0;
  const auto asker = system().spawn_on(1, [napper, &right](const Tick&) {
    for (std::uint64_t i = 0; i < count; ++i) {
      this_actor::ask_then(napper, Tick{i}, 60s, [i, &right](const auto& answer) { right += answer == i ? 1u : 0u; });
    }
  });
  ASSERT_TRUE(asker.send(Tick{}));
  EXPECT_TRUE(until([&] { return right == count; }));
  system().shutdown();
}

}  // namespace
}  // namespace ringmail::test

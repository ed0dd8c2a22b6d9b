#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <semaphore>
#include <thread>
#include <vector>

#include "system_test.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using transport::test::until;

class ShutdownTest : public SystemTest {};

INSTANTIATE_TEST_SUITE_P(Schedulers, ShutdownTest, testing::Values(1, 3), testing::PrintToStringParamName());

struct Begin {};

/// An actor of each kind of wait, and what its wait ended with.
class Waiting : public Actor {
 public:
  enum class Kind { sleep, receive, ask };

  Waiting(Kind kind, std::atomic<int>& begun, std::atomic<int>& ended) : kind_(kind), begun_(begun), ended_(ended) {}

  void on(const Begin&) {
    ++begun_;
    switch (kind_) {
      case Kind::sleep: EXPECT_EQ(this_actor::sleep_for(1h).error(), WaitError::stopped); break;
      case Kind::receive: EXPECT_EQ(this_actor::receive<Tick>(1h).error(), WaitError::stopped); break;
      case Kind::ask: {
        auto deaf = this_actor::mailbox<Waiting>();  // it is busy: with this
        EXPECT_EQ(ask(deaf, Token(1), 1h).error(), AskError::stopped);
        break;
      }
    }
    // From here on there is no waiting.
    EXPECT_EQ(this_actor::sleep_for(1h).error(), WaitError::stopped);
    ++ended_;
  }
  void on(const Tick&) {}
  Token on(const Token& token) { return token; }

 private:
  Kind kind_;
  std::atomic<int>& begun_;
  std::atomic<int>& ended_;
};

constexpr Waiting::Kind kinds[] = {Waiting::Kind::sleep, Waiting::Kind::receive, Waiting::Kind::ask};

TEST_P(ShutdownTest, stop_ends_every_kind_of_wait_and_what_waits_behind_it_is_dead) {
  std::atomic<int> begun{0};
  std::atomic<int> ended{0};
  for (const auto kind : kinds) {
    auto actor = system().spawn<Waiting>(kind, begun, ended);
    ASSERT_TRUE(actor.send(Begin{}));
    ASSERT_TRUE(until([&] { return begun == ended + 1; }));
    const auto before = system().counters().dead_letters;
    for (std::uint64_t i = 0; i < 5; ++i) ASSERT_TRUE(actor.send(Token(i)));
    actor.stop();
    ASSERT_TRUE(until([&] { return begun == ended; }));
    EXPECT_EQ(ask(actor, Token(), 20s).error(), AskError::unreachable);
    EXPECT_EQ(system().counters().dead_letters, before + 5 + (kind == Waiting::Kind::ask ? 1 : 0) + 1);
  }
}

TEST_P(ShutdownTest, shutdown_ends_every_kind_of_wait) {
  std::atomic<int> begun{0};
  std::atomic<int> ended{0};
  for (const auto kind : kinds) {
    for (int i = 0; i < 4; ++i) {
      auto actor = system().spawn<Waiting>(kind, begun, ended);
      ASSERT_TRUE(actor.send(Begin{}));
      ASSERT_TRUE(actor.send(Token(1)));
    }
  }
  ASSERT_TRUE(until([&] { return begun == 12; }));
  system().shutdown();
  EXPECT_EQ(ended, 12);
}

TEST_P(ShutdownTest, shutdown_ends_a_wait_in_started_and_the_actor_takes_no_message) {
  std::atomic<bool> begun{false};
  struct Starting : Actor {
    explicit Starting(std::atomic<bool>& begun) : begun_(begun) {}
    void started() override {
      begun_ = true;
      EXPECT_EQ(this_actor::sleep_for(1h).error(), WaitError::stopped);
    }
    void on(const Token&) { ADD_FAILURE() << "a message after the end"; }
    std::atomic<bool>& begun_;
  };
  auto actor = system().spawn<Starting>(begun);
  ASSERT_TRUE(actor.send(Token(1)));
  ASSERT_TRUE(until([&] { return begun.load(); }));
  system().shutdown();
  EXPECT_EQ(system().counters().dead_letters, 1u);
}

TEST_P(ShutdownTest, shutdown_ends_a_wait_for_room) {
  if (GetParam() == 1) GTEST_SKIP() << "there is no ring";
  std::atomic<bool> sending{false};
  std::atomic<bool> full{false};
  std::atomic<bool> over{false};
  struct Sink : Actor {
    Sink(std::atomic<bool>& sending, std::atomic<bool>& over) : sending_(sending), over_(over) {}
    void on(const Token&) {}
    // Keeps its whole thread, so that nothing is taken out of its rings.
    void on(const Begin&) {
      sending_ = true;
      until([&] { return over_.load(); });
    }
    std::atomic<bool>& sending_;
    std::atomic<bool>& over_;
  };
  auto sink = system().spawn_on<Sink>(0, sending, over);
  ASSERT_TRUE(sink.send(Begin{}));
  ASSERT_TRUE(until([&] { return sending.load(); }));
  struct Sender : Actor {
    Sender(Mailbox<Sink> to, std::atomic<bool>& full, std::atomic<bool>& over) : to_(to), full_(full), over_(over) {}
    void on(const Begin&) {
      // One without a wait shows that the next will be one.
      while (to_.send(Token(1), 0s)) {
      }
      full_ = true;
      const auto sent = to_.send(Token(2), 1h);
      EXPECT_EQ(sent ? SendError::full : sent.error(), SendError::stopped);
      over_ = true;
    }
    Mailbox<Sink> to_;
    std::atomic<bool>& full_;
    std::atomic<bool>& over_;
  };
  auto sender = system().spawn_on<Sender>(1, sink, full, over);
  ASSERT_TRUE(sender.send(Begin{}));
  ASSERT_TRUE(until([&] { return full.load(); }));
  system().shutdown();
  EXPECT_TRUE(over);
}

TEST_P(ShutdownTest, stopped_runs_once_and_what_it_sends_is_accounted_for) {
  std::atomic<int> stopped{0};
  struct Last : Actor {
    Last(std::atomic<int>& stopped, std::optional<Mailbox<Last>> other) : stopped_(stopped), other_(other) {}
    void on(const Token&) {}
    void stopped(const ExitReason& reason) override {
      EXPECT_EQ(reason.kind, ExitReason::Kind::normal);
      ++stopped_;
      if (other_) static_cast<void>(other_->send(Token(1)));
    }
    std::atomic<int>& stopped_;
    std::optional<Mailbox<Last>> other_;
  };
  auto previous = system().spawn<Last>(stopped, std::nullopt);
  for (int i = 0; i < 9; ++i) previous = system().spawn<Last>(stopped, previous);
  system().shutdown();
  EXPECT_EQ(stopped, 10);
  EXPECT_EQ(system().counters().sent, 9u);
}

TEST_P(ShutdownTest, plain_threads_in_the_middle_of_it_get_an_error_and_none_hangs) {
  auto echo = system().spawn([](const Token& token) { return token; });
  std::vector<std::thread> threads;
  std::atomic<std::uint64_t> calls{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      while (true) {
        ++calls;
        if (i % 2 == 0) {
          if (!echo.send(Token(1))) return;
        } else {
          const auto answer = ask(echo, Token(2), 20s);
          if (!answer) {
            EXPECT_TRUE(answer.error() == AskError::unreachable || answer.error() == AskError::stopped);
            if (answer.error() == AskError::unreachable) return;
          }
        }
        // An actor that has ended takes messages for dead letters; the system that has ended takes none.
        auto late = system().spawn([](const Tick&) {});
        if (!late.address()) return;
      }
    });
  }
  ASSERT_TRUE(until([&] { return calls > 200; }));
  system().shutdown();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(echo.send(Token(1)).error(), SendError::unreachable);
  EXPECT_EQ(ask(echo, Token(1), 20s).error(), AskError::unreachable);
}

TEST_P(ShutdownTest, a_system_that_was_never_used_ends) {
  system().shutdown();
  system().shutdown();
}

}  // namespace
}  // namespace ringmail::test

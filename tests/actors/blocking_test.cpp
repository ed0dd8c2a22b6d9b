#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>

#include "../transport/deadline.hpp"
#include "tracked.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using transport::test::until;

struct Go {};

class BlockingTest : public testing::Test {
 protected:
  BlockingTest() { transport::test::start_watchdog(); }

  void start(const BlockingOptions& blocking) {
    auto created = System::create({.schedulers = 1, .blocking = blocking});
    ASSERT_TRUE(created) << created.error();
    system_.emplace(std::move(*created));
  }
  System& system() { return *system_; }

  /// Runs `body` in a handler, and waits for it.
  template <class Body>
  void in_handler(Body body) {
    auto actor = system().spawn([body = std::move(body)](const Go&) { body(); });
    const auto done = ask(actor, Go{}, 20s);
    EXPECT_TRUE(done) << to_string(done.error());
  }

  std::optional<System> system_;
};

TEST_F(BlockingTest, others_on_the_scheduler_run_while_a_handler_waits_for_its_function) {
  start({});
  std::binary_semaphore neighbour_ran(0);
  std::atomic<bool> blocks{false};
  std::atomic<bool> done{false};
  auto blocker = system().spawn([&](const Go&) {
    EXPECT_TRUE(this_actor::blocking([&] {
      blocks = true;
      neighbour_ran.acquire();
    }));
    done = true;
  });
  auto neighbour = system().spawn([&](const Go&) { neighbour_ran.release(); });
  ASSERT_TRUE(blocker.send(Go{}));
  ASSERT_TRUE(until([&] { return blocks.load(); }));
  // It returns only because the neighbour runs on the thread that the blocker would have kept.
  ASSERT_TRUE(neighbour.send(Go{}));
  EXPECT_TRUE(until([&] { return done.load(); }));
  system().shutdown();
}

TEST_F(BlockingTest, what_the_function_returns_comes_back_whatever_it_is) {
  start({});
  in_handler([] {
    EXPECT_EQ(this_actor::blocking([] { return 42; }), 42);
    EXPECT_EQ(**this_actor::blocking([] { return std::make_unique<std::string>("moved"); }), "moved");
    int calls = 0;
    EXPECT_TRUE(this_actor::blocking([&] { ++calls; }));
    EXPECT_EQ(calls, 1);
    auto function = [&] { return ++calls; };
    EXPECT_EQ(this_actor::blocking(function), 2);
  });
}

TEST_F(BlockingTest, what_the_function_throws_is_thrown_in_the_handler) {
  start({});
  in_handler([] {
    try {
      static_cast<void>(this_actor::blocking([]() -> int { throw std::out_of_range("as it was"); }));
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::out_of_range& exception) {
      EXPECT_STREQ(exception.what(), "as it was");
    }
  });
  auto failing = system().spawn(
      [](const Go&) { static_cast<void>(this_actor::blocking([] { throw std::runtime_error("no"); })); });
  EXPECT_EQ(ask(failing, Go{}, 20s).error(), AskError::failed);
}

TEST_F(BlockingTest, there_are_never_more_threads_than_allowed) {
  start({.threads = 2, .queued = 100});
  constexpr int calls = 10;
  std::atomic<int> begun{0};
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::atomic<int> done{0};
  std::counting_semaphore<calls> go(0);
  for (int i = 0; i < calls; ++i) {
    auto actor = system().spawn([&](const Go&) {
      EXPECT_TRUE(this_actor::blocking([&] {
        ++begun;
        const int now = ++running;
        for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
        }
        go.acquire();
        --running;
      }));
      ++done;
    });
    ASSERT_TRUE(actor.send(Go{}));
  }
  ASSERT_TRUE(until([&] { return running == 2; }));
  // All handlers have been here by now, and eight of them wait.
  static_cast<void>(system().counters());
  EXPECT_EQ(begun, 2);
  go.release(calls);
  EXPECT_TRUE(until([&] { return done == calls; }));
  EXPECT_EQ(most, 2);
  EXPECT_EQ(system().runtime().blocking().threads(), 2u);
}

TEST_F(BlockingTest, who_finds_as_many_waiting_as_may_is_refused_at_once) {
  start({.threads = 1, .queued = 1});
  std::atomic<int> begun{0};
  std::atomic<int> refused{0};
  std::binary_semaphore go(0);
  for (int i = 0; i < 3; ++i) {
    auto actor = system().spawn([&](const Go&) {
      const auto ran = this_actor::blocking([&] {
        ++begun;
        go.acquire();
      });
      if (!ran && ran.error() == BlockingError::full) ++refused;
    });
    ASSERT_TRUE(actor.send(Go{}));
    // The first must have been taken from the queue before the next comes.
    if (i == 0) {
      ASSERT_TRUE(until([&] { return begun == 1; }));
    }
  }
  EXPECT_TRUE(until([&] { return refused == 1; }));
  EXPECT_EQ(begun, 1);
  go.release();
  EXPECT_TRUE(until([&] { return begun == 2; }));
  go.release();
  system().shutdown();
}

TEST_F(BlockingTest, a_stop_takes_back_what_has_not_begun_and_waits_for_what_has) {
  start({.threads = 1, .queued = 10});
  std::atomic<bool> begun{false};
  std::atomic<bool> called_late{false};
  std::atomic<bool> cancelled{false};
  std::atomic<bool> came_back{false};
  std::binary_semaphore go(0);
  auto first = system().spawn([&](const Go&) {
    const auto result = this_actor::blocking([&] {
      begun = true;
      go.acquire();
      return 7;
    });
    EXPECT_EQ(result, 7);
    EXPECT_EQ(this_actor::sleep_for(1h).error(), WaitError::stopped);
    const auto after = this_actor::blocking([&] { called_late = true; });
    EXPECT_EQ(after, std::unexpected(BlockingError::stopped));
    came_back = true;
  });
  ASSERT_TRUE(first.send(Go{}));
  ASSERT_TRUE(until([&] { return begun.load(); }));
  auto second = system().spawn([&](const Go&) {
    const auto result = this_actor::blocking([&] { called_late = true; });
    EXPECT_EQ(result, std::unexpected(BlockingError::stopped));
    cancelled = true;
  });
  ASSERT_TRUE(second.send(Go{}));
  second.stop();
  first.stop();
  ASSERT_TRUE(until([&] { return cancelled.load(); }));
  EXPECT_FALSE(came_back);
  go.release();
  EXPECT_TRUE(until([&] { return came_back.load(); }));
  EXPECT_FALSE(called_late);
}

TEST_F(BlockingTest, shutdown_waits_for_a_function_that_has_begun) {
  start({});
  std::atomic<bool> begun{false};
  std::atomic<bool> ended{false};
  std::binary_semaphore go(0);
  auto actor = system().spawn([&](const Go&) {
    EXPECT_TRUE(this_actor::blocking([&] {
      begun = true;
      go.acquire();
      ended = true;
    }));
  });
  ASSERT_TRUE(actor.send(Go{}));
  ASSERT_TRUE(until([&] { return begun.load(); }));
  std::thread releases([&] {
    until([&] { return system().explain_shutdown().phase == runtime::SystemPhase::stopping_actors; });
    go.release();
  });
  EXPECT_TRUE(system().shutdown());
  EXPECT_TRUE(ended);
  releases.join();
}

TEST_F(BlockingTest, a_function_may_send_and_ask_as_any_plain_thread) {
  start({});
  auto echo = system().spawn([](const Tick& tick) { return tick; });
  in_handler([&] {
    const auto time = this_actor::blocking([&] { return ask(echo, Tick{.time = 5}, 20s).value().time; });
    EXPECT_EQ(time, 5u);
  });
}

}  // namespace
}  // namespace ringmail::test

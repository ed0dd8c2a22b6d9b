// Children end with their parents, wherever they live.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "ringmail/actors/actors.hpp"
#include "system_test.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;

struct Go {};
struct Boom {};

class ChildrenTest : public SystemTest {
 protected:
  /// Who has ended, in order.
  struct Diary {
    std::mutex mutex;
    std::vector<std::string> names;
    std::promise<void> complete;
    std::size_t expected;
    std::atomic<std::size_t> born = 0;

    explicit Diary(std::size_t count) : expected(count) {}
    void write(const std::string& name) {
      const std::lock_guard lock(mutex);
      names.push_back(name);
      if (names.size() == expected) complete.set_value();
    }
    /// One that is stopped before it has started has no children.
    void await_births() {
      EXPECT_TRUE(transport::test::until([&] { return born == expected; }));
    }
    std::vector<std::string> await() {
      EXPECT_EQ(complete.get_future().wait_for(20s), std::future_status::ready);
      const std::lock_guard lock(mutex);
      return names;
    }
  };

  /// Has `depth` generations of `width` children each.
  class Parent : public Actor {
   public:
    Parent(Diary& diary, std::string name, int depth, int width)
        : diary_(diary), name_(std::move(name)), depth_(depth), width_(width) {}
    void started() override {
      for (int i = 0; depth_ > 0 && i < width_; ++i)
        this_actor::spawn<Parent>(diary_, name_ + std::to_string(i), depth_ - 1, width_);
      ++diary_.born;
    }
    void stopped(const ExitReason&) override { diary_.write(name_); }
    void on(const Go&) {}
    void on(const Boom&) { throw std::runtime_error("boom"); }

   private:
    Diary& diary_;
    std::string name_;
    int depth_, width_;
  };
};

INSTANTIATE_TEST_SUITE_P(Schedulers, ChildrenTest, testing::Values(1, 2, 4), testing::PrintToStringParamName());

void expect_children_before_parents(const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    for (std::size_t later = i + 1; later < names.size(); ++later)
      EXPECT_FALSE(names[later].starts_with(names[i])) << names[later] << " after its parent " << names[i];
  }
}

TEST_P(ChildrenTest, a_parent_that_is_stopped_ends_after_its_children) {
  Diary diary(1 + 3 + 9 + 27);
  auto parent = system().spawn<Parent>(diary, "p", 3, 3);
  diary.await_births();
  parent.stop();
  expect_children_before_parents(diary.await());
}

TEST_P(ChildrenTest, a_parent_that_fails_ends_after_its_children) {
  Diary diary(1 + 4);
  auto parent = system().spawn<Parent>(diary, "p", 1, 4);
  diary.await_births();
  EXPECT_FALSE(ask(parent, Boom{}, 5s));
  expect_children_before_parents(diary.await());
}

TEST_P(ChildrenTest, shutdown_stops_the_generations_from_the_youngest) {
  Diary diary(1 + 4 + 16);
  system().spawn<Parent>(diary, "p", 2, 4);
  diary.await_births();
  system().shutdown();
  expect_children_before_parents(diary.await());
}

TEST_P(ChildrenTest, a_long_line_of_only_children_ends_from_its_end) {
  struct Line : Actor {
    Line(std::atomic<int>& living, std::promise<void>& last, int left) : alive(living), born(last), left_(left) {}
    void started() override {
      ++alive;
      if (left_ > 0) {
        this_actor::spawn<Line>(alive, born, left_ - 1);
      } else {
        born.set_value();
      }
    }
    void stopped(const ExitReason&) override { --alive; }
    std::atomic<int>& alive;
    std::promise<void>& born;
    int left_;
  };
  std::atomic<int> alive = 0;
  std::promise<void> born;
  auto first = system().spawn<Line>(alive, born, 5'000);
  ASSERT_EQ(born.get_future().wait_for(20s), std::future_status::ready);
  EXPECT_EQ(alive, 5'001);
  first.stop();
  EXPECT_TRUE(transport::test::until([&] { return alive == 0; }));
}

TEST_P(ChildrenTest, a_child_that_ends_or_fails_leaves_its_parent_alone) {
  Diary diary(2);
  auto parent = system().spawn([&diary](const Go&) {
    auto stopped = this_actor::spawn<Parent>(diary, "stopped", 0, 0);
    auto failing = this_actor::spawn<Parent>(diary, "failing", 0, 0);
    stopped.stop();
    EXPECT_FALSE(ask(failing, Boom{}, 5s));
  });
  EXPECT_TRUE(ask(parent, Go{}, 5s));
  diary.await();
  EXPECT_TRUE(ask(parent, Go{}, 5s));
  system().shutdown();  // before the diary goes
}

TEST_P(ChildrenTest, the_wait_of_a_suspended_child_ends_when_its_parent_ends) {
  std::promise<WaitError> told;
  std::promise<void> asleep;
  auto parent = system().spawn([&](const Go&) {
    auto child = this_actor::spawn([&](const Go&) {
      asleep.set_value();
      const auto slept = this_actor::sleep_for(1h);
      told.set_value(slept ? WaitError::timed_out : slept.error());
    });
    EXPECT_TRUE(child.send(Go{}));
  });
  ASSERT_TRUE(parent.send(Go{}));
  asleep.get_future().wait();
  parent.stop();
  auto error = told.get_future();
  ASSERT_EQ(error.wait_for(20s), std::future_status::ready);
  EXPECT_EQ(error.get(), WaitError::stopped);
}

TEST_P(ChildrenTest, who_asks_one_that_waits_for_its_children_is_told_at_once) {
  if (GetParam() == 1) GTEST_SKIP() << "a handler that does not end takes its thread";
  struct Signs {
    std::promise<void> asleep, stopping;
    std::atomic<bool> may_end = false;
  };
  struct Obstinate : Actor {
    explicit Obstinate(Signs& shared) : signs(shared) {}
    void on(const Go&) {
      signs.asleep.set_value();
      static_cast<void>(this_actor::sleep_for(1h));
      signs.stopping.set_value();
      while (!signs.may_end) std::this_thread::yield();
    }
    Signs& signs;
  };
  struct Parent : Actor {
    explicit Parent(Signs& shared) : signs(shared) {}
    void on(const Go&) { EXPECT_TRUE(this_actor::spawn_on<Obstinate>(1, signs).send(Go{})); }
    Signs& signs;
  };
  Signs signs;
  auto parent = system().spawn_on<Parent>(0, signs);
  ASSERT_TRUE(ask(parent, Go{}, 5s));
  signs.asleep.get_future().wait();
  parent.stop();
  signs.stopping.get_future().wait();
  const auto answer = ask(parent, Go{}, 1h);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error(), AskError::unreachable);
  signs.may_end = true;
  system().shutdown();  // before the signs go
}

}  // namespace
}  // namespace ringmail::test

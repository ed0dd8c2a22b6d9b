// What an actor does changes: behaviours on top of its class's handlers, messages put aside.
#include <gtest/gtest.h>

#include <future>
#include <vector>

#include "ringmail/actors/actors.hpp"
#include "system_test.hpp"

namespace {

using namespace std::chrono_literals;
using ringmail::AskError;
namespace this_actor = ringmail::this_actor;

struct Open {};
struct Close {};
struct Push {
  int value = 0;
};
struct Name {};
struct Seen {};

/// A door: what is pushed while it is closed is put aside, and goes through when it opens.
class Door : public ringmail::Actor {
 public:
  explicit Door(std::size_t capacity = this_actor::default_stash_capacity) : capacity_(capacity) {}

  void on(const Open&) {
    this_actor::become<Door>([this](const Push& push) { return let_through(push); },
                             [](const Name&) { return std::string("open"); },
                             [](const Close&) { this_actor::unbecome(); });
    this_actor::unstash_all();
  }
  void on(const Close&) {}
  int on(const Push& push) { return this_actor::stash(push, capacity_) ? 0 : -1; }
  std::string on(const Name&) { return "closed"; }
  std::vector<int> on(const Seen&) { return seen_; }

 private:
  int let_through(const Push& push) {
    seen_.push_back(push.value);
    return push.value;
  }

  std::size_t capacity_;
  std::vector<int> seen_;
};

class BehaviourTest : public ringmail::test::SystemTest {};
INSTANTIATE_TEST_SUITE_P(Schedulers, BehaviourTest, testing::Values(1, 2), testing::PrintToStringParamName());

TEST_P(BehaviourTest, a_behaviour_stands_in_for_the_class_until_it_is_taken_off) {
  auto door = system().spawn<Door>();
  EXPECT_EQ(ringmail::ask(door, Name{}, 10s), "closed");
  ASSERT_TRUE(door.send(Open{}));
  EXPECT_EQ(ringmail::ask(door, Name{}, 10s), "open");
  ASSERT_TRUE(door.send(Close{}));
  EXPECT_EQ(ringmail::ask(door, Name{}, 10s), "closed");
}

TEST_P(BehaviourTest, what_a_behaviour_has_no_function_for_goes_to_the_class) {
  auto door = system().spawn<Door>();
  ASSERT_TRUE(door.send(Open{}));
  ASSERT_TRUE(door.send(Push{1}));
  EXPECT_EQ(ringmail::ask(door, Seen{}, 10s), std::vector{1});
}

TEST_P(BehaviourTest, what_was_put_aside_comes_first_and_in_order) {
  auto door = system().spawn<Door>();
  for (int i = 1; i <= 100; ++i) ASSERT_TRUE(door.send(Push{i}));
  ASSERT_TRUE(door.send(Open{}));
  for (int i = 101; i <= 200; ++i) ASSERT_TRUE(door.send(Push{i}));
  std::vector<int> expected(200);
  for (int i = 0; i < 200; ++i) expected[static_cast<std::size_t>(i)] = i + 1;
  EXPECT_EQ(ringmail::ask(door, Seen{}, 10s), expected);
}

TEST_P(BehaviourTest, who_asked_a_question_that_was_put_aside_gets_the_later_answer) {
  auto door = system().spawn<Door>();
  auto answer = std::async(std::launch::async, [door] { return ringmail::ask(door, Push{7}, 10s); });
  // Closed again and again: whenever the question comes, it waits for the next time.
  while (answer.wait_for(1ms) != std::future_status::ready) {
    ASSERT_TRUE(door.send(Open{}));
    ASSERT_TRUE(door.send(Close{}));
  }
  EXPECT_EQ(answer.get(), 7);
}

TEST_P(BehaviourTest, a_full_stash_takes_no_more) {
  auto door = system().spawn<Door>(std::size_t{2});
  ASSERT_TRUE(door.send(Push{1}));
  ASSERT_TRUE(door.send(Push{2}));
  EXPECT_EQ(ringmail::ask(door, Push{3}, 10s), -1);
  ASSERT_TRUE(door.send(Open{}));
  EXPECT_EQ(ringmail::ask(door, Seen{}, 10s), (std::vector{1, 2}));
}

TEST_P(BehaviourTest, what_is_aside_when_the_actor_ends_becomes_dead_letters_and_fails_its_asks) {
  auto door = system().spawn<Door>();
  auto answer = std::async(std::launch::async, [door] { return ringmail::ask(door, Push{7}, 10s); });
  ASSERT_TRUE(door.send(Push{1}));
  // In the mailbox behind Push{1}: when it is answered, that one is aside.
  EXPECT_EQ(ringmail::ask(door, Name{}, 10s), "closed");
  door.stop();
  EXPECT_EQ(answer.get(), std::unexpected(AskError::unreachable));
  system().shutdown();
  EXPECT_GE(system().counters().dead_letters, 2u);
}

/// Counts itself down, one behaviour on top of another.
class Stack : public ringmail::Actor {
 public:
  void on(const Open&) {
    const int level = ++levels_;
    this_actor::become_stacked<Stack>([level](const Name&) { return std::to_string(level); });
  }
  void on(const Close&) { this_actor::unbecome(); }
  std::string on(const Name&) { return "0"; }

 private:
  int levels_ = 0;
};

TEST_P(BehaviourTest, behaviours_are_taken_off_in_the_reverse_of_the_order_in_which_they_were_put_on) {
  auto stack = system().spawn<Stack>();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(stack.send(Open{}));
  for (const char* level : {"3", "2", "1", "0", "0"}) {
    EXPECT_EQ(ringmail::ask(stack, Name{}, 10s), level);
    ASSERT_TRUE(stack.send(Close{}));
  }
}

/// Takes off the behaviour that runs, sleeps, and uses what it holds.
class Shedder : public ringmail::Actor {
 public:
  void started() override {
    this_actor::become<Shedder>([text = std::string(1000, 'x')](const Name&) {
      this_actor::unbecome();
      static_cast<void>(this_actor::sleep_for(1ms));
      return text;
    });
  }
  std::string on(const Name&) { return "class"; }
};

TEST_P(BehaviourTest, a_behaviour_that_takes_itself_off_lives_until_its_handler_returns) {
  auto shedder = system().spawn<Shedder>();
  EXPECT_EQ(ringmail::ask(shedder, Name{}, 10s), std::string(1000, 'x'));
  EXPECT_EQ(ringmail::ask(shedder, Name{}, 10s), "class");
}

}  // namespace

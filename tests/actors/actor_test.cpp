#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>

#include "ringmail/actors/actors.hpp"
#include "system_test.hpp"

namespace {

using namespace std::chrono_literals;

struct Add {
  long n = 0;
};
struct Get {};
struct Text {
  std::string value;
};

class Counter : public ringmail::Actor {
 public:
  void on(const Add& add) { total_ += add.n; }
  long on(const Get&) const { return total_; }
  std::string on(const Text& text) const { return text.value + "!"; }

 private:
  long total_ = 0;
};

class ActorTest : public ringmail::test::SystemTest {};

INSTANTIATE_TEST_SUITE_P(Schedulers, ActorTest, testing::Values(1, 2, 4), testing::PrintToStringParamName());

TEST_P(ActorTest, messages_of_one_sender_arrive_in_order_and_the_reply_is_what_the_handler_returns) {
  auto counter = system().spawn<Counter>();
  for (int i = 1; i <= 100; ++i) EXPECT_TRUE(counter.send(Add{i}));
  const auto total = ringmail::ask(counter, Get{}, 5s);
  ASSERT_TRUE(total);
  EXPECT_EQ(*total, 5050);
}

TEST_P(ActorTest, any_movable_type_travels_within_the_process) {
  auto counter = system().spawn<Counter>();
  const auto text = ringmail::ask(counter, Text{std::string(1000, 'x')}, 5s);
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, std::string(1000, 'x') + "!");
}

TEST_P(ActorTest, a_handler_may_ask_another_actor_and_its_thread_goes_on) {
  auto counter = system().spawn<Counter>();
  ASSERT_TRUE(counter.send(Add{7}));
  auto doubler = system().spawn([counter](const Get&) -> long {
    long sum = 0;
    for (int i = 0; i < 100; ++i) sum += ringmail::ask(counter, Get{}, 5s).value();
    return sum;
  });
  const auto sum = ringmail::ask(doubler, Get{}, 5s);
  ASSERT_TRUE(sum);
  EXPECT_EQ(*sum, 700);
}

TEST_P(ActorTest, an_ask_that_is_not_answered_in_time_fails) {
  auto sleeper = system().spawn([](const Get&) -> long {
    static_cast<void>(ringmail::this_actor::sleep_for(10s));
    return 1;
  });
  const auto answer = ringmail::ask(sleeper, Get{}, 20ms);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error(), ringmail::AskError::timed_out);
}

TEST_P(ActorTest, while_a_handler_is_suspended_its_actor_takes_no_other_message_and_others_run) {
  std::atomic<int> inside{0};
  auto slow = system().spawn([&inside](const Add&) {
    EXPECT_EQ(inside.fetch_add(1), 0);
    static_cast<void>(ringmail::this_actor::sleep_for(1ms));
    inside.fetch_sub(1);
  });
  auto counter = system().spawn<Counter>();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(slow.send(Add{1}));
    ASSERT_TRUE(counter.send(Add{1}));
  }
  EXPECT_EQ(ringmail::ask(counter, Get{}, 5s).value(), 20);
  EXPECT_TRUE(ringmail::ask(slow, Add{1}, 5s));
}

TEST_P(ActorTest, an_exception_fails_the_asker_and_is_told_to_monitors_with_its_type_and_text) {
  auto thrower = system().spawn([](const Get&) -> long { throw std::runtime_error("no such airport"); });
  std::promise<ringmail::Down> down;
  auto watcher = system().spawn([thrower](const Add&) { ringmail::this_actor::monitor(thrower); },
                                [&down](const ringmail::Down& event) { down.set_value(event); });
  ASSERT_TRUE(ringmail::ask(watcher, Add{}, 5s));
  const auto answer = ringmail::ask(thrower, Get{}, 5s);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error(), ringmail::AskError::failed);
  auto told = down.get_future();
  ASSERT_EQ(told.wait_for(5s), std::future_status::ready);
  const auto event = told.get();
  EXPECT_EQ(event.reason.kind, ringmail::ExitReason::Kind::failed);
  EXPECT_EQ(event.reason.text, "std::runtime_error: no such airport");
  EXPECT_EQ(event.who, thrower.address());
}

TEST_P(ActorTest, a_stopped_actor_answers_nobody) {
  auto counter = system().spawn<Counter>();
  ASSERT_TRUE(ringmail::ask(counter, Get{}, 5s));
  counter.stop();
  const auto answer = ringmail::ask(counter, Get{}, 5s);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error(), ringmail::AskError::unreachable);
}

TEST_P(ActorTest, stop_ends_the_wait_of_a_suspended_handler_with_an_error) {
  std::promise<bool> started;
  std::promise<ringmail::WaitError> ended;
  auto sleeper = system().spawn([&](const Add&) {
    started.set_value(true);
    const auto slept = ringmail::this_actor::sleep_for(1h);
    if (!slept) ended.set_value(slept.error());
  });
  ASSERT_TRUE(sleeper.send(Add{}));
  started.get_future().wait();
  sleeper.stop();
  auto error = ended.get_future();
  ASSERT_EQ(error.wait_for(5s), std::future_status::ready);
  EXPECT_EQ(error.get(), ringmail::WaitError::stopped);
}

TEST_P(ActorTest, receive_takes_the_next_message_of_a_type_past_others) {
  std::promise<std::string> got;
  auto receiver = system().spawn(
      [&got](const Get&) {
        std::string all;
        for (int i = 0; i < 2; ++i) {
          const auto text = ringmail::this_actor::receive<Text>(5s);
          all += text ? text->value : "?";
        }
        got.set_value(all);
      },
      [](const Add&) {}, [](const Text&) { FAIL() << "not while it is waited for"; });
  ASSERT_TRUE(receiver.send(Get{}));
  ASSERT_TRUE(receiver.send(Add{1}));
  ASSERT_TRUE(receiver.send(Text{"a"}));
  ASSERT_TRUE(receiver.send(Add{2}));
  ASSERT_TRUE(receiver.send(Text{"b"}));
  auto all = got.get_future();
  ASSERT_EQ(all.wait_for(5s), std::future_status::ready);
  EXPECT_EQ(all.get(), "ab");
}

TEST_P(ActorTest, two_actors_that_flood_each_other_through_full_rings_do_not_deadlock) {
  struct Ball {
    int left = 0;
    char filler[200] = {};
  };
  constexpr int each = 20'000;
  std::atomic<int> received{0};
  std::promise<void> all;
  auto count = [&](const Ball&) {
    if (received.fetch_add(1) + 1 == 2 * each) all.set_value();
  };
  auto left_sink = system().spawn(count);
  auto right_sink = system().spawn(count);
  auto left = system().spawn([right_sink](const Get&) {
    for (int i = 0; i < each; ++i) ASSERT_TRUE(right_sink.send(Ball{i}));
  });
  auto right = system().spawn([left_sink](const Get&) {
    for (int i = 0; i < each; ++i) ASSERT_TRUE(left_sink.send(Ball{i}));
  });
  ASSERT_TRUE(left.send(Get{}));
  ASSERT_TRUE(right.send(Get{}));
  EXPECT_EQ(all.get_future().wait_for(30s), std::future_status::ready);
}

TEST_P(ActorTest, actors_spawn_actors_and_ask_them) {
  auto parent = system().spawn([this](const Get&) -> long {
    auto child = system().spawn<Counter>();
    EXPECT_TRUE(child.send(Add{3}));
    const long got = ringmail::ask(child, Get{}, 5s).value();
    child.stop();
    return got;
  });
  EXPECT_EQ(ringmail::ask(parent, Get{}, 5s).value(), 3);
}

TEST_P(ActorTest, a_message_to_an_actor_that_has_ended_is_a_dead_letter_and_hurts_nobody) {
  auto counter = system().spawn<Counter>();
  counter.stop();
  EXPECT_FALSE(ringmail::ask(counter, Get{}, 5s));
  const auto before = system().counters().dead_letters;
  ASSERT_TRUE(counter.send(Add{1}));
  EXPECT_EQ(system().counters().dead_letters, before + 1);
}

TEST_P(ActorTest, bare_throw_after_a_suspension_rethrows_its_own_exception) {
  auto rethrower = system().spawn([](const Text& text) -> std::string {
    try {
      throw std::runtime_error(text.value);
    } catch (...) {
      static_cast<void>(ringmail::this_actor::sleep_for(1ms));
      try {
        throw;
      } catch (const std::exception& exception) {
        return exception.what();
      }
    }
  });
  auto other = system().spawn([](const Text& text) -> std::string {
    try {
      throw std::logic_error(text.value);
    } catch (...) {
      static_cast<void>(ringmail::this_actor::sleep_for(2ms));
      try {
        throw;
      } catch (const std::exception& exception) {
        return exception.what();
      }
    }
  });
  ASSERT_TRUE(other.send(Text{"theirs"}));
  EXPECT_EQ(ringmail::ask(rethrower, Text{"mine"}, 5s).value(), "mine");
  EXPECT_EQ(ringmail::ask(other, Text{"theirs"}, 5s).value(), "theirs");
}

}  // namespace

// Answers that come later, from elsewhere, or from several at once.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <vector>

#include "ringmail/actors/actors.hpp"
#include "system_test.hpp"

namespace {

using namespace std::chrono_literals;
using ringmail::AskError;
using ringmail::Later;
namespace this_actor = ringmail::this_actor;

struct Get {};
struct Put {
  long value = 0;
};
struct Drop {};

/// Answers when there is something to answer with.
class Cupboard : public ringmail::Actor {
 public:
  Later<long> on(const Get&) {
    waiting_.push_back(this_actor::promise<long>());
    return {};
  }
  void on(const Put& put) {
    for (auto& promise : waiting_) promise.fulfil(put.value);
    waiting_.clear();
  }
  void on(const Drop&) { waiting_.clear(); }

 private:
  std::vector<ringmail::Promise<long>> waiting_;
};

class AnswerTest : public ringmail::test::SystemTest {};
INSTANTIATE_TEST_SUITE_P(Schedulers, AnswerTest, testing::Values(1, 2, 4), testing::PrintToStringParamName());

/// Asks from a plain thread; the question is at `whom` before this returns, for it is asked again from an actor that was sent to
/// after it.
std::future<std::expected<long, AskError>> ask_in_background(ringmail::Mailbox<Cupboard> whom) {
  return std::async(std::launch::async, [whom] { return ringmail::ask(whom, Get{}, 10s); });
}

TEST_P(AnswerTest, a_promise_is_answered_by_a_later_handler) {
  auto cupboard = system().spawn<Cupboard>();
  auto asked = ask_in_background(cupboard);
  // Whether the question or the value came first is not known, so values go on coming.
  while (asked.wait_for(1ms) != std::future_status::ready) ASSERT_TRUE(cupboard.send(Put{42}));
  EXPECT_EQ(asked.get(), 42);
}

TEST_P(AnswerTest, a_promise_that_nobody_keeps_fails_the_ask) {
  auto cupboard = system().spawn<Cupboard>();
  auto asked = ask_in_background(cupboard);
  while (asked.wait_for(1ms) != std::future_status::ready) ASSERT_TRUE(cupboard.send(Drop{}));
  EXPECT_EQ(asked.get(), std::unexpected(AskError::failed));
}

TEST_P(AnswerTest, a_promise_ends_with_the_actor_that_keeps_it) {
  auto cupboard = system().spawn<Cupboard>();
  auto asked = ask_in_background(cupboard);
  cupboard.stop();
  const auto answer = asked.get();
  ASSERT_FALSE(answer);
  // Unreachable, if the actor was gone before the question came.
  EXPECT_TRUE(answer.error() == AskError::failed || answer.error() == AskError::unreachable);
}

TEST_P(AnswerTest, later_without_a_promise_fails_the_ask) {
  auto forgetful = system().spawn([](const Get&) -> Later<long> { return {}; });
  EXPECT_EQ(ringmail::ask(forgetful, Get{}, 10s), std::unexpected(AskError::failed));
}

TEST_P(AnswerTest, a_promise_may_be_fulfilled_by_another_thread) {
  std::thread helper;
  auto actor = system().spawn([&helper](const Get&) -> Later<std::string> {
    helper = std::thread(
        [promise = this_actor::promise<std::string>()]() mutable { promise.fulfil(std::string(500, 'x')); });
    return {};
  });
  EXPECT_EQ(ringmail::ask(actor, Get{}, 10s), std::string(500, 'x'));
  helper.join();
}

TEST_P(AnswerTest, a_promise_of_a_message_that_was_only_sent_is_empty_and_harmless) {
  std::promise<bool> empty;
  auto actor = system().spawn([&empty](const Get&) -> Later<long> {
    auto promise = this_actor::promise<long>();
    empty.set_value(!promise);
    promise.fulfil(1);
    return {};
  });
  ASSERT_TRUE(actor.send(Get{}));
  EXPECT_TRUE(empty.get_future().get());
}

TEST_P(AnswerTest, a_question_that_is_handed_on_is_answered_by_whom_it_was_handed_to) {
  auto source = system().spawn([](const Put& put) { return put.value * 2; });
  auto middle =
      system().spawn([source](const Put& put) { return this_actor::delegate(source, Put{put.value + 1}, 10s); });
  auto front = system().spawn([middle](const Put& put) { return this_actor::delegate(middle, put, 10s); });
  for (long i = 0; i < 100; ++i) EXPECT_EQ(ringmail::ask(front, Put{i}, 10s), 2 * (i + 1));
}

TEST_P(AnswerTest, the_failure_of_whom_it_was_handed_to_reaches_the_asker) {
  auto source = system().spawn([](const Get&) -> long { throw std::runtime_error("no"); });
  auto front = system().spawn([source](const Get&) { return this_actor::delegate(source, Get{}, 10s); });
  EXPECT_EQ(ringmail::ask(front, Get{}, 10s), std::unexpected(AskError::failed));
  // It has ended now.
  EXPECT_EQ(ringmail::ask(front, Get{}, 10s), std::unexpected(AskError::unreachable));
}

TEST_P(AnswerTest, who_asks_and_goes_on_takes_other_messages_until_the_answer_is_there) {
  struct Start {};
  auto cupboard = system().spawn<Cupboard>();
  std::promise<std::vector<long>> seen;
  std::vector<long> order;
  auto asker = system().spawn(
      [&, cupboard](const Start&) {
        this_actor::ask_then(cupboard, Get{}, 10s, [&](std::expected<long, AskError> answer) {
          order.push_back(answer.value());
          seen.set_value(order);
        });
        order.push_back(1);
      },
      [&, cupboard](const Put& put) {
        order.push_back(put.value);
        EXPECT_TRUE(cupboard.send(Put{3}));
      });
  ASSERT_TRUE(asker.send(Start{}));
  ASSERT_TRUE(asker.send(Put{2}));
  EXPECT_EQ(seen.get_future().get(), (std::vector<long>{1, 2, 3}));
}

TEST_P(AnswerTest, a_continuation_is_told_of_the_deadline_once) {
  struct Start {};
  auto cupboard = system().spawn<Cupboard>();
  std::promise<AskError> told;
  auto asker = system().spawn([&, cupboard](const Start&) {
    this_actor::ask_then(cupboard, Get{}, 1ms,
                         [&](std::expected<long, AskError> answer) { told.set_value(answer.error()); });
  });
  ASSERT_TRUE(asker.send(Start{}));
  EXPECT_EQ(told.get_future().get(), AskError::timed_out);
  // The late answer goes nowhere: set_value would throw.
  ASSERT_TRUE(cupboard.send(Put{1}));
  EXPECT_TRUE(ringmail::ask(cupboard, Drop{}, 10s));
}

TEST_P(AnswerTest, a_continuation_that_throws_is_its_actors_failure) {
  struct Start {};
  auto source = system().spawn([](const Get&) { return 1L; });
  auto asker = system().spawn([source](const Start&) {
    this_actor::ask_then(source, Get{}, 10s, [](std::expected<long, AskError>) { throw std::runtime_error("no"); });
  });
  struct Watch {};
  std::promise<std::string> text;
  class Watcher : public ringmail::Actor {
   public:
    Watcher(std::promise<std::string>& text, std::function<void()> watch) : text_(text), watch_(std::move(watch)) {}
    void started() override { watch_(); }
    void on(const ringmail::Down& down) { text_.set_value(down.reason.text); }

   private:
    std::promise<std::string>& text_;
    std::function<void()> watch_;
  };
  system().spawn<Watcher>(text, [asker] {
    this_actor::monitor(asker);
    EXPECT_TRUE(asker.send(Start{}));
  });
  EXPECT_EQ(text.get_future().get(), "std::runtime_error: no");
}

TEST_P(AnswerTest, a_continuation_of_an_actor_that_has_ended_is_never_run_and_keeps_nothing) {
  struct Start {};
  auto cupboard = system().spawn<Cupboard>();
  auto kept = std::make_shared<int>(1);
  std::weak_ptr<int> alive = kept;
  auto asker = system().spawn([cupboard, kept = std::move(kept)](const Start&) {
    this_actor::ask_then(cupboard, Get{}, 10s, [kept](std::expected<long, AskError>) { FAIL() << "it ran"; });
    this_actor::stop();
  });
  ASSERT_TRUE(asker.send(Start{}));
  EXPECT_EQ(ringmail::ask(asker, Start{}, 10s).error(), AskError::unreachable);
  system().shutdown();
  system_->counters();
  system_.reset();
  EXPECT_TRUE(alive.expired());
}

TEST_P(AnswerTest, an_answer_to_an_actor_that_has_ended_meanwhile_is_destroyed) {
  struct Start {};
  auto source = system().spawn([](const Get&) { return ringmail::test::Token(1); });
  auto asker = system().spawn([source](const Start&) {
    this_actor::ask_then(source, Get{}, 10s, [](std::expected<ringmail::test::Token, AskError>) {});
    this_actor::stop();
  });
  // TearDown() counts what is left. Where the two share a scheduler the answer may come before the end, elsewhere after it.
  for (int i = 0; i < 20; ++i) static_cast<void>(ringmail::ask(asker, Start{}, 10s));
  ASSERT_TRUE(ringmail::ask(source, Get{}, 10s));
}

class SeveralTest : public ringmail::test::SystemTest {
 protected:
  auto speaker(long value) { return system().spawn<Fixed>(value, 0ms); }
  class Fixed : public ringmail::Actor {
   public:
    Fixed(long value, std::chrono::milliseconds delay) : value_(value), delay_(delay) {}
    long on(const Get&) {
      if (value_ < 0) throw std::runtime_error("no");
      if (delay_ > 0ms) static_cast<void>(this_actor::sleep_for(delay_));
      return value_;
    }

   private:
    long value_;
    std::chrono::milliseconds delay_;
  };
};
INSTANTIATE_TEST_SUITE_P(Schedulers, SeveralTest, testing::Values(1, 2, 4), testing::PrintToStringParamName());

TEST_P(SeveralTest, all_are_waited_for_and_the_answers_come_in_the_order_of_the_asked) {
  std::vector<ringmail::Mailbox<Fixed>> whom;
  for (long i = 0; i < 50; ++i) whom.push_back(speaker(i));
  whom[7] = speaker(-1);
  const auto answers = ringmail::ask_all(whom, Get{}, 10s);
  ASSERT_EQ(answers.size(), 50u);
  for (long i = 0; i < 50; ++i) {
    if (i == 7) {
      EXPECT_EQ(answers[7], std::unexpected(AskError::failed));
    } else {
      EXPECT_EQ(answers[static_cast<std::size_t>(i)], i);
    }
  }
}

TEST_P(SeveralTest, from_a_handler_as_well) {
  std::vector<ringmail::Mailbox<Fixed>> whom;
  for (long i = 0; i < 10; ++i) whom.push_back(speaker(i));
  auto asker = system().spawn([whom](const Get&) {
    long sum = 0;
    for (const auto& answer : ringmail::ask_all(whom, Get{}, 10s)) sum += answer.value();
    return sum;
  });
  EXPECT_EQ(ringmail::ask(asker, Get{}, 10s), 45);
}

TEST_P(SeveralTest, the_first_answer_is_enough_and_the_slow_are_abandoned) {
  std::vector<ringmail::Mailbox<Fixed>> whom{system().spawn<Fixed>(1, 3600s), speaker(-1), speaker(2),
                                             system().spawn<Fixed>(3, 3600s)};
  EXPECT_EQ(ringmail::ask_any(whom, Get{}, 10s), 2);
  whom[1] = speaker(-1);
  const auto answers = ringmail::ask_first(1, whom, Get{}, 10s);
  EXPECT_EQ(answers[2], 2);
  EXPECT_EQ(answers[3], std::unexpected(AskError::abandoned));
}

TEST_P(SeveralTest, any_fails_when_all_have_failed) {
  const std::vector<ringmail::Mailbox<Fixed>> whom{speaker(-1), speaker(-1), {}};
  EXPECT_FALSE(ringmail::ask_any(whom, Get{}, 10s));
  EXPECT_EQ(ringmail::ask_all(std::vector<ringmail::Mailbox<Fixed>>(2), Get{}, 10s)[1],
            std::unexpected(AskError::unreachable));
}

TEST_P(SeveralTest, those_that_are_not_in_time_have_timed_out) {
  const std::vector<ringmail::Mailbox<Fixed>> whom{speaker(1), system().spawn<Fixed>(2, 3600s)};
  const auto answers = ringmail::ask_all(whom, Get{}, 100ms);
  EXPECT_EQ(answers[1], std::unexpected(AskError::timed_out));
}

}  // namespace

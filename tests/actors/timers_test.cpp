// Messages that are sent later.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <future>
#include <map>
#include <memory>
#include <vector>

#include "ringmail/actors/actors.hpp"
#include "system_test.hpp"

namespace {

using namespace std::chrono_literals;
using ringmail::Mailbox;
using Clock = std::chrono::steady_clock;
namespace this_actor = ringmail::this_actor;

struct Tick {
  int number = 0;
};
struct Start {};

class TimersTest : public ringmail::test::SystemTest {};
INSTANTIATE_TEST_SUITE_P(Schedulers, TimersTest, testing::Values(1, 2), testing::PrintToStringParamName());

/// Runs `body` once in a handler of an actor that also takes ticks, and gives those to `tick`.
template <class Body, class OnTick>
class Ticking : public ringmail::Actor {
 public:
  Ticking(Body body, OnTick tick) : body_(std::move(body)), tick_(std::move(tick)) {}
  void on(const Start&) { body_(this_actor::mailbox<Ticking>()); }
  void on(const Tick& tick) { tick_(tick); }

 private:
  Body body_;
  OnTick tick_;
};
template <class Body, class OnTick>
auto spawn_ticking(ringmail::System& system, Body body, OnTick tick) {
  auto actor = system.spawn<Ticking<Body, OnTick>>(std::move(body), std::move(tick));
  EXPECT_TRUE(actor.send(Start{}));
  return actor;
}

TEST_P(TimersTest, a_message_that_is_sent_later_comes_not_before_its_time) {
  std::promise<Clock::duration> after;
  Clock::time_point start;
  spawn_ticking(
      system(),
      [&](auto self) {
        start = Clock::now();
        this_actor::send_after(20ms, self, Tick{});
      },
      [&](const Tick&) { after.set_value(Clock::now() - start); });
  EXPECT_GE(after.get_future().get(), 20ms);
}

TEST_P(TimersTest, they_come_in_the_order_of_their_times) {
  // Its own thread may be held up between two of them, so a time is known only to lie within what the clock said around it.
  struct Due {
    Clock::time_point earliest, latest;
  };
  std::map<int, Due> due;
  std::promise<std::vector<int>> all;
  std::vector<int> numbers;
  spawn_ticking(
      system(),
      [&](auto self) {
        const auto send = [&](Clock::duration delay, int number) {
          const Clock::time_point before = Clock::now();
          this_actor::send_after(delay, self, Tick{number});
          delay = std::max(delay, Clock::duration::zero());  // a negative one is none
          due[number] = {before + delay, Clock::now() + delay};
        };
        for (const int number : {3, 1, 2}) send(number * 1ms, number);
        send(-1s, 0);
      },
      [&](const Tick& tick) {
        numbers.push_back(tick.number);
        if (numbers.size() == 4) all.set_value(numbers);
      });
  const std::vector<int> came = all.get_future().get();
  for (std::size_t i = 0; i < came.size(); ++i)
    for (std::size_t later = i + 1; later < came.size(); ++later)
      EXPECT_FALSE(due.at(came[later]).latest < due.at(came[i]).earliest)
          << came[later] << " was due before " << came[i];
}

TEST_P(TimersTest, one_that_is_cancelled_is_never_sent_and_its_message_is_destroyed) {
  struct Heavy {
    std::shared_ptr<int> kept;
  };
  std::promise<bool> done;
  auto kept = std::make_shared<int>(1);
  auto target = system().spawn([](const Heavy&) { FAIL() << "it was sent"; });
  spawn_ticking(
      system(),
      [&](auto self) {
        ringmail::Timer timer = this_actor::send_after(10ms, target, Heavy{kept});
        EXPECT_EQ(kept.use_count(), 2);
        EXPECT_TRUE(timer.cancel());
        EXPECT_EQ(kept.use_count(), 1);
        EXPECT_FALSE(timer.cancel());
        // Its slot is used again; the old timer has no say in that.
        ringmail::Timer next = this_actor::send_after(20ms, self, Tick{});
        EXPECT_FALSE(timer.cancel());
        EXPECT_FALSE(ringmail::Timer().cancel());
        static_cast<void>(next);
      },
      [&](const Tick&) { done.set_value(true); });
  EXPECT_TRUE(done.get_future().get());
}

TEST_P(TimersTest, a_periodic_one_goes_on_until_it_is_cancelled) {
  std::promise<void> ten;
  std::atomic<int> ticks{0};
  ringmail::Timer timer;
  spawn_ticking(
      system(), [&](auto self) { timer = this_actor::send_every(1ms, self, Tick{}); },
      [&](const Tick&) {
        if (++ticks != 10) return;
        EXPECT_TRUE(timer.cancel());
        static_cast<void>(this_actor::sleep_for(10ms));
        ten.set_value();
      });
  ten.get_future().get();
  system().shutdown();
  // The next was perhaps sent already when it was cancelled.
  EXPECT_LE(ticks.load(), 11);
}

TEST_P(TimersTest, what_an_actor_was_to_send_ends_with_it) {
  std::atomic<int> ticks{0};
  auto target = system().spawn([&ticks](const Tick&) { ++ticks; });
  auto kept = std::make_shared<int>(1);
  struct Heavy {
    std::shared_ptr<int> kept;
  };
  auto heavy = system().spawn([](const Heavy&) {});
  auto owner = spawn_ticking(
      system(),
      [&, target, heavy](auto) {
        this_actor::send_every(1ms, target, Tick{});
        this_actor::send_after(3600s, heavy, Heavy{kept});
        this_actor::stop();
      },
      [](const Tick&) {});
  while (ringmail::ask(owner, Start{}, 10s).error() != ringmail::AskError::unreachable) {
  }
  const int before = ticks.load();
  std::promise<void> later;
  spawn_ticking(
      system(), [](auto self) { this_actor::send_after(20ms, self, Tick{}); }, [&](const Tick&) { later.set_value(); });
  later.get_future().get();
  EXPECT_LE(ticks.load(), before + 1);
  system().shutdown();
  system_.reset();
  EXPECT_EQ(kept.use_count(), 1);
}

TEST_P(TimersTest, a_message_too_large_for_a_frame_is_copied_each_period) {
  struct Large {
    std::array<char, 20'000> bytes{};
    std::string text;
  };
  std::promise<void> three;
  int count = 0;
  class Taker : public ringmail::Actor {
   public:
    Taker(std::promise<void>& three, int& count) : three_(three), count_(count) {}
    void on(const Start&) {
      auto large = std::make_unique<Large>();
      large->text = std::string(100, 'x');
      timer_ = this_actor::send_every(1ms, this_actor::mailbox<Taker>(), *large);
    }
    void on(const Large& large) {
      EXPECT_EQ(large.text, std::string(100, 'x'));
      if (++count_ == 3) {
        timer_.cancel();
        three_.set_value();
      }
    }

   private:
    ringmail::Timer timer_;
    std::promise<void>& three_;
    int& count_;
  };
  ASSERT_TRUE(system().spawn<Taker>(three, count).send(Start{}));
  three.get_future().get();
}

}  // namespace

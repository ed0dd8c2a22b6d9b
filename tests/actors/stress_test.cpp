// Everything at once, at random: send, ask with deadlines that are met or not, spawn, stop, fail, sleep, receive, on several
// schedulers. RINGMAIL_SEED=<printed seed> repeats the choices.
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <random>
#include <stdexcept>

#include "../transport/deadline.hpp"
#include "tracked.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using transport::test::until;

struct Work {
  Token token;
  int hops = 0;  // each message leads to fewer, so that it ends
};
struct Question {
  Token token;
  int hops = 0;
};
struct Probe {
  Token token;
};

class Node;

struct Field {
  static constexpr std::size_t size = 64;

  System* system = nullptr;
  std::atomic<std::uint64_t> actors[size] = {};
  std::atomic<std::uint64_t> spawned{0};
  std::atomic<std::int64_t> running{0};  // handlers that have begun and not ended
  std::atomic<std::uint64_t> handled{0};
  std::atomic<std::uint64_t> received{0};
  std::atomic<std::uint64_t> answered{0};
  std::atomic<std::uint64_t> timed_out{0};
  std::atomic<std::uint64_t> failed{0};

  Mailbox<Node> pick(std::uint64_t number);
  void spawn(std::size_t place);
};

class Node : public Actor {
 public:
  Node(Field& field, std::size_t place, std::uint64_t number)
      : field_(field), place_(place), random_(transport::test::seed() + number) {}

  void on(const Work& work) {
    const Running running(field_);
    act(work.hops);
  }
  Token on(const Question& question) {
    const Running running(field_);
    act(question.hops);
    return question.token;
  }
  void on(const Probe&) { const Running running(field_); }

  void stopped(const ExitReason&) override {
    // Somebody else takes the place, as long as there is something to do.
    if (field_.spawned < 2'000) field_.spawn(place_);
  }

 private:
  struct Running {
    explicit Running(Field& field) : field_(field) {
      ++field_.running;
      ++field_.handled;
    }
    ~Running() { --field_.running; }
    Field& field_;
  };

  void act(int hops) {
    if (hops <= 0) return;
    const auto next = [&] { return field_.pick(random_()); };
    switch (random_() % 16) {
      case 0: static_cast<void>(this_actor::sleep_for(std::chrono::microseconds(random_() % 500))); break;
      case 1:
        if (this_actor::receive<Probe>(std::chrono::microseconds(random_() % 300))) ++field_.received;
        break;
      case 2:
        if (random_() % 8 == 0) next().stop();
        break;
      case 3:
        if (random_() % 8 == 0) throw std::runtime_error("as it happens");
        break;
      case 4: this_actor::yield(); break;
      case 5:
      case 6:
      case 7:
      case 8: {
        const auto deadline =
            random_() % 4 == 0 ? std::chrono::microseconds(random_() % 50) : std::chrono::microseconds(20'000);
        const auto answer = ask(next(), Question{Token(random_()), hops - 1}, deadline);
        ++(answer ? field_.answered : answer.error() == AskError::timed_out ? field_.timed_out : field_.failed);
        break;
      }
      case 9: static_cast<void>(next().send(Probe{Token(1)})); break;
      default: break;
    }
    for (std::uint64_t n = random_() % 3; n > 0; --n) {
      const auto timeout = random_() % 8 == 0 ? 0us : 5'000'000us;
      static_cast<void>(next().send(Work{Token(n), hops - 1}, timeout));
    }
  }

  Field& field_;
  std::size_t place_;
  std::mt19937_64 random_;
};

Mailbox<Node> Field::pick(std::uint64_t number) {
  return {system->runtime(), {0, runtime::ActorId(actors[number % size].load())}};
}

void Field::spawn(std::size_t place) {
  const std::uint64_t number = ++spawned;
  actors[place] = system->spawn<Node>(*this, place, number).address().actor.value();
}

class StressTest : public testing::TestWithParam<std::uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Schedulers, StressTest, testing::Values(1, 2, 4), testing::PrintToStringParamName());

/// Runs waves of messages over the field; `to_the_end`: until nothing is under way, else the shutdown comes in between.
void storm(const SystemOptions& options, bool to_the_end) {
  transport::test::start_watchdog();
  std::mt19937_64 random(transport::test::seed());
  auto system = System::create(options);
  ASSERT_TRUE(system) << system.error();
  Field field;
  field.system = &*system;
  for (std::size_t place = 0; place < Field::size; ++place) field.spawn(place);

  for (int wave = 0; wave < (to_the_end ? 12 : 4); ++wave) {
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(field.pick(random()).send(Work{Token(1), 12}));
    if (!to_the_end) continue;
    // Nothing under way: no handler has begun without ending, and each message sent has come somewhere.
    EXPECT_TRUE(until([&] {
      const auto counters = system->counters();
      return field.running == 0 && counters.sent == counters.messages + counters.dead_letters;
    }));
  }
  system->shutdown();

  const auto counters = system->counters();
  EXPECT_EQ(counters.sent, counters.messages + counters.dead_letters);
  EXPECT_EQ(counters.messages, field.handled + field.received);
  EXPECT_EQ(counters.lost_wakeups, 0u);
  EXPECT_EQ(counters.failed_barriers, 0u);
  EXPECT_EQ(field.running, 0);
  system = std::unexpected("");
  EXPECT_EQ(Token::alive.load(), 0);
  if (to_the_end) {
    // It did what it is meant to do.
    EXPECT_GT(field.handled, 10'000u);
    EXPECT_GT(field.answered, 1'000u);
    EXPECT_GT(field.timed_out, 10u);
    EXPECT_GT(field.failed, 10u);
    EXPECT_GT(field.spawned, Field::size + 10);
    EXPECT_GT(counters.dead_letters, 10u);
  }
}

TEST_P(StressTest, every_message_is_delivered_or_counted_as_dead) { storm({.schedulers = GetParam()}, true); }

TEST_P(StressTest, so_it_is_when_the_end_comes_in_the_middle) {
  for (int round = 0; round < 5; ++round) storm({.schedulers = GetParam()}, false);
}

TEST_P(StressTest, so_it_is_where_each_side_issues_its_own_barriers) {
  storm({.schedulers = GetParam(), .asymmetric_barriers = false}, true);
}

}  // namespace
}  // namespace ringmail::test

// In steady state nothing is allocated for a message, on any thread: what was needed once is kept.
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <vector>

#include "../runtime/allocation_count.hpp"
#include "../transport/deadline.hpp"
#include "tracked.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;

struct Body {
  std::function<std::size_t()> run;
};
struct Question {
  int number = 0;
};
struct News {
  int number = 0;
};

/// What the peer does: it answers with what it is asked.
struct Echo {
  static Tick on(const Tick&);

  using ringmail_accepts = std::tuple<Tick>;
  static constexpr std::string_view ringmail_protocol = "test.Echo";
  static constexpr std::string_view ringmail_schema = "";
};

class Driver : public Actor {
 public:
  std::size_t on(const Body& body) { return body.run(); }
  void on(const News&) {}
};

class Answerer : public Actor {
 public:
  int on(const Question& question) { return question.number + 1; }
  void on(const News&) {}
};

constexpr int warm_up = 2000;
constexpr int rounds = 2000;

class Allocation : public testing::Test {
 protected:
  Allocation() { transport::test::start_watchdog(); }
  void SetUp() override {
    if (!counts_allocations) GTEST_SKIP() << "the sanitizers count for themselves";
    auto created = System::create({.schedulers = 2});
    ASSERT_TRUE(created) << created.error();
    system_.emplace(std::move(*created));
    driver_ = system_->spawn_on<Driver>(0);
    here_ = system_->spawn_on<Answerer>(0);
    there_ = system_->spawn_on<Answerer>(1);
  }
  void TearDown() override {
    if (system_) system_->shutdown();
  }
  /// How many allocations there were in the whole process while a handler made so many rounds, after as many that do not count.
  std::size_t allocations(std::function<void(int)> round) {
    const auto counted = ask(driver_, Body{[round = std::move(round)] {
                               // A stack for who goes on meanwhile is had once, whether the rounds wait or not.
                               EXPECT_TRUE(this_actor::sleep_for(1ms));
                               for (int i = 0; i < warm_up; ++i) round(i);
                               const std::size_t before = allocation_count;
                               for (int i = 0; i < rounds; ++i) round(i);
                               return allocation_count - before;
                             }},
                             60s);
    EXPECT_TRUE(counted);
    return counted.value_or(~std::size_t{0});
  }

  std::optional<System> system_;
  Mailbox<Driver> driver_;
  Mailbox<Answerer> here_;
  Mailbox<Answerer> there_;
};

TEST_F(Allocation, an_ask_with_a_deadline_on_one_scheduler_allocates_nothing) {
  EXPECT_EQ(allocations([this](int i) { EXPECT_EQ(ask(here_, Question{i}, 20s).value_or(0), i + 1); }), 0u);
}

TEST_F(Allocation, an_ask_with_a_deadline_across_schedulers_allocates_nothing) {
  EXPECT_EQ(allocations([this](int i) { EXPECT_EQ(ask(there_, Question{i}, 20s).value_or(0), i + 1); }), 0u);
}

TEST_F(Allocation, an_ask_with_a_deadline_to_a_peer_allocates_nothing) {
  const auto peer = system_->spawn_peer<Echo>({.command = {RINGMAIL_ECHO_PEER}});
  ASSERT_TRUE(peer) << peer.error();
  ASSERT_TRUE(system_->runtime().wait_until_ready(peer->address().link));
  EXPECT_EQ(allocations([peer = *peer](int i) { EXPECT_TRUE(ask(peer, Tick{static_cast<std::uint64_t>(i)}, 20s)); }),
            0u);
}

TEST_F(Allocation, a_send_to_either_scheduler_allocates_nothing) {
  // What is sent is waited for now and then, or a mailbox grows.
  EXPECT_EQ(allocations([this](int i) {
              EXPECT_TRUE(here_.send(News{i}));
              EXPECT_TRUE(there_.send(News{i}));
              if (i % 10 == 0) {
                EXPECT_TRUE(ask(here_, Question{i}, 20s) && ask(there_, Question{i}, 20s));
              }
            }),
            0u);
}

TEST_F(Allocation, a_send_later_that_is_cancelled_allocates_nothing) {
  EXPECT_EQ(allocations([this](int i) {
              auto timer = this_actor::send_after(1h, here_, News{i});
              EXPECT_TRUE(timer.cancel());
            }),
            0u);
}

TEST_F(Allocation, a_send_later_that_comes_allocates_nothing) {
  EXPECT_EQ(allocations([](int i) {
              this_actor::send_after(1us, this_actor::mailbox<Driver>(), News{i});
              EXPECT_TRUE(this_actor::receive<News>(20s));
            }),
            0u);
}

TEST_F(Allocation, a_publication_allocates_nothing) {
  auto topic = system_->topic<News>("news");
  ASSERT_TRUE(topic.subscribe(here_));
  ASSERT_TRUE(topic.subscribe(there_));
  EXPECT_EQ(allocations([this, topic](int i) mutable {
              EXPECT_EQ(topic.publish(News{i}).sent, 2u);
              if (i % 10 == 0) {
                EXPECT_TRUE(ask(here_, Question{i}, 20s) && ask(there_, Question{i}, 20s));
              }
            }),
            0u);
}

}  // namespace
}  // namespace ringmail::test

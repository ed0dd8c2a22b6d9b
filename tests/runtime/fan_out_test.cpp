// One message to many, in one turn: each ring is published once, and who sleeps behind it is rung once.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <vector>

#include "remote_lane_fixture.hpp"
#include "test_schedulers.hpp"

namespace ringmail::runtime::test {
namespace {

using transport::ParkState;
using transport::ParkWord;

constexpr std::uint32_t readers = 3;
constexpr std::uint32_t actors_each = 20;

/// A scheduler that publishes, and others that are no threads but what this test sees of them: rings and bells.
class FanOut : public testing::Test {
 protected:
  FanOut() {
    transport::test::start_watchdog();
    auto made = transport::Bells::create("ringmail.test", readers + 1);
    if (!made) std::abort();
    bells_ = std::move(*made);
    publisher_ = std::make_unique<Scheduler>(0, bells_[0]);
    for (std::uint32_t i = 0; i < readers; ++i) {
      rings_.push_back(std::make_unique<LocalRing>());
      publisher_->connect_to(i + 1, *rings_.back(), bells_[i + 1]);
      consumers_.push_back(rings_.back()->consumer());
    }
    thread_ = std::thread([this] { publisher_->run(); });
  }
  ~FanOut() override {
    publisher_->request_stop();
    thread_.join();
    publisher_->bury();
  }

  void handle(std::function<void(TestCell&)> body) {
    std::binary_semaphore done(0);
    auto cell = std::make_unique<TestCell>();
    cell->on_start = [&](TestCell& self) {
      body(self);
      self.scheduler().stop({0, self.id()});
    };
    // After the turn, which is what publishes.
    cell->on_stopped = [&](const ExitReason&) { publisher_->post([&] { done.release(); }); };
    publisher_->add(std::move(cell));
    done.acquire();
  }
  /// To each actor of each reader, in turns.
  static void publish(TestCell& self, std::uint64_t value) {
    for (std::uint32_t slot = 0; slot < actors_each; ++slot) {
      for (std::uint32_t reader = 1; reader <= readers; ++reader) {
        EXPECT_TRUE(send_number(self.scheduler(), {0, ActorId(reader, 1, slot)}, value, far_off()));
      }
    }
  }
  std::uint32_t take_all(std::uint32_t reader) {
    std::uint32_t count = 0;
    for (; consumers_[reader].peek(); ++count) consumers_[reader].advance();
    return count;
  }
  /// As a reader that goes to sleep for the time of that number.
  void park(std::uint32_t reader, std::uint32_t count) {
    bells_[reader + 1].park.store(ParkWord::make(count, ParkState::parked));
  }
  ParkState state(std::uint32_t reader) const { return ParkWord::state(bells_[reader + 1].park.load()); }

  mutable transport::Bells bells_;
  std::vector<std::unique_ptr<LocalRing>> rings_;
  std::vector<transport::RingConsumer> consumers_;
  std::unique_ptr<Scheduler> publisher_;
  std::thread thread_;
};

TEST_F(FanOut, each_ring_is_published_once_when_the_turn_ends) {
  for (std::uint64_t turn = 0; turn < 10; ++turn) {
    handle([&](TestCell& self) {
      publish(self, turn);
      for (std::uint32_t reader = 0; reader < readers; ++reader) EXPECT_TRUE(consumers_[reader].empty());
    });
    for (std::uint32_t reader = 0; reader < readers; ++reader) EXPECT_EQ(take_all(reader), actors_each);
  }
}

TEST_F(FanOut, who_sleeps_is_rung_when_the_turn_ends_and_once_in_a_sleep) {
  for (std::uint32_t reader = 0; reader < readers; ++reader) park(reader, 1);
  handle([&](TestCell& self) {
    publish(self, 0);
    for (std::uint32_t reader = 0; reader < readers; ++reader) EXPECT_EQ(state(reader), ParkState::parked);
  });
  for (std::uint32_t reader = 0; reader < readers; ++reader) EXPECT_EQ(state(reader), ParkState::ringing);
  // As if the wake had not come yet: nobody is rung again for the same sleep, whatever is published.
  for (std::uint32_t reader = 0; reader < readers; ++reader) park(reader, 1);
  for (std::uint64_t turn = 1; turn < 10; ++turn) {
    handle([&](TestCell& self) { publish(self, turn); });
    for (std::uint32_t reader = 0; reader < readers; ++reader) EXPECT_EQ(state(reader), ParkState::parked);
  }
  park(0, 2);
  handle([&](TestCell& self) { publish(self, 10); });
  EXPECT_EQ(state(0), ParkState::ringing) << "the next sleep is another one";
  EXPECT_EQ(state(1), ParkState::parked);
}

TEST_F(FanOut, who_is_awake_is_not_rung) {
  handle([&](TestCell& self) { publish(self, 0); });
  for (std::uint32_t reader = 0; reader < readers; ++reader) EXPECT_EQ(state(reader), ParkState::awake);
}

using FanOutToPeer = RemoteLaneTest;

TEST_F(FanOutToPeer, several_behind_one_lane_are_one_publication_and_one_wake) {
  peer().own_bell().park.store(ParkWord::make(1, ParkState::parked));
  schedulers_.handle_on(0, [&](TestCell& self) {
    for (std::uint32_t actor = 1; actor <= 8; ++actor) {
      EXPECT_TRUE(send_number(self.scheduler(), {link_number, ActorId(0, 1, actor)}, actor, far_off()));
    }
    EXPECT_FALSE(peer().take_mail(0));
    EXPECT_EQ(ParkWord::state(peer().own_bell().park.load()), ParkState::parked);
  });
  schedulers_.run_on(0, [] {});
  EXPECT_EQ(ParkWord::state(peer().own_bell().park.load()), ParkState::ringing);
  for (std::uint64_t actor = 1; actor <= 8; ++actor) {
    const auto got = peer().take_mail(0);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->value, actor);
  }
  EXPECT_FALSE(peer().take_mail(0));
}

}  // namespace
}  // namespace ringmail::runtime::test

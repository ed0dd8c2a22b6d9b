#include "poll_set.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "test_schedulers.hpp"

namespace ringmail::runtime::test {
namespace {

using transport::FrameKind;

/// A ring with both ends.
struct Line {
  LocalRing ring;
  transport::RingProducer producer;
  LocalInlet inlet;
  transport::Doorbell bell;

  explicit Line(transport::Bell& consumer)
      : producer(ring.producer()), inlet(ring.consumer(), consumer), bell(consumer) {}

  void send() {
    while (producer.try_loan(8) == nullptr) std::this_thread::yield();
    producer.commit({.kind = FrameKind::local});
    producer.publish();
    bell.ring(producer.cold_mark());
  }
  /// Like a scheduler does with it.
  std::uint64_t take() {
    std::uint64_t taken = 0;
    while (inlet.ring->peek()) {
      inlet.ring->advance();
      ++taken;
    }
    if (taken != 0) {
      inlet.ring->store_cursor();
      inlet.quiet_polls = 0;
    }
    return taken;
  }
};

class PollSetTest : public testing::Test {
 protected:
  explicit PollSetTest(transport::Ordering ordering = transport::Ordering::sequential)
      : ordering_(ordering), set_(*bell_, ordering) {
    transport::test::start_watchdog();
  }

  void make(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      lines_.push_back(std::make_unique<Line>(*bell_));
      lines_.back()->producer.order(ordering_);
      set_.add(lines_.back()->inlet);
    }
  }
  /// Polls whatever is hot, and lets the quiet ones go cold.
  std::uint64_t poll() {
    std::uint64_t taken = 0;
    for (std::size_t i = 0; i < set_.hot_count();) {
      Inlet& inlet = set_.hot(i);
      const std::uint64_t found = line_of(inlet).take();
      taken += found;
      if (found != 0 || !set_.note_quiet(inlet)) ++i;
    }
    return taken;
  }
  Line& line_of(Inlet& inlet) {
    for (auto& line : lines_) {
      if (line != nullptr && &line->inlet == &inlet) return *line;
    }
    std::abort();
  }
  void cool_down() {
    for (std::uint32_t i = 0; i <= PollSet::quiet_limit; ++i) poll();
  }
  Line* cold() {
    for (auto& line : lines_) {
      if (line != nullptr && line->inlet.cold) return line.get();
    }
    return nullptr;
  }

  void expect_that_no_frame_is_overslept();

  const transport::Ordering ordering_;
  std::unique_ptr<transport::Bell> bell_ = std::make_unique<transport::Bell>();
  PollSet set_;
  std::vector<std::unique_ptr<Line>> lines_;
};

TEST_F(PollSetTest, a_set_of_16_never_goes_cold) {
  make(16);
  cool_down();
  EXPECT_EQ(set_.hot_count(), 16u);
}

TEST_F(PollSetTest, of_a_larger_set_16_stay_hot) {
  make(200);
  cool_down();
  EXPECT_EQ(set_.hot_count(), 16u);
  EXPECT_EQ(set_.size(), 200u);
}

TEST_F(PollSetTest, a_frame_on_a_cold_ring_sets_its_bit_and_makes_it_hot_again) {
  make(100);
  cool_down();
  Line* line = cold();
  ASSERT_NE(line, nullptr);
  EXPECT_FALSE(set_.has_pending());
  line->send();
  EXPECT_FALSE(set_.any_hot()) << "it is not polled";
  EXPECT_TRUE(set_.has_pending());
  set_.take_pending();
  EXPECT_FALSE(set_.has_pending());
  EXPECT_FALSE(line->inlet.cold);
  EXPECT_TRUE(set_.any_hot());
  EXPECT_EQ(poll(), 1u);
  // And from then on it is like any other: no bit.
  line->send();
  EXPECT_FALSE(set_.has_pending());
  EXPECT_EQ(poll(), 1u);
}

TEST_F(PollSetTest, a_ring_that_has_something_in_it_does_not_go_cold) {
  make(100);
  lines_[99]->inlet.quiet_polls = PollSet::quiet_limit - 1;
  // Published between the poll that found nothing and the mark.
  lines_[99]->send();
  EXPECT_FALSE(set_.note_quiet(lines_[99]->inlet));
  EXPECT_FALSE(lines_[99]->inlet.cold);
  EXPECT_EQ(lines_[99]->producer.cold_mark(), 0u);
}

TEST_F(PollSetTest, a_ring_whose_producer_cannot_set_its_bit_stays_hot) {
  make(PollSet::max_hot + 2);
  lines_[0]->inlet.may_go_cold = false;
  cool_down();
  EXPECT_EQ(set_.hot_count(), PollSet::max_hot);
  EXPECT_FALSE(lines_[0]->inlet.cold);
}

TEST_F(PollSetTest, the_net_finds_a_cold_ring_whose_bit_was_never_set) {
  make(100);
  cool_down();
  Line* line = cold();
  ASSERT_NE(line, nullptr);
  ASSERT_NE(line->producer.try_loan(8), nullptr);
  line->producer.commit({.kind = FrameKind::local});
  line->producer.publish();  // and died before it rang
  set_.take_pending();
  EXPECT_TRUE(line->inlet.cold);
  set_.poll_cold();
  EXPECT_FALSE(line->inlet.cold);
}

TEST_F(PollSetTest, a_late_bit_of_a_removed_ring_hurts_nobody) {
  make(100);
  cool_down();
  Line* line = cold();
  ASSERT_NE(line, nullptr);
  const std::uint32_t number = line->inlet.number;
  const std::uint32_t mark = line->producer.cold_mark();
  EXPECT_EQ(mark, number + 1);
  set_.remove(line->inlet);
  line->bell.ring(mark);
  EXPECT_TRUE(set_.has_pending());
  set_.take_pending();
  EXPECT_FALSE(set_.has_pending());
  // The number goes to the next one, and so may a bit that comes later still.
  Line next(*bell_);
  set_.add(next.inlet);
  EXPECT_EQ(next.inlet.number, number);
  line->bell.ring(mark);
  set_.take_pending();
  EXPECT_FALSE(next.inlet.cold);
  set_.remove(next.inlet);
}

TEST_F(PollSetTest, bits_that_belong_to_no_ring_are_cleared) {
  make(70);
  for (auto& word : bell_->pending) word.store(~std::uint64_t{0});
  EXPECT_TRUE(set_.has_pending());
  set_.take_pending();
  EXPECT_FALSE(set_.has_pending());
}

/// A consumer that parks and rings that go cold under their producers' hands: whatever is published is found by the bit or
/// by the poll, and never by the net alone.
void PollSetTest::expect_that_no_frame_is_overslept() {
  constexpr std::size_t rings = 200;
  constexpr std::uint64_t frames = 40'000;
  make(rings);
  transport::Parker parker(*bell_, ordering_);
  std::atomic<std::uint64_t> received{0};
  std::thread producer([&] {
    std::mt19937_64 random(transport::test::seed());
    for (std::uint64_t sent = 0; sent < frames;) {
      const std::uint64_t burst = 1 + random() % 8;
      for (std::uint64_t i = 0; i < burst && sent < frames; ++i, ++sent) lines_[random() % rings]->send();
      // Often until the consumer has everything and sleeps, or nearly does.
      if (random() % 4 == 0) until([&] { return received == sent; });
    }
  });
  std::uint64_t found_by_net = 0;
  const auto has_work = [&] { return set_.any_hot() || set_.has_pending(); };
  while (received < frames) {
    set_.take_pending();
    // Cold as soon as may be: every other poll finds nothing.
    for (std::size_t i = 0; i < set_.hot_count(); ++i) {
      set_.hot(i).quiet_polls = std::max(set_.hot(i).quiet_polls, PollSet::quiet_limit - 2);
    }
    const std::uint64_t taken = poll();
    if (taken != 0) {
      received += taken;
      continue;
    }
    if (parker.park(transport::longest_sleep_ns, has_work) == transport::SleepResult::timed_out && !has_work()) {
      const std::size_t hot = set_.hot_count();
      set_.poll_cold();
      found_by_net += set_.hot_count() - hot;
    }
  }
  producer.join();
  EXPECT_EQ(found_by_net, 0u);
  EXPECT_EQ(parker.lost_wakeups(), 0u);
}

TEST_F(PollSetTest, no_frame_on_a_cold_ring_is_overslept) { expect_that_no_frame_is_overslept(); }

/// The producers have no barrier, and the consumer issues it for them, when it parks and when a ring goes cold.
struct AsymmetricPollSetTest : PollSetTest {
  AsymmetricPollSetTest() : PollSetTest(transport::Ordering::asymmetric) {}
};

TEST_F(AsymmetricPollSetTest, no_frame_on_a_cold_ring_is_overslept) {
  if (!transport::register_for_barriers()) GTEST_SKIP() << "the kernel has no membarrier, or forbids it";
  expect_that_no_frame_is_overslept();
}

/// The same with the real scheduler: rings from so many threads that most go cold.
TEST_F(PollSetTest, a_scheduler_of_200_rings_misses_nothing) {
  constexpr std::size_t rings = 200;
  constexpr std::uint64_t rounds = 60;
  std::vector<std::unique_ptr<LocalRing>> memory;
  std::vector<transport::RingProducer> producers;
  Schedulers schedulers(1);
  for (std::size_t i = 0; i < rings; ++i) {
    memory.push_back(std::make_unique<LocalRing>());
    schedulers[0].connect_from(*memory.back(), *bell_);
    producers.push_back(memory.back()->producer());
  }
  schedulers.start();
  std::atomic<std::uint64_t> received{0};
  const ActorId sink =
      schedulers.add(0, [&](TestCell& cell) { cell.on_number = [&](TestCell&, std::uint64_t) { ++received; }; });
  // Keeps the scheduler polling, so that rings go cold in between.
  std::atomic<bool> over{false};
  const ActorId busy = schedulers.add(0, [&](TestCell& cell) {
    cell.on_number = [&](TestCell& self, std::uint64_t) {
      if (!over) static_cast<void>(send_number(self.scheduler(), {0, self.id()}, 0, far_off()));
    };
  });
  schedulers.handle_on(0, [&](TestCell& self) { ASSERT_TRUE(send_number(self.scheduler(), {0, busy}, 0, far_off())); });

  transport::Doorbell bell(schedulers.bells()[0]);
  std::mt19937_64 random(transport::test::seed());
  std::uint64_t sent = 0;
  std::uint64_t sent_cold = 0;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    if (round == rounds / 2) over = true;  // from here on it sleeps as well
    if (round < rounds / 2) {
      std::size_t cold = 0;
      ASSERT_TRUE(until([&] {
        cold = 0;
        for (const auto& producer : producers) cold += producer.cold_mark() != 0 ? 1 : 0;
        return cold >= rings - PollSet::max_hot;
      })) << cold;
    }
    for (int i = 0; i < 50; ++i) {
      transport::RingProducer& producer = producers[random() % rings];
      std::byte* place = producer.try_loan(number_type.size);
      ASSERT_NE(place, nullptr);
      new (place) Number{sent};
      producer.commit(LocalFrame::head(number, Admission::limited, sink, ActorId()));
      producer.publish();
      const std::uint32_t mark = producer.cold_mark();
      if (mark != 0) ++sent_cold;
      bell.ring(mark);
      ++sent;
    }
    ASSERT_TRUE(until([&] { return received == sent; })) << received << " of " << sent;
  }
  EXPECT_GT(sent_cold, sent / 4) << "of " << sent;
  EXPECT_EQ(schedulers.counters().lost_wakeups, 0u);
}

}  // namespace
}  // namespace ringmail::runtime::test

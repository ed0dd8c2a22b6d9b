// The asymmetric form of the order between a publish and a sleep: that it loses no wakeup, that this test would show it if it
// did, and what happens where the kernel refuses.
#include "ringmail/transport/barrier.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "deadline.hpp"
#include "refuse_membarrier.hpp"
#include "ringmail/transport/park.hpp"
#include "ringmail/transport/spin.hpp"
#include "sanitized.hpp"
#include "test_ring.hpp"

namespace ringmail::transport::test {
namespace {

/// RINGMAIL_LITMUS_ROUNDS asks for more. A round is some microseconds.
std::uint64_t rounds() {
  const char* given = std::getenv("RINGMAIL_LITMUS_ROUNDS");
  return given != nullptr ? std::strtoull(given, nullptr, 0) : 50'000;
}

void pause_for(std::uint64_t pauses) {
  for (; pauses > 0; --pauses) pause();
}

/// A producer that publishes without a barrier, and a consumer that goes to sleep at just that time, for as short as it can be.
/// How often it would have slept on: the frame was there, and nobody had rung.
std::uint64_t wakeups_lost(Ordering consumers_ordering, std::uint64_t rounds, std::uint64_t enough) {
  TestRing ring;
  Bell bell;
  std::atomic<std::uint64_t> begun{0};
  std::atomic<bool> done{false};
  std::thread hot([&, random = std::minstd_rand(static_cast<unsigned>(seed()))]() mutable {
    auto producer = ring.producer();
    producer.order(Ordering::asymmetric);
    Doorbell doorbell(bell);
    for (std::uint64_t round = 1; !done; ++round) {
      while (begun.load() < round && !done) pause();
      pause_for(random() % 64);
      if (!send(producer, "")) ADD_FAILURE() << "no room";
      doorbell.ring(producer.cold_mark());
    }
  });
  auto consumer = ring.consumer();
  Parker parker(bell, consumers_ordering);
  std::minstd_rand random(static_cast<unsigned>(seed() + 1));
  for (std::uint64_t round = 1; round <= rounds && parker.lost_wakeups() < enough; ++round) {
    begun = round;
    pause_for(random() % 64);
    parker.park(0, [&] { return !consumer.empty(); });
    while (!consumer.peek()) pause();
    consumer.advance();
    consumer.store_cursor();
  }
  done = true;
  begun = UINT64_MAX;
  hot.join();
  EXPECT_EQ(parker.failed_barriers(), 0u);
  return parker.lost_wakeups();
}

TEST(Barrier, an_asymmetric_producer_loses_no_wakeup) {
  if (!register_for_barriers()) GTEST_SKIP() << "the kernel has no membarrier, or forbids it";
  if (rounds() <= 50'000) start_watchdog();
  EXPECT_EQ(wakeups_lost(Ordering::asymmetric, rounds(), UINT64_MAX), 0u);
}

// The teeth of the test above: without the consumer's barrier it finds what is lost.
TEST(Barrier, an_asymmetric_producer_loses_wakeups_where_the_consumer_issues_no_barrier) {
  if (usable_cpus() < 2) GTEST_SKIP() << "one CPU sees its own stores in order";
  if (under_tsan) GTEST_SKIP() << "ThreadSanitizer's own work comes between the store and the load";
  start_watchdog();
  EXPECT_GT(wakeups_lost(Ordering::sequential, 10'000'000, 3), 0u);
}

TEST(Barrier, a_filter_that_forbids_it_is_noticed_before_anybody_relies_on_it) {
  EXPECT_EQ(status_of_child([] {
              if (!refuse_membarrier()) return 2;
              return register_for_barriers() ? 1 : 0;
            }),
            0);
}

TEST(Barrier, where_it_is_refused_later_sleeps_are_short_and_it_is_counted) {
  if (!register_for_barriers()) GTEST_SKIP() << "the kernel has no membarrier, or forbids it";
  EXPECT_EQ(status_of_child([] {
              Bell bell;
              Parker parker(bell, Ordering::asymmetric);
              if (!refuse_membarrier()) return 2;
              const std::uint64_t start_ns = monotonic_ns();
              if (parker.park(longest_sleep_ns, [] { return false; }) != SleepResult::timed_out) return 3;
              if (monotonic_ns() - start_ns >= longest_sleep_ns) return 4;
              return parker.failed_barriers() == 1 && parker.lost_wakeups() == 0 ? 0 : 5;
            }),
            0);
}

}  // namespace
}  // namespace ringmail::transport::test

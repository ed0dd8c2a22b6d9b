// The pairs that must not both miss each other (docs/memory_model.md), raced against each other: each side stores, then
// looks for the other's store. On x86 a store that is only a release can be overtaken by the load behind it; that is
// what these find, where the two have a CPU each.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "deadline.hpp"
#include "ringmail/transport/park.hpp"
#include "ringmail/transport/pause.hpp"
#include "test_ring.hpp"

namespace ringmail::transport::test {
namespace {

constexpr int most_rounds = 200'000;
constexpr std::uint64_t longest_ns = 1'500'000'000;  // where the two do not have a CPU each, a round takes a time slice

void await(const std::atomic<int>& word, int value) {
  for (int spins = 0; word.load(std::memory_order_acquire) != value; ++spins) {
    if (spins % 1024 == 1023) sched_yield();
    pause();
  }
}

void shift(int steps) {
  for (int step = 0; step < steps; ++step) std::atomic_signal_fence(std::memory_order_seq_cst);
}

/// Runs `left` and `right` at the same time, over and over, with every small shift between them, and `settle` after
/// both. `left` is given a way to wait for `right`.
template <class Left, class Right, class Settle>
void race(Left&& left, Right&& right, Settle&& settle) {
  start_watchdog();
  std::atomic<int> go{0};
  std::atomic<int> done{0};
  std::thread other([&] {
    for (int round = 1;; ++round) {
      while (go.load(std::memory_order_acquire) != round) {
        if (go.load(std::memory_order_acquire) < 0) return;
        pause();
      }
      shift(round / 64 % 64);
      right();
      done.store(round, std::memory_order_release);
    }
  });
  const std::uint64_t until_ns = monotonic_ns() + longest_ns;
  for (int round = 1; round <= most_rounds && (round % 64 != 0 || monotonic_ns() < until_ns); ++round) {
    const auto wait_for_right = [&] { await(done, round); };
    go.store(round, std::memory_order_release);
    // The line takes a while to get there.
    shift(round % 64 * 8);
    left(wait_for_right);
    wait_for_right();
    settle();
  }
  go.store(-1, std::memory_order_release);
  other.join();
}

TEST(Ordering, who_goes_to_sleep_sees_the_frame_or_is_rung) {
  TestRing ring;
  Bell bell;
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  Doorbell doorbell(bell);
  Parker parker(bell);
  bool found = false;
  bool rung = false;
  int missed = 0;
  race(
      [&](auto&& wait_for_right) {
        const auto look_and_stay = [&] {
          found = !consumer.empty();
          wait_for_right();
          return true;
        };
        parker.park(longest_sleep_ns, look_and_stay);
      },
      [&] {
        send(producer, "");
        doorbell.ring();
        rung = ParkWord::state(bell.park.load(std::memory_order_relaxed)) == ParkState::ringing;
      },
      [&] {
        if (!found && !rung) ++missed;
        drain(consumer);
      });
  EXPECT_EQ(missed, 0);
}

TEST(Ordering, who_wants_room_sees_the_cursor_or_is_seen) {
  TestRing ring;
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  bool found = false;
  bool seen = false;
  int missed = 0;
  const auto fill_and_finish_one = [&] {
    while (send(producer, "")) {
    }
    static_cast<void>(consumer.peek());
    consumer.advance();
  };
  fill_and_finish_one();
  race(
      [&](auto&&) {
        producer.want_room(true);
        found = producer.cursor_moved();
      },
      [&] { seen = consumer.store_cursor(); },
      [&] {
        if (!found && !seen) ++missed;
        producer.want_room(false);
        fill_and_finish_one();
      });
  EXPECT_EQ(missed, 0);
}

TEST(Ordering, who_marks_a_ring_cold_sees_the_frame_or_is_seen) {
  TestRing ring;
  auto producer = ring.producer();
  auto consumer = ring.consumer();
  bool found = false;
  bool seen = false;
  int missed = 0;
  race(
      [&](auto&&) {
        consumer.mark_cold(1);
        found = !consumer.empty();
      },
      [&] {
        send(producer, "");
        seen = producer.cold_mark() != 0;
      },
      [&] {
        if (!found && !seen) ++missed;
        consumer.mark_cold(0);
        drain(consumer);
      });
  EXPECT_EQ(missed, 0);
}

}  // namespace
}  // namespace ringmail::transport::test

// Both ends at work at the same time, as threads (for ThreadSanitizer: on one mapping) and as processes.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <memory>
#include <thread>

#include "deadline.hpp"
#include "shared_ring.hpp"

namespace ringmail::transport::test {
namespace {

using Shared = SharedRing<16 * 1024>;
using SharedMemory = InSharedMemory<Shared>;

/// The length and the bytes of a message follow from its number, so either end can make them.
struct Message {
  std::uint32_t length;
  unsigned char fill;

  Message(std::uint64_t run_seed, std::uint64_t number) {
    std::uint64_t mixed = (run_seed ^ number) * 0x9e3779b97f4a7c15;
    mixed ^= mixed >> 29;
    mixed *= 0xbf58476d1ce4e5b9;
    fill = static_cast<unsigned char>(mixed >> 56);
    const bool large = mixed % 512 == 0;
    length = static_cast<std::uint32_t>(8 + (mixed >> 16) % (large ? Shared::capacity / 2 - 40 : 96));
  }
};

void produce(Shared& shared, std::uint64_t run_seed, std::uint64_t from, std::uint64_t to) {
  auto producer = shared.producer();
  Doorbell bell(shared.consumer_bell);
  Parker parker(shared.producer_bell);
  const auto publish = [&] {
    if (producer.publish()) bell.ring(producer.cold_mark());
  };
  for (std::uint64_t number = from; number < to; ++number) {
    const Message message(run_seed, number);
    std::byte* room = nullptr;
    const auto try_loan = [&] { return (room = producer.try_loan(message.length)) != nullptr; };
    if (!try_loan()) {
      publish();
      producer.want_room(true);
      while (room == nullptr && !try_loan()) parker.park(longest_sleep_ns, try_loan);
      producer.want_room(false);
    }
    std::memset(room, message.fill, message.length);
    std::memcpy(room, &number, sizeof number);
    if (number % 128 == 127) {
      // Given back, and taken again for another message.
      producer.cancel();
      room = producer.try_loan(message.length);
      std::memset(room, message.fill, message.length);
      std::memcpy(room, &number, sizeof number);
    }
    producer.commit({.type = static_cast<std::uint32_t>(number)});
    if (message.fill % 4 == 0) publish();
  }
  publish();
  EXPECT_EQ(parker.lost_wakeups(), 0u);
  EXPECT_EQ(producer.fault(), RingFault::none);
}

void check(const Frame& frame, std::uint64_t run_seed, std::uint64_t number) {
  const Message message(run_seed, number);
  ASSERT_EQ(frame.length, message.length) << number;
  ASSERT_EQ(frame.head.type, static_cast<std::uint32_t>(number));
  ASSERT_EQ(std::memcmp(frame.payload, &number, sizeof number), 0) << number;
  const auto wrong = [&](std::byte byte) { return byte != std::byte{message.fill}; };
  ASSERT_EQ(std::find_if(frame.payload + sizeof number, frame.payload + frame.length, wrong),
            frame.payload + frame.length);
}

void consume(Shared& shared, std::uint64_t run_seed, std::uint64_t from, std::uint64_t to) {
  auto consumer = shared.consumer();
  Doorbell bell(shared.producer_bell);
  Parker parker(shared.consumer_bell);
  for (std::uint64_t number = from; number < to;) {
    if (const auto frame = consumer.peek()) {
      ASSERT_NO_FATAL_FAILURE(check(*frame, run_seed, number));
      consumer.begin();
      consumer.advance();
      ++number;
      if (consumer.cursor_due() && consumer.store_cursor()) bell.ring();
      continue;
    }
    ASSERT_EQ(consumer.fault(), RingFault::none) << to_string(consumer.fault());
    if (consumer.store_cursor()) bell.ring();
    parker.park(longest_sleep_ns, [&] { return !consumer.empty(); });
  }
  if (consumer.store_cursor()) bell.ring();
  EXPECT_EQ(parker.lost_wakeups(), 0u);
  EXPECT_GT(parker.sleeps(), 0u) << "this test is about sleeping, too";
}

TEST(RingStress, two_threads_agree_on_every_byte) {
  start_watchdog();
  constexpr std::uint64_t messages = 1'500'000;
  auto shared = std::make_unique<Shared>();
  std::thread other([&] { produce(*shared, seed(), 0, messages); });
  consume(*shared, seed(), 0, messages);
  other.join();
}

TEST(RingStress, two_processes_agree_on_every_byte) {
  start_watchdog();
  constexpr std::uint64_t messages = 300'000;
  SharedMemory memory;
  const std::uint64_t run_seed = seed();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    start_watchdog();
    produce(*memory, run_seed, 0, messages);
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  consume(*memory, run_seed, 0, messages);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

// A producer that is killed anywhere leaves whole batches, and behind them a word that reads 0.
TEST(RingStress, a_killed_producer_leaves_all_of_a_batch_or_nothing) {
  start_watchdog();
  constexpr std::uint64_t batch = 5;
  std::mt19937_64 random(seed());
  for (int life = 0; life < 25; ++life) {
    SharedMemory memory;
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      start_watchdog();
      auto producer = (*memory).producer();
      for (std::uint64_t number = 0;; ++number) {
        std::byte* room = nullptr;
        while ((room = producer.try_loan(static_cast<std::uint32_t>(8 + number % 300))) == nullptr) look_away();
        std::memcpy(room, &number, sizeof number);
        producer.commit({});
        if (number % batch == batch - 1) producer.publish();
      }
    }
    auto consumer = (*memory).consumer();
    std::uint64_t number = 0;
    const auto drain_to = [&](std::uint64_t most) {
      while (number < most) {
        const auto frame = consumer.peek();
        if (!frame) return;
        ASSERT_EQ(std::memcmp(frame->payload, &number, sizeof number), 0);
        consumer.advance();
        consumer.store_cursor();
        ++number;
      }
    };
    const std::uint64_t kill_after = random() % 5000;
    ASSERT_TRUE(until([&] {
      drain_to(kill_after);
      return number == kill_after;
    }));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_NO_FATAL_FAILURE(drain_to(UINT64_MAX));
    EXPECT_EQ(number % batch, 0u);
    EXPECT_EQ(consumer.fault(), RingFault::none);
  }
}

}  // namespace
}  // namespace ringmail::transport::test

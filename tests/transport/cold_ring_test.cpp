// Rings that are polled only when their bit in the pending set says so.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <memory>
#include <thread>

#include "deadline.hpp"
#include "ringmail/transport/park.hpp"
#include "test_ring.hpp"

namespace ringmail::transport::test {
namespace {

Bell* watched = nullptr;
volatile std::sig_atomic_t state_when_set = -1;

void on_touch(int, siginfo_t*, void*) {
  state_when_set = static_cast<std::sig_atomic_t>(ParkWord::state(watched->park.load(std::memory_order_relaxed)));
  mprotect(&watched->pending, page_bytes, PROT_READ | PROT_WRITE);
}

// Else the sleeper may wake, find no bit, and sleep on beside a frame.
TEST(ColdRing, the_bit_is_set_before_the_bell_rings) {
  void* memory = mmap(nullptr, sizeof(Bell), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  watched = new (memory) Bell;
  watched->park = ParkWord::make(1, ParkState::parked);
  struct sigaction action{};
  struct sigaction before{};
  action.sa_sigaction = on_touch;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, &before);
  ASSERT_EQ(mprotect(&watched->pending, page_bytes, PROT_READ), 0);
  Doorbell(*watched).ring(1 + 70);
  sigaction(SIGSEGV, &before, nullptr);

  EXPECT_EQ(watched->pending[1].load(), std::uint64_t{1} << 6);
  EXPECT_EQ(state_when_set, static_cast<int>(ParkState::parked));
  EXPECT_EQ(ParkWord::state(watched->park.load()), ParkState::ringing);
  munmap(memory, sizeof(Bell));
}

TEST(ColdRing, a_mark_past_the_set_is_ignored) {
  auto bells = std::make_unique<Bell[]>(2);
  Doorbell(bells[0]).ring(pending_rings + 1);
  Doorbell(bells[0]).ring(UINT32_MAX);
  for (const Bell& bell : {std::cref(bells[0]), std::cref(bells[1])}) {
    for (const auto& word : bell.pending) ASSERT_EQ(word.load(), 0u);
    EXPECT_EQ(bell.park.load(), 0u);
  }
  Doorbell(bells[0]).ring(pending_rings);
  EXPECT_EQ(bells[0].pending[pending_rings / 64 - 1].load(), std::uint64_t{1} << 63);
}

// As a scheduler does it: marked, polled once, slept on; cleared, polled, unmarked.
TEST(ColdRing, no_frame_is_lost_in_many_rounds) {
  start_watchdog();
  constexpr int frames = 60'000;
  constexpr std::uint32_t number = 5;
  TestRing ring;
  Bell bell;
  std::atomic<int> taken{0};
  std::thread other([&] {
    auto producer = ring.producer();
    Doorbell doorbell(bell);
    for (int sent = 0; sent < frames; ++sent) {
      if (!send(producer, "")) --sent;
      doorbell.ring(producer.cold_mark());
      if (sent % 3 == 0 && !until([&] { return taken.load() >= sent; })) return;
    }
  });
  auto consumer = ring.consumer();
  Parker parker(bell);
  const auto drain_ring = [&] { taken += static_cast<int>(drain(consumer).size()); };
  const auto is_pending = [&] { return bell.pending[0].load(std::memory_order_seq_cst) != 0; };
  while (taken.load() < frames) {
    consumer.mark_cold(number + 1);
    // Once more, and from then on the bit alone counts.
    if (consumer.empty()) {
      while (bell.pending[0].exchange(0, std::memory_order_seq_cst) == 0) parker.park(longest_sleep_ns, is_pending);
    }
    drain_ring();
    consumer.mark_cold(0);
  }
  other.join();
  EXPECT_EQ(parker.lost_wakeups(), 0u);
  EXPECT_GT(parker.sleeps(), 0u);
}

}  // namespace
}  // namespace ringmail::transport::test

#include "ringmail/transport/park.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "deadline.hpp"
#include "ringmail/transport/pipe_bell.hpp"
#include "test_ring.hpp"

namespace ringmail::transport::test {
namespace {

constexpr auto nothing = [] { return false; };

ParkState state_of(const Bell& bell) { return ParkWord::state(bell.park.load()); }
bool is_parked(const Bell& bell) { return state_of(bell) == ParkState::parked; }

/// A thread that sleeps once, and what came of it.
struct Sleeper {
  explicit Sleeper(Bell& bell) : thread([this, &bell] { result = Parker(bell).park(longest_sleep_ns, nothing); }) {}
  ~Sleeper() { join(); }
  SleepResult join() {
    if (thread.joinable()) thread.join();
    return result;
  }

  SleepResult result = SleepResult::timed_out;
  std::thread thread;
};

TEST(Park, work_that_is_there_prevents_the_sleep) {
  Bell bell;
  Parker parker(bell);
  EXPECT_EQ(parker.park(longest_sleep_ns, [] { return true; }), SleepResult::woken);
  EXPECT_EQ(parker.sleeps(), 0u);
  EXPECT_EQ(state_of(bell), ParkState::awake);
}

TEST(Park, a_wake_before_the_sleep_is_not_lost) {
  Bell bell;
  Parker parker(bell);
  Doorbell producer(bell);
  // Between the last look and the sleep: the word has changed, so there is no sleep.
  for (int round = 0; round < 100; ++round) {
    const auto look = [&] {
      producer.ring();
      return false;
    };
    ASSERT_EQ(parker.park(longest_sleep_ns, look), SleepResult::woken);
  }
  EXPECT_EQ(parker.sleeps(), 100u);
}

TEST(Park, a_ring_ends_the_sleep) {
  start_watchdog();
  Bell bell;
  Doorbell producer(bell);
  Sleeper sleeper(bell);
  ASSERT_TRUE(until([&] { return is_parked(bell); }));
  producer.ring();
  EXPECT_EQ(sleeper.join(), SleepResult::woken);
  EXPECT_EQ(state_of(bell), ParkState::awake);
}

TEST(Park, a_ring_leaves_who_is_awake_alone) {
  Bell bell;
  const std::uint32_t before = bell.park.load();
  Doorbell(bell).ring();
  wake(bell);
  EXPECT_EQ(bell.park.load(), before);
}

TEST(Park, a_producer_rings_once_per_sleep) {
  Bell bell;
  Doorbell producer(bell);
  const std::uint32_t parked = ParkWord::make(7, ParkState::parked);
  bell.park = parked;
  producer.ring();
  EXPECT_EQ(bell.park.load(), ParkWord::make(7, ParkState::ringing));
  bell.park = parked;  // undone, to see whether the same sleep is rung again
  producer.ring();
  EXPECT_EQ(bell.park.load(), parked);
  bell.park = ParkWord::make(8, ParkState::parked);
  producer.ring();
  EXPECT_EQ(bell.park.load(), ParkWord::make(8, ParkState::ringing));
}

#ifdef __linux__
char run_state(pid_t thread) {
  const std::string path = "/proc/self/task/" + std::to_string(thread) + "/stat";
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "r"), std::fclose);
  if (!file) return '?';
  std::array<char, 512> text{};
  std::fgets(text.data(), text.size(), file.get());
  const char* name_end = std::strrchr(text.data(), ')');
  return name_end != nullptr ? name_end[2] : '?';
}

TEST(Park, one_that_sleeps_on_a_pipe_is_rung_there_once_per_sleep) {
  Bell bell;
  PipeBell pipe;
  Doorbell producer(bell, pipe);
  Parker parker(bell);
  ASSERT_TRUE(pipe.open());
  const auto bytes_in_pipe = [&] {
    int bytes = 0;
    ioctl(pipe.read_end(), FIONREAD, &bytes);
    return bytes;
  };
  producer.ring();
  EXPECT_EQ(bytes_in_pipe(), 0);
  for (int sleep = 1; sleep <= 3; ++sleep) {
    parker.lie_down();
    producer.ring();
    producer.ring();
    EXPECT_EQ(state_of(bell), ParkState::ringing);
    EXPECT_EQ(bytes_in_pipe(), sleep);
    parker.get_up();
  }
}

TEST(Park, a_pipe_that_is_full_keeps_no_producer) {
  start_watchdog();
  PipeBell pipe;
  ASSERT_TRUE(pipe.open());
  for (int i = 0; i < 1 << 17; ++i) pipe.ring();
  int bytes = 0;
  ASSERT_EQ(ioctl(pipe.read_end(), FIONREAD, &bytes), 0);
  EXPECT_LT(bytes, 1 << 17);
}

TEST(Park, a_producer_that_dies_between_the_change_and_the_wake_mutes_nobody) {
  start_watchdog();
  Bell bell;
  std::atomic<pid_t> id{0};
  SleepResult result = SleepResult::timed_out;
  std::thread thread([&] {
    id = gettid();
    result = Parker(bell).park(longest_sleep_ns, nothing);
  });
  ASSERT_TRUE(until([&] { return is_parked(bell) && run_state(id) == 'S'; }));
  std::uint32_t word = bell.park.load();
  ASSERT_TRUE(bell.park.compare_exchange_strong(word, ParkWord::make(ParkWord::count(word), ParkState::ringing)));
  // That was all that the dead one did. Whoever comes after it finds the word changed, and rings all the same.
  Doorbell(bell).ring();
  thread.join();
  EXPECT_EQ(result, SleepResult::woken);
}

TEST(Park, a_signal_interrupts_the_sleep) {
  start_watchdog();
  struct sigaction action{};
  action.sa_handler = [](int) {};
  sigaction(SIGUSR1, &action, nullptr);
  Bell bell;
  std::atomic<pid_t> id{0};
  SleepResult result = SleepResult::timed_out;
  std::thread thread([&] {
    id = gettid();
    result = Parker(bell).park(longest_sleep_ns, nothing);
  });
  ASSERT_TRUE(until([&] { return is_parked(bell) && run_state(id) == 'S'; }));
  pthread_kill(thread.native_handle(), SIGUSR1);
  thread.join();
  EXPECT_EQ(result, SleepResult::interrupted);
}
#endif

TEST(Park, anybody_may_wake_a_sleeper) {
  start_watchdog();
  Bell bell;
  Sleeper sleeper(bell);
  ASSERT_TRUE(until([&] { return is_parked(bell); }));
  wake(bell);
  EXPECT_EQ(sleeper.join(), SleepResult::woken);
}

TEST(Park, no_sleep_is_longer_than_the_longest) {
  start_watchdog();
  Bell bell;
  Parker parker(bell);
  EXPECT_EQ(parker.park(UINT64_MAX, nothing), SleepResult::timed_out);
  EXPECT_EQ(parker.lost_wakeups(), 0u) << "nothing came, so nothing was lost";
}

TEST(Park, a_producer_that_does_not_ring_is_counted) {
  Bell bell;
  Parker parker(bell);
  int looks = 0;
  const auto published_while_asleep = [&] { return ++looks > 1; };
  EXPECT_EQ(parker.park(1'000'000, published_while_asleep), SleepResult::timed_out);
  EXPECT_EQ(parker.lost_wakeups(), 1u);
}

TEST(Park, a_producer_that_rings_late_is_not_counted) {
  Bell bell;
  Parker parker(bell);
  Doorbell producer(bell);
  int looks = 0;
  const auto published_while_asleep = [&] {
    if (++looks == 1) return false;
    producer.ring();
    return true;
  };
  parker.park(1'000'000, published_while_asleep);
  EXPECT_EQ(parker.lost_wakeups(), 0u);
}

TEST(Park, a_producer_is_accused_when_it_sleeps_and_has_not_rung) {
  Bell bell;
  Bell producers_bell;
  Parker parker(bell);
  Doorbell to_producer(producers_bell);
  int looks = 0;
  const auto published_while_asleep = [&] { return ++looks % 2 == 0; };
  const auto sleeps = [&] { return to_producer.is_asleep(); };
  parker.park(1'000'000, published_while_asleep, sleeps);
  EXPECT_EQ(parker.lost_wakeups(), 0u) << "it is awake, and may ring yet";

  producers_bell.park = ParkWord::make(1, ParkState::parked);
  parker.park(1'000'000, published_while_asleep, sleeps);
  EXPECT_EQ(parker.lost_wakeups(), 1u);

  Doorbell producer(bell);
  parker.park(1'000'000, published_while_asleep, [&] {
    producer.ring();
    return sleeps();
  });
  EXPECT_EQ(parker.lost_wakeups(), 1u) << "it rang before it slept";
}

TEST(Park, the_count_wraps) {
  Bell bell;
  bell.park = ParkWord::make(ParkWord::count_mask, ParkState::awake);
  Parker parker(bell);
  Doorbell producer(bell);
  const auto look = [&] {
    EXPECT_EQ(bell.park.load(), ParkWord::make(0, ParkState::parked));
    producer.ring();
    return false;
  };
  EXPECT_EQ(parker.park(longest_sleep_ns, look), SleepResult::woken);
}

TEST(Park, a_parker_goes_on_with_the_count_of_the_word) {
  Bell bell;
  Doorbell producer(bell);
  for (std::uint32_t count = 1; count <= 3; ++count) {
    Parker parker(bell);
    const auto look = [&] {
      EXPECT_EQ(ParkWord::count(bell.park.load()), count) << "a producer would take it for a sleep that it has rung";
      producer.ring();
      return false;
    };
    ASSERT_EQ(parker.park(longest_sleep_ns, look), SleepResult::woken);
  }
}

/// One end of a ping-pong. It never spins, so every round is a sleep or the race to one.
struct Player {
  TestRing& out;
  TestRing& in;
  Bell& own;
  Bell& other;

  void play(int rounds, bool begins) const {
    auto producer = out.producer();
    auto consumer = in.consumer();
    Parker parker(own);
    Doorbell bell(other);
    const auto hit = [&] {
      ASSERT_TRUE(send(producer, ""));
      bell.ring(producer.cold_mark());
    };
    for (int round = 0; round < rounds; ++round) {
      if (begins) hit();
      while (!consumer.peek()) parker.park(longest_sleep_ns, [&] { return !consumer.empty(); });
      consumer.advance();
      consumer.store_cursor();
      if (!begins) hit();
    }
    EXPECT_EQ(parker.lost_wakeups(), 0u);
    EXPECT_GT(parker.sleeps(), 0u);
  }
};

TEST(Park, no_wakeup_is_lost_in_many_rounds) {
  start_watchdog();
  constexpr int rounds = 60'000;
  TestRing there, back;
  Bell left, right;
  std::thread other([&] { Player{back, there, right, left}.play(rounds, false); });
  Player{there, back, left, right}.play(rounds, true);
  other.join();
}

TEST(Park, a_sleeper_in_another_process_is_woken) {
  start_watchdog();
  void* memory = mmap(nullptr, sizeof(Bell), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  Bell& bell = *new (memory) Bell;
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    start_watchdog();
    _exit(Parker(bell).park(longest_sleep_ns, nothing) == SleepResult::woken ? 0 : 1);
  }
  EXPECT_TRUE(until([&] { return is_parked(bell); }));
  Doorbell(bell).ring();
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  munmap(memory, sizeof(Bell));
}

}  // namespace
}  // namespace ringmail::transport::test

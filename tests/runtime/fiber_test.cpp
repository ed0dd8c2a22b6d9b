#include "ringmail/runtime/fiber.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <exception>
#include <functional>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "allocation_count.hpp"
#include "ringmail/runtime/stack_pool.hpp"

namespace ringmail::runtime {
namespace {

/// The smallest scheduler: runs jobs until there is none, as the header asks of a loop.
class Jobs {
 public:
  explicit Jobs(const StackPoolOptions& options = {}) : pool(options) {}

  void add(std::function<void()> job) { queue_.push_back(std::move(job)); }

  bool run() {
    return fibers
        .run(
            [](void* self) {
              auto& jobs = *static_cast<Jobs*>(self);
              ++jobs.loops;
              while (!jobs.queue_.empty()) {
                const std::function<void()> job = std::move(jobs.queue_.front());
                jobs.queue_.pop_front();
                job();
                if (!jobs.fibers.owns_loop()) return;
              }
            },
            this)
        .has_value();
  }

  /// Suspends the job that calls it, and adds one that resumes it.
  void yield() {
    add([this, fiber = fibers.current()] { fibers.resume(fiber); });
    ASSERT_TRUE(fibers.suspend());
  }

  StackPool pool;
  FiberThread fibers{pool};
  int loops = 0;

 private:
  std::deque<std::function<void()>> queue_;
};

TEST(Fiber, outside_run_there_is_no_fiber_and_no_loop_to_own) {
  Jobs jobs;
  EXPECT_EQ(jobs.fibers.current(), nullptr);
  EXPECT_FALSE(jobs.fibers.owns_loop());
  ASSERT_TRUE(jobs.run());
  EXPECT_EQ(jobs.fibers.current(), nullptr);
  EXPECT_FALSE(jobs.fibers.owns_loop());
}

TEST(Fiber, jobs_that_do_not_suspend_share_one_loop_on_one_pooled_stack) {
  Jobs jobs;
  std::vector<Fiber*> seen;
  for (int i = 0; i < 3; ++i) {
    jobs.add([&] {
      seen.push_back(jobs.fibers.current());
      EXPECT_TRUE(jobs.fibers.owns_loop());
      EXPECT_EQ(jobs.pool.in_use(), 1U);
    });
  }
  ASSERT_TRUE(jobs.run());
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_NE(seen[0], nullptr);
  EXPECT_EQ(seen[0], seen[2]);
  EXPECT_EQ(jobs.loops, 1);
  EXPECT_EQ(jobs.pool.in_use(), 0U);
}

TEST(Fiber, the_loop_goes_on_elsewhere_while_a_job_is_suspended) {
  Jobs jobs;
  std::string order;
  jobs.add([&] {
    Fiber* self = jobs.fibers.current();
    order += 'a';
    jobs.yield();
    order += 'c';
    EXPECT_EQ(jobs.fibers.current(), self);
    EXPECT_FALSE(jobs.fibers.owns_loop()) << "the loop is another fiber's since the suspension";
  });
  jobs.add([&] {
    order += 'b';
    EXPECT_TRUE(jobs.fibers.owns_loop());
    EXPECT_EQ(jobs.fibers.suspended_count(), 1U);
    EXPECT_EQ(jobs.pool.in_use(), 2U);
  });
  ASSERT_TRUE(jobs.run());
  EXPECT_EQ(order, "abc");
  EXPECT_EQ(jobs.loops, 2);
  EXPECT_EQ(jobs.fibers.suspended_count(), 0U);
  EXPECT_EQ(jobs.pool.in_use(), 0U);
}

TEST(Fiber, a_detached_fiber_that_suspends_again_returns_to_its_resumer) {
  Jobs jobs;
  std::string order;
  jobs.add([&] {
    Fiber* first = jobs.fibers.current();
    jobs.add([&, first] {
      order += '1';
      jobs.fibers.resume(first);
      order += '2';
      EXPECT_TRUE(jobs.fibers.owns_loop());
      EXPECT_EQ(jobs.pool.in_use(), 2U);
      jobs.fibers.resume(first);
      order += '3';
      EXPECT_EQ(jobs.pool.in_use(), 1U) << "its loop call has returned";
    });
    ASSERT_TRUE(jobs.fibers.suspend());
    order += 'a';
    ASSERT_TRUE(jobs.fibers.suspend());
    order += 'b';
  });
  ASSERT_TRUE(jobs.run());
  EXPECT_EQ(order, "1a2b3");
  EXPECT_EQ(jobs.loops, 2) << "a detached fiber starts no loop";
}

TEST(Fiber, switching_for_ever_takes_no_more_stacks) {
  Jobs jobs;
  for (int job = 0; job < 4; ++job) {
    jobs.add([&] {
      for (int i = 0; i < 10'000; ++i) jobs.yield();
    });
  }
  ASSERT_TRUE(jobs.run());
  EXPECT_EQ(jobs.pool.idle(), 5U);
}

TEST(Fiber, every_suspension_of_an_owner_can_reuse_the_stack_of_one_that_finished) {
  Jobs jobs;
  for (int i = 0; i < 1'000; ++i) {
    jobs.add([&] { jobs.yield(); });
    ASSERT_TRUE(jobs.run());
  }
  EXPECT_EQ(jobs.loops, 2'000);
  EXPECT_EQ(jobs.pool.idle(), 2U);
}

TEST(Fiber, a_suspension_in_steady_state_allocates_nothing) {
  if (!test::counts_allocations) GTEST_SKIP() << "the sanitizer has an operator new of its own";
  struct Asks {
    StackPool pool;
    FiberThread fibers{pool};
    Fiber* waiting = nullptr;
    int left = 1'000;

    // Suspends like a handler that asks, and answers the handler whose stack the loop was taken from.
    static void loop(void* argument) {
      auto& asks = *static_cast<Asks*>(argument);
      while (asks.left-- > 0) {
        if (asks.waiting != nullptr) asks.fibers.resume(std::exchange(asks.waiting, nullptr));
        asks.waiting = asks.fibers.current();
        if (!asks.fibers.suspend()) std::abort();
        if (!asks.fibers.owns_loop()) return;
      }
      if (asks.waiting != nullptr) asks.fibers.resume(std::exchange(asks.waiting, nullptr));
    }
  };
  Asks asks;
  ASSERT_TRUE(asks.fibers.run(&Asks::loop, &asks));
  asks.left = 1'000;
  const std::size_t before = test::allocation_count.load();
  ASSERT_TRUE(asks.fibers.run(&Asks::loop, &asks));
  EXPECT_EQ(test::allocation_count.load(), before);
  EXPECT_GT(before, 0U);
  EXPECT_EQ(asks.pool.in_use(), 0U);
}

// Each of the two throws its own exception; they leave their catch blocks in the order that a shared list of caught
// exceptions gets wrong.
TEST(Fiber, a_bare_throw_after_a_suspension_rethrows_the_exception_of_its_own_catch_block) {
  Jobs jobs;
  std::string caught;
  for (const char* name : {"first", "second"}) {
    jobs.add([&jobs, &caught, name] {
      try {
        try {
          throw std::runtime_error(name);
        } catch (const std::runtime_error&) {
          jobs.yield();
          EXPECT_NE(std::current_exception(), nullptr);
          throw;
        }
      } catch (const std::runtime_error& error) {
        caught += std::string(name) + " caught " + error.what() + "; ";
      }
      EXPECT_EQ(std::current_exception(), nullptr);
    });
  }
  jobs.add([] { EXPECT_EQ(std::current_exception(), nullptr) << "the loop's new stack is in nobody's catch block"; });
  ASSERT_TRUE(jobs.run());
  EXPECT_EQ(caught, "first caught first; second caught second; ");
}

TEST(Fiber, a_destructor_that_suspends_during_unwinding_keeps_its_exception_to_itself) {
  struct SuspendsAtExit {
    Jobs& jobs;
    ~SuspendsAtExit() {
      EXPECT_EQ(std::uncaught_exceptions(), 1);
      jobs.yield();
      EXPECT_EQ(std::uncaught_exceptions(), 1);
    }
  };
  Jobs jobs;
  bool caught = false;
  jobs.add([&] {
    try {
      const SuspendsAtExit guard{jobs};
      throw std::runtime_error("x");
    } catch (const std::runtime_error&) {
      caught = true;
    }
  });
  jobs.add([] { EXPECT_EQ(std::uncaught_exceptions(), 0); });
  ASSERT_TRUE(jobs.run());
  EXPECT_TRUE(caught);
}

TEST(Fiber, run_without_a_stack_fails_and_calls_nothing) {
  Jobs jobs({.max_stacks = 0});
  jobs.add([] { ADD_FAILURE(); });
  EXPECT_FALSE(jobs.run());
  EXPECT_EQ(jobs.fibers.current(), nullptr);
}

TEST(Fiber, a_suspension_without_a_stack_for_the_loop_fails_and_the_job_goes_on) {
  Jobs jobs({.max_stacks = 1});
  bool went_on = false;
  jobs.add([&] {
    const auto suspended = jobs.fibers.suspend();
    ASSERT_FALSE(suspended);
    EXPECT_EQ(suspended.error(), StackError::limit_reached);
    EXPECT_TRUE(jobs.fibers.owns_loop());
    EXPECT_EQ(jobs.fibers.suspended_count(), 0U);
    went_on = true;
  });
  ASSERT_TRUE(jobs.run());
  EXPECT_TRUE(went_on);
}

TEST(Fiber, a_loop_that_ends_leaves_suspended_fibers_counted) {
  Jobs jobs;
  jobs.add([&] { (void)jobs.fibers.suspend(); });
  ASSERT_TRUE(jobs.run());
  EXPECT_EQ(jobs.fibers.suspended_count(), 1U);
  EXPECT_EQ(jobs.pool.in_use(), 1U);
}

TEST(Fiber, a_later_run_can_resume_what_an_earlier_one_left_suspended) {
  Jobs jobs;
  Fiber* left = nullptr;
  bool finished = false;
  jobs.add([&] {
    left = jobs.fibers.current();
    ASSERT_TRUE(jobs.fibers.suspend());
    finished = true;
  });
  ASSERT_TRUE(jobs.run());
  EXPECT_FALSE(finished);
  jobs.add([&] { jobs.fibers.resume(left); });
  ASSERT_TRUE(jobs.run());
  EXPECT_TRUE(finished);
  EXPECT_EQ(jobs.pool.in_use(), 0U);
}

void run_and_throw() {
  Jobs jobs;
  jobs.add([] { throw std::runtime_error("left the loop"); });
  try {
    (void)jobs.run();
  } catch (...) {
  }
}

TEST(Fiber, an_exception_that_leaves_the_loop_ends_the_program) { EXPECT_DEATH(run_and_throw(), "left the loop"); }

[[gnu::noinline]] std::size_t use_stack(const std::byte* start, std::size_t bytes) {
  std::array<volatile std::byte, 256> frame;
  std::ranges::fill(frame, std::byte{1});
  const auto* here = static_cast<const std::byte*>(__builtin_frame_address(0));
  if (static_cast<std::size_t>(start - here) >= bytes) return 1;
  return use_stack(start, bytes) + static_cast<std::size_t>(frame[bytes % frame.size()]);
}

void use_stack_of_second_fiber(std::size_t bytes) {
  Jobs jobs;
  jobs.add([&] { jobs.yield(); });
  jobs.add([&] {
    // Below this stack lies the first one's, not the end of the mapping: only the guard is in the way.
    EXPECT_GT(use_stack(static_cast<const std::byte*>(__builtin_frame_address(0)), bytes), 1U);
  });
  EXPECT_TRUE(jobs.run());
}

TEST(Fiber, a_job_may_use_nearly_all_of_the_stack) { use_stack_of_second_fiber(200 * 1024); }

TEST(Fiber, an_overflow_dies_on_the_guard) { EXPECT_DEATH(use_stack_of_second_fiber(300 * 1024), ""); }

/// Leaves frames behind that never return, as an exception out of the depth does, and the shadow that AddressSanitizer
/// drew for them.
[[gnu::noinline]] void throw_from_depth(int depth) {
  std::array<volatile char, 100> frame{};
  frame[static_cast<std::size_t>(depth)] = 1;
  if (depth == 0) throw std::runtime_error("deep");
  throw_from_depth(depth - 1);
  frame[0] = frame[1];
}

TEST(Fiber, exceptions_cross_many_frames_of_a_used_stack) {
  Jobs jobs;
  int caught = 0;
  for (int i = 0; i < 200; ++i) {
    jobs.add([&, i] {
      try {
        throw_from_depth(i % 50);
      } catch (const std::runtime_error&) {
        jobs.yield();
        ++caught;
      }
    });
  }
  ASSERT_TRUE(jobs.run());
  EXPECT_EQ(caught, 200);
}

TEST(Fiber, thousands_suspended_together_keep_what_they_hold_in_any_order_of_resumption) {
  constexpr std::uint32_t seed = 20'240'612;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  constexpr std::size_t count = 2'000;
  std::mt19937 random(seed);
  Jobs jobs;
  std::vector<Fiber*> suspended;
  std::size_t finished = 0;
  for (std::size_t job = 0; job < count; ++job) {
    jobs.add([&, job] {
      std::array<std::size_t, 64> held;
      std::iota(held.begin(), held.end(), job);
      const double ratio = static_cast<double>(job) / 7.0;
      for (std::size_t round = 0; round < 3; ++round) {
        suspended.push_back(jobs.fibers.current());
        ASSERT_TRUE(jobs.fibers.suspend());
        ASSERT_EQ(std::accumulate(held.begin(), held.end(), std::size_t{0}), 64 * job + 63 * 32);
        ASSERT_EQ(ratio, static_cast<double>(job) / 7.0);
      }
      ++finished;
    });
  }
  jobs.add([&] {
    EXPECT_EQ(jobs.fibers.suspended_count(), count);
    while (!suspended.empty()) {
      std::swap(suspended[random() % suspended.size()], suspended.back());
      Fiber* next = suspended.back();
      suspended.pop_back();
      jobs.fibers.resume(next);
    }
  });
  ASSERT_TRUE(jobs.run());
  EXPECT_EQ(finished, count);
  EXPECT_EQ(jobs.pool.in_use(), 0U);
}

TEST(Fiber, threads_with_a_pool_each_do_not_disturb_each_other) {
  const auto work = [] {
    Jobs jobs;
    int caught = 0;
    for (int i = 0; i < 50; ++i) {
      jobs.add([&, i] {
        try {
          throw i;
        } catch (const int& value) {
          for (int round = 0; round < 20; ++round) jobs.yield();
          caught += value == i ? 1 : 0;
        }
      });
    }
    EXPECT_TRUE(jobs.run());
    EXPECT_EQ(caught, 50);
  };
  std::thread other(work);
  work();
  other.join();
}

}  // namespace
}  // namespace ringmail::runtime

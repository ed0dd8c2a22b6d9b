// The doctor's measurements end, say what they are, and say why where there are none. What they give is this machine's affair.
#include <gtest/gtest.h>
#include <sched.h>

#include "doctor/blocks.hpp"
#include "doctor/defaults.hpp"
#include "doctor/facts.hpp"
#include "doctor/measure.hpp"
#include "ringmail/transport/spin.hpp"

namespace ringmail::doctor {
namespace {

constexpr measuring::Ticks long_enough = 20'000'000'000;

class DoctorMeasure : public testing::Test {
 protected:
  void SetUp() override {
    cpus_ = read_facts("/").allowed;
    if (cpus_.size() < 2) GTEST_SKIP() << "two CPUs are needed";
    pair_ = {.a = cpus_[0].number, .b = cpus_[1].number};
  }

  std::vector<Cpu> cpus_;
  Pair pair_;
};

TEST_F(DoctorMeasure, each_block_ends_with_as_many_samples_as_were_wanted) {
  // Many and short: the end is where two threads could miss each other.
  for (std::size_t i = 0; i < 200; ++i) {
    const BlockLimit limit{.warm_up = i % 2, .samples = 1 + i % 3, .ticks = long_enough};
    for (const auto block : {floor_block, wake_block, barrier_block}) {
      const Block samples = block(pair_, limit);
      ASSERT_TRUE(samples) << samples.error();
      ASSERT_EQ(samples->size(), limit.samples);
    }
  }
}

TEST_F(DoctorMeasure, a_block_ends_when_its_time_is_over) {
  for (const auto block : {floor_block, wake_block, barrier_block}) {
    const Block samples = block(pair_, {.warm_up = 10, .samples = 1'000'000, .ticks = 1});
    ASSERT_TRUE(samples) << samples.error();
    EXPECT_EQ(samples->size(), 1u) << "the one that showed that the time was over";
  }
}

TEST_F(DoctorMeasure, a_cpu_that_is_not_there_is_named) {
  for (const auto block : {floor_block, wake_block, barrier_block}) {
    const Block near = block({.a = 1023, .b = pair_.b}, {.samples = 1, .ticks = long_enough});
    ASSERT_FALSE(near);
    EXPECT_TRUE(near.error().starts_with("CPU 1023: ")) << near.error();
    const Block far = block({.a = pair_.a, .b = 1023}, {.samples = 1, .ticks = long_enough});
    ASSERT_FALSE(far);
    EXPECT_TRUE(far.error().starts_with("CPU 1023: ")) << far.error();
  }
}

TEST_F(DoctorMeasure, every_figure_of_a_short_look_is_there) {
  const Measurements measured = measure(cpus_, 0.2);
  EXPECT_GE(measured.seconds, 0.2);
  EXPECT_GT(measured.clock_ns, 0);
  EXPECT_GT(measured.monotonic_ns, 0);
  EXPECT_GT(measured.pause_ns, 0);
  EXPECT_EQ(measured.pairs, cpus_.size() * (cpus_.size() - 1) / 2);
  ASSERT_FALSE(measured.floors.empty());
  for (const Measured* each : {&measured.floors[0].round_trip, &measured.wake, &measured.barrier}) {
    ASSERT_TRUE(*each) << each->error();
    EXPECT_LE((*each)->p50, (*each)->p99);
    EXPECT_LE((*each)->least_block, (*each)->greatest_block);
    EXPECT_GT((*each)->least_block, 0);
    EXPECT_GE((*each)->samples, (*each)->blocks);
  }
}

TEST_F(DoctorMeasure, the_thread_that_measures_stays_where_it_was) {
  cpu_set_t before;
  cpu_set_t after;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  measure(cpus_, 0.05);
  ASSERT_EQ(sched_getaffinity(0, sizeof after, &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

TEST_F(DoctorMeasure, the_spin_is_observed_as_the_product_does_it) {
  const Defaults defaults = ask_defaults();
  EXPECT_EQ(defaults.cause, "");
  EXPECT_GE(defaults.spin_ns, static_cast<double>(transport::SpinPolicy::default_break_even_ns));
  EXPECT_EQ(defaults.usable_cpus, cpus_.size());
  EXPECT_GT(defaults.schedulers, 0u);
}

TEST(DoctorMeasureNothing, no_time_and_one_cpu_give_no_figures) {
  const Cpu alone{.number = 0, .siblings = {0}, .last_level = {0}};
  EXPECT_EQ(measure({alone, {.number = 1}}, 0).seconds, 0);
  const Measurements measured = measure({alone}, 0.05);
  EXPECT_EQ(measured.pairs, 0u);
  EXPECT_TRUE(measured.floors.empty());
  EXPECT_FALSE(measured.wake);
  EXPECT_GT(measured.pause_ns, 0) << "that takes one CPU";
}

}  // namespace
}  // namespace ringmail::doctor

#include "ringmail/testing/seeds.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

namespace ringmail::testing {
namespace {

class SeedsTest : public ::testing::Test {
 protected:
  SeedsTest() {
    unsetenv("RINGMAIL_SEED");
    unsetenv("RINGMAIL_SEEDS");
  }
  std::expected<void, std::string> run(std::uint64_t seed) {
    seeds_.push_back(seed);
    if (seed == failing_) return std::unexpected("it is unlucky");
    return {};
  }
  SeedsRun all(std::uint64_t count) {
    return for_each_seed(count, [this](std::uint64_t seed) { return run(seed); });
  }

  std::vector<std::uint64_t> seeds_;
  std::uint64_t failing_ = 13;
};

TEST_F(SeedsTest, counts_from_one) {
  const auto result = all(5);
  EXPECT_TRUE(result);
  EXPECT_EQ(seeds_, (std::vector<std::uint64_t>{1, 2, 3, 4, 5}));
}

TEST_F(SeedsTest, ends_at_the_first_that_fails_and_says_how_to_replay_it) {
  ::testing::internal::CaptureStderr();
  const auto result = all(20);
  const std::string said = ::testing::internal::GetCapturedStderr();
  ASSERT_TRUE(result.failed);
  EXPECT_EQ(*result.failed, 13u);
  EXPECT_EQ(result.count, 13u);
  EXPECT_EQ(said, "seed 13 failed: it is unlucky\nreplay with RINGMAIL_SEED=13\n");
}

TEST_F(SeedsTest, the_environment_replays_one) {
  setenv("RINGMAIL_SEED", "77", 1);
  EXPECT_TRUE(all(5));
  EXPECT_EQ(seeds_, (std::vector<std::uint64_t>{77}));
}

TEST_F(SeedsTest, the_environment_says_how_many) {
  setenv("RINGMAIL_SEEDS", "2", 1);
  EXPECT_TRUE(all(5));
  EXPECT_EQ(seeds_, (std::vector<std::uint64_t>{1, 2}));
  seeds_.clear();
  setenv("RINGMAIL_SEEDS", "20..22", 1);
  EXPECT_TRUE(all(5));
  EXPECT_EQ(seeds_, (std::vector<std::uint64_t>{20, 21, 22}));
}

TEST_F(SeedsTest, names_the_seed_of_a_run_that_ends_the_program) {
  EXPECT_DEATH(for_each_seed(20,
                             [](std::uint64_t seed) -> std::expected<void, std::string> {
                               if (seed == 4) std::abort();
                               return {};
                             }),
               "replay with RINGMAIL_SEED=4\n");
}

}  // namespace
}  // namespace ringmail::testing

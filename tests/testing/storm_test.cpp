// RINGMAIL_SEED=<printed seed> replays one; RINGMAIL_SEEDS=<count> or <first>..<last> runs so many.
#include "storm.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <set>

#include "../transport/sanitized.hpp"
#include "ringmail/testing/seeds.hpp"

namespace ringmail::testing::test {
namespace {

TEST(StormTest, what_must_hold_holds_after_each_seed) {
  StormReport sum;
  std::uint64_t messages = 0;
  const auto body = [&](std::uint64_t seed) -> std::expected<void, std::string> {
    const auto report = storm(seed);
    if (!report) return std::unexpected(report.error());
    messages += report->trace_size;
    sum.answered += report->answered;
    sum.timed_out += report->timed_out;
    sum.failed_asks += report->failed_asks;
    sum.failures += report->failures;
    sum.restarts += report->restarts;
    sum.dead_letters += report->dead_letters;
    sum.dropped += report->dropped;
    sum.late_answers += report->late_answers;
    return {};
  };
  const auto run = for_each_seed(transport::test::sanitized ? 200 : 2000, body);
  EXPECT_TRUE(run) << run.why;
  std::printf(
      "%llu seeds, %llu steps: %llu asks answered, %llu timed out, %llu failed, %llu later; %llu failures, %llu "
      "restarts, %llu dead letters, %llu dropped\n",
      static_cast<unsigned long long>(run.count), static_cast<unsigned long long>(messages),
      static_cast<unsigned long long>(sum.answered), static_cast<unsigned long long>(sum.timed_out),
      static_cast<unsigned long long>(sum.failed_asks), static_cast<unsigned long long>(sum.late_answers),
      static_cast<unsigned long long>(sum.failures), static_cast<unsigned long long>(sum.restarts),
      static_cast<unsigned long long>(sum.dead_letters), static_cast<unsigned long long>(sum.dropped));
  if (run.count < 100) return;
  // It did what it is meant to do.
  for (const std::uint64_t count : {sum.answered, sum.timed_out, sum.failed_asks, sum.late_answers, sum.failures,
                                    sum.restarts, sum.dead_letters, sum.dropped}) {
    EXPECT_GT(count, run.count / 10);
  }
}

TEST(StormTest, the_same_seed_gives_the_same_trace_and_another_one_another) {
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto first = storm(seed);
    const auto second = storm(seed);
    ASSERT_TRUE(first && second);
    EXPECT_EQ(first->trace_hash, second->trace_hash) << seed;
    EXPECT_EQ(first->trace_size, second->trace_size) << seed;
    hashes.insert(first->trace_hash);
  }
  EXPECT_EQ(hashes.size(), 20u);
}

}  // namespace
}  // namespace ringmail::testing::test

// A kernel that refuses the barriers which it granted before: a seccomp filter that was loaded late.
#include <gtest/gtest.h>

#include <vector>

#include "../transport/refuse_membarrier.hpp"
#include "poll_set.hpp"
#include "test_schedulers.hpp"

namespace ringmail::runtime::test {
namespace {

using transport::Ordering;
using transport::test::refuse_membarrier;
using transport::test::status_of_child;

class FailedBarrierTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!transport::register_for_barriers()) GTEST_SKIP() << "the kernel has no membarrier, or forbids it";
  }
};

TEST_F(FailedBarrierTest, no_ring_goes_cold) {
  EXPECT_EQ(status_of_child([] {
              if (!refuse_membarrier()) return 2;
              transport::Bell bell;
              PollSet set(bell, Ordering::asymmetric);
              std::vector<std::unique_ptr<LocalRing>> rings;
              std::vector<std::unique_ptr<LocalInlet>> inlets;
              for (std::size_t i = 0; i <= PollSet::max_hot; ++i) {
                rings.push_back(std::make_unique<LocalRing>());
                inlets.push_back(std::make_unique<LocalInlet>(rings.back()->consumer(), bell));
                set.add(*inlets.back());
              }
              inlets[0]->quiet_polls = PollSet::quiet_limit - 1;
              const bool went_cold = set.note_quiet(*inlets[0]);
              return went_cold || inlets[0]->cold || set.hot_count() != inlets.size() ? 1 : 0;
            }),
            0);
}

TEST_F(FailedBarrierTest, a_scheduler_says_so_once_and_goes_on) {
  EXPECT_EQ(status_of_child([] {
              if (!refuse_membarrier()) return 2;
              transport::Bell bell;
              Scheduler scheduler(0, bell, Ordering::asymmetric);
              std::atomic<int> told{0};
              scheduler.on_failed_barrier = [&] { ++told; };
              // Without an actor it ends as soon as it may; with one that never ends it sleeps.
              const ActorId actor = scheduler.add(std::make_unique<TestCell>());
              std::thread thread([&] { scheduler.run(); });
              const bool slept = until([&] { return told == 1; });
              std::atomic<std::uint64_t> failed{0};
              const bool went_on = until([&] {
                scheduler.post([&] { failed = scheduler.counters().failed_barriers; });
                return failed > 1;
              });
              const bool alive = scheduler.is_live(actor);
              scheduler.request_stop();
              thread.join();
              return slept && went_on && alive && told == 1 ? 0 : 1;
            }),
            0);
}

}  // namespace
}  // namespace ringmail::runtime::test

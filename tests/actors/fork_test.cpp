// A child after fork has the memory of a system and none of its threads.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "../transport/child.hpp"
#include "ringmail/actors/actors.hpp"
#include "system_test.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using transport::test::status_of_child;

struct Add {
  long n = 0;
};
struct Get {};

class Counter : public Actor {
 public:
  void on(const Add& add) { total_ += add.n; }
  long on(const Get&) const { return total_; }

 private:
  long total_ = 0;
};

#define CHILD_EXPECT(condition)                                                   \
  do {                                                                            \
    if (!(condition)) {                                                           \
      std::fprintf(stderr, "child: %s:%d: %s\n", __FILE__, __LINE__, #condition); \
      return 1;                                                                   \
    }                                                                             \
  } while (false)

class ForkTest : public SystemTest {};

TEST_P(ForkTest, a_child_sends_nothing_and_is_told_so) {
  auto counter = system().spawn<Counter>();
  ASSERT_TRUE(counter.send(Add{1}));
  EXPECT_EQ(status_of_child([&] {
              CHILD_EXPECT(counter.send(Add{1}) == std::unexpected(SendError::unreachable));
              CHILD_EXPECT(ask(counter, Get{}, 10s) == std::unexpected(AskError::unreachable));
              counter.stop();
              CHILD_EXPECT(system().spawn<Counter>().address().actor == runtime::ActorId());
              CHILD_EXPECT(!system().runtime().spawn_peer({.name = "late", .command = {"true"}}));
              static_cast<void>(system().counters());
              return 0;
            }),
            0);
  EXPECT_EQ(ask(counter, Get{}, 10s), 1);
}

TEST_P(ForkTest, a_child_that_destroys_the_system_leaves_that_of_its_parent_alone) {
  auto counter = system().spawn<Counter>();
  EXPECT_EQ(status_of_child([&] {
              system().shutdown();
              system_.reset();
              return 0;
            }),
            0);
  EXPECT_EQ(ask(counter, Get{}, 10s), 0);
}

INSTANTIATE_TEST_SUITE_P(Schedulers, ForkTest, testing::Values(1, 2), testing::PrintToStringParamName());

}  // namespace
}  // namespace ringmail::test

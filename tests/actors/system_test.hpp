// A system for each test, on as many schedulers as its parameter says. Whatever the test does, the account must balance at the
// end, and no message may be left.
#pragma once

#include <gtest/gtest.h>

#include <optional>

#include "../transport/deadline.hpp"
#include "tracked.hpp"

namespace ringmail::test {

class SystemTest : public testing::TestWithParam<std::uint32_t> {
 protected:
  SystemTest() { transport::test::start_watchdog(); }
  void SetUp() override {
    auto created = System::create({.schedulers = GetParam()});
    ASSERT_TRUE(created) << created.error();
    system_.emplace(std::move(*created));
  }
  void TearDown() override {
    if (!system_) return;
    system_->shutdown();
    const auto counters = system_->counters();
    EXPECT_EQ(counters.sent, counters.messages + counters.dead_letters + counters.dropped);
    EXPECT_EQ(counters.lost_wakeups, 0u);
    EXPECT_EQ(counters.failed_barriers, 0u);
    system_.reset();
    EXPECT_EQ(Token::alive.load(), 0);
  }
  System& system() { return *system_; }

  std::optional<System> system_;
};

}  // namespace ringmail::test

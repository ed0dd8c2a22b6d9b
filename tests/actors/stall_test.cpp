#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <vector>

#include "../transport/child.hpp"
#include "log_lines.hpp"
#include "ringmail/runtime/clock.hpp"
#include "tracked.hpp"

namespace ringmail::test {

std::atomic<bool> may_return{false};

/// Exported, so that its name is in the stack.
[[gnu::noinline]] void keep_the_thread_busy() {
  // The clock is a call that every sanitizer knows: it lets signals in.
  const std::uint64_t begun = runtime::now_ns();
  while (!may_return && runtime::now_ns() - begun < 40'000'000'000) {
  }
  std::atomic_signal_fence(std::memory_order_seq_cst);  // no tail call
}

struct Go {};
class Staller : public Actor {
 public:
  void on(const Go&) { keep_the_thread_busy(); }
};
class Patient : public Actor {
 public:
  void on(const Go&) {
    static_cast<void>(this_actor::sleep_for(std::chrono::milliseconds(1)));
    keep_the_thread_busy();
  }
};

namespace {

using namespace std::chrono_literals;
using transport::test::until;

class StallTest : public testing::Test {
 protected:
  StallTest() { transport::test::start_watchdog(); }

  template <class A>
  std::string report_of() {
    may_return = false;
    auto lines = std::make_shared<LogLines>();
    auto system = System::create({.schedulers = 2, .stall = {.limit = 50ms}, .log = log_to(lines)});
    EXPECT_TRUE(system);
    auto actor = system->spawn<A>();
    EXPECT_TRUE(system->runtime().set_name("the slow one", actor.address().actor));
    EXPECT_TRUE(actor.send(Go{}));
    EXPECT_TRUE(until([&] { return lines->has("has been in one handler for"); })) << lines->text();
    may_return = true;
    EXPECT_TRUE(until([&] { return lines->has("goes on"); })) << lines->text();
    system->shutdown();
    return lines->text();
  }
};

TEST_F(StallTest, a_handler_over_the_limit_is_reported_with_class_name_and_stack) {
  const std::string text = report_of<Staller>();
  EXPECT_NE(text.find("of class ringmail::test::Staller"), std::string::npos) << text;
  EXPECT_NE(text.find("published as 'the slow one'"), std::string::npos) << text;
  EXPECT_NE(text.find("in ringmail::test::keep_the_thread_busy()"), std::string::npos) << text;
}

TEST_F(StallTest, a_handler_that_has_been_suspended_is_on_another_stack_and_found_as_well) {
  const std::string text = report_of<Patient>();
  EXPECT_NE(text.find("of class ringmail::test::Patient"), std::string::npos) << text;
  EXPECT_NE(text.find("in ringmail::test::keep_the_thread_busy()"), std::string::npos) << text;
}

TEST_F(StallTest, a_thread_that_began_with_all_signals_blocked_is_asked_too) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  sigdelset(&all, SIGALRM);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  const std::string text = report_of<Staller>();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_NE(text.find("in ringmail::test::keep_the_thread_busy()"), std::string::npos) << text;
}

volatile std::sig_atomic_t users_signals = 0;

// Each in a process of its own: what takes a signal takes it once.
TEST_F(StallTest, a_signal_that_somebody_handles_stays_his) {
  const int status = transport::test::status_of_child([] {
    may_return = false;
    std::signal(SIGUSR2, [](int) { users_signals = users_signals + 1; });
    auto lines = std::make_shared<LogLines>();
    auto system = System::create({.schedulers = 1, .stall = {.limit = 10ms, .signal = SIGUSR2}, .log = log_to(lines)});
    if (!system || !lines->has("is handled by somebody")) return 1;
    auto actor = system->spawn<Staller>();
    if (!actor.send(Go{})) return 2;
    // The stall is reported all the same.
    if (!until([&] { return lines->has("has been in one turn for"); })) return 3;
    may_return = true;
    system->shutdown();
    std::raise(SIGUSR2);
    return users_signals == 1 ? 0 : 4;
  });
  EXPECT_EQ(status, 0);
}

TEST_F(StallTest, no_signal_is_taken_unless_the_detector_is_on) {
  const int status = transport::test::status_of_child([] {
    const auto handlers = [] {
      std::vector<void (*)(int)> all;
      for (int number = SIGRTMIN; number <= SIGRTMAX; ++number) {
        struct sigaction action{};
        sigaction(number, nullptr, &action);
        all.push_back(action.sa_handler);
      }
      return all;
    };
    const auto before = handlers();
    auto system = System::create({.schedulers = 1});
    return system && handlers() == before ? 0 : 1;
  });
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace ringmail::test

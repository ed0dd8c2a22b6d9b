// Two systems in two processes, connected by path.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "desk.hpp"
#include "far_process.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using transport::test::until;

struct Schedulers {
  std::uint32_t here;
  std::uint32_t there;
};

void expect_balance(System& system) {
  system.shutdown();
  const auto counters = system.counters();
  EXPECT_EQ(counters.lost_wakeups, 0u);
  EXPECT_EQ(counters.failed_barriers, 0u);
}

/// What somebody who watches was told.
struct Told {
  std::atomic<int> times{0};
  ExitReason reason;
  runtime::Address who;
  void note(const runtime::Address& whom, const ExitReason& why) {
    who = whom;
    reason = why;
    ++times;
  }
};

/// Monitors whom it is given. Told outlives the system.
class Watcher : public Actor {
 public:
  using Protocol = Desk;
  template <class Whom>
  Watcher(Whom whom, Told& told) : begin_([whom] { this_actor::monitor(whom); }), told_(told) {}
  void started() override {
    begin_();
    ready_ = true;
  }
  void on(const Down& down) { told_.note(down.who, down.reason); }
  void on(const Count&) {}
  Number on(const HowMany&) { return {ready_ ? 1u : 0u}; }
  Number on(const AskFor&) { return {}; }
  Me on(const Who&) { return {}; }
  void on(const Fail&) {}
  Number on(const Never&) { return {}; }
  void on(const Tie&) {}

 private:
  std::function<void()> begin_;
  Told& told_;
  bool ready_ = false;
};

/// Links itself to whom it is given, and says what it gets of it.
class Linked : public Actor {
 public:
  Linked(Mailbox<Desk> whom, Told& told) : whom_(whom), told_(told) {}
  void started() override {
    this_actor::trap_exits(true);
    this_actor::link(whom_);
  }
  void on(const Exit& exit) { told_.note(exit.who, exit.reason); }
  Number on(const HowMany&) { return {1}; }

 private:
  Mailbox<Desk> whom_;
  Told& told_;
};

class TwoSystems : public testing::TestWithParam<Schedulers> {
 protected:
  TwoSystems() { transport::test::start_watchdog(); }
  void SetUp() override {
    std::string pattern = testing::TempDir() + "ringmail_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = folder_ + "/private/socket";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  SystemOptions listening(std::uint32_t schedulers) const {
    return {.schedulers = schedulers, .listen = path_, .accept_systems = true};
  }

  /// The far side of most tests: a system that listens and has a clerk, until it hears something.
  auto far_host() const {
    return [options = listening(GetParam().there)](Wire& wire) {
      auto system = System::create(options);
      ASSERT_TRUE(system) << system.error();
      ASSERT_TRUE(system->publish("clerk", system->spawn<Clerk>()));
      wire.say('r');
      static_cast<void>(wire.hear());
      expect_balance(*system);
    };
  }

  std::expected<System, std::string> near_system() const {
    return System::create({.schedulers = GetParam().here});
  }

  std::string folder_;
  std::string path_;
};

TEST_P(TwoSystems, an_actor_is_found_by_name_and_asked_across) {
  FarProcess far(far_host());
  ASSERT_EQ(far.wire().hear(), 'r');
  auto system = near_system();
  ASSERT_TRUE(system) << system.error();
  const auto remote = system->connect(path_, {.name = "near"});
  ASSERT_TRUE(remote) << remote.error();
  EXPECT_TRUE(remote->is_connected());
  EXPECT_EQ(remote->name(), path_);
  const auto clerk = remote->lookup<Desk>("clerk");
  ASSERT_TRUE(clerk) << clerk.error();
  for (std::uint64_t i = 0; i < 100; ++i) ASSERT_TRUE(clerk->send(Count{i}));
  const auto number = ask(*clerk, HowMany{}, 10s);
  ASSERT_TRUE(number) << to_string(number.error());
  EXPECT_EQ(number->number, 100u);
  EXPECT_EQ(remote->lookup<Desk>("nobody").error(), "no actor of " + path_ + " has the name 'nobody'");
  far.wire().say('q');
  EXPECT_EQ(far.wait(), 0);
  EXPECT_EQ(to_string(remote->wait_for_end()), "ended normally");
  EXPECT_FALSE(remote->is_connected());
  EXPECT_EQ(ask(*clerk, HowMany{}, 10s).error(), AskError::unreachable);
  expect_balance(*system);
}

INSTANTIATE_TEST_SUITE_P(Schedulers, TwoSystems, testing::Values(Schedulers{1, 1}, Schedulers{2, 1}, Schedulers{2, 3}),
                         [](const auto& test) {
                           return std::to_string(test.param.here) + "_and_" + std::to_string(test.param.there);
                         });

}  // namespace
}  // namespace ringmail::test

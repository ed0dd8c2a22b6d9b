// What a shutdown does about those who do not end, and what it says of them.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <optional>
#include <semaphore>
#include <thread>

#include "../transport/child.hpp"
#include "log_lines.hpp"
#include "tracked.hpp"

namespace ringmail::test {

struct Go {};

class Sleeper : public Actor {
 public:
  void on(const Go&) { static_cast<void>(this_actor::sleep_for(std::chrono::hours(1))); }
};
class Receiver : public Actor {
 public:
  void on(const Go&) { static_cast<void>(this_actor::receive<Tick>(std::chrono::hours(1))); }
  void on(const Tick&) {}
};
class Deaf : public Actor {
 public:
  explicit Deaf(std::atomic<bool>& hold) : hold_(hold) {}
  Tick on(const Tick& tick) { return tick; }
  // Not even a stop makes it come back.
  void on(const Go&) {
    while (hold_) std::this_thread::yield();
  }

 private:
  std::atomic<bool>& hold_;
};
class Asker : public Actor {
 public:
  explicit Asker(Mailbox<Sleeper> whom) : whom_(whom) {}
  void on(const Go&) { static_cast<void>(ask(whom_, Go{}, std::chrono::hours(1))); }

 private:
  Mailbox<Sleeper> whom_;
};

namespace {

using namespace std::chrono_literals;
using runtime::SystemPhase;
using transport::test::status_of_child;
using transport::test::until;

class ShutdownDeadlineTest : public testing::Test {
 protected:
  ShutdownDeadlineTest() { transport::test::start_watchdog(); }
  void start(SystemOptions options = {}) {
    if (options.schedulers == 0) options.schedulers = 2;
    auto created = System::create(options);
    ASSERT_TRUE(created) << created.error();
    system_.emplace(std::move(*created));
  }
  System& system() { return *system_; }

  std::optional<System> system_;
};

std::string doing(const ShutdownReport& report, const std::string& class_name) {
  for (const auto& actor : report.actors) {
    if (actor.class_name == "ringmail::test::" + class_name) return actor.doing;
  }
  return "not there";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// --- What it waits for

TEST_F(ShutdownDeadlineTest, each_actor_is_named_with_what_it_waits_for) {
  start();
  auto sleeper = system().spawn<Sleeper>();
  auto receiver = system().spawn<Receiver>();
  auto asker = system().spawn<Asker>(sleeper);
  std::binary_semaphore go(0);
  auto blocking = system().spawn([&](const Go&) { static_cast<void>(this_actor::blocking([&] { go.acquire(); })); });
  ASSERT_TRUE(system().runtime().set_name("patience", receiver.address().actor));
  ASSERT_TRUE(sleeper.send(Go{}));
  ASSERT_TRUE(receiver.send(Go{}));
  ASSERT_TRUE(asker.send(Go{}));
  ASSERT_TRUE(blocking.send(Go{}));
  ShutdownReport report;
  EXPECT_TRUE(until([&] {
    report = system().explain_shutdown();
    return contains(doing(report, "Sleeper"), "sleeps") && contains(doing(report, "Receiver"), "waits for a message") &&
           contains(doing(report, "Asker"), "waits for the answer") &&
           contains(report.to_string(), "blocking function");
  })) << report.to_string();
  EXPECT_EQ(report.phase, SystemPhase::running);
  EXPECT_EQ(report.live_actors, 4u);
  // An hour, or a little less by now.
  EXPECT_TRUE(contains(doing(report, "Sleeper"), "sleeps for 3600") ||
              contains(doing(report, "Sleeper"), "sleeps for 35"))
      << doing(report, "Sleeper");
  EXPECT_TRUE(contains(report.to_string(), "ringmail::test::Receiver 'patience'")) << report.to_string();
  std::size_t timers = 0;
  for (const auto& scheduler : report.schedulers) {
    EXPECT_TRUE(scheduler.answers);
    timers += scheduler.timers;
  }
  EXPECT_EQ(timers, 3u);
  go.release();
  system().shutdown();
  EXPECT_EQ(system().explain_shutdown().live_actors, 0u);
  EXPECT_EQ(system().explain_shutdown().phase, SystemPhase::ended);
}

TEST_F(ShutdownDeadlineTest, who_keeps_its_thread_is_named_by_others) {
  start({.schedulers = 1});
  std::atomic<bool> hold{true};
  auto deaf = system().spawn<Deaf>(hold);
  ASSERT_TRUE(deaf.send(Go{}));
  ShutdownReport report;
  EXPECT_TRUE(until([&] {
    report = system().explain_shutdown();
    return !report.schedulers.empty() && !report.schedulers[0].answers &&
           contains(doing(report, "Deaf"), "has not come back");
  })) << report.to_string();
  hold = false;
  system().shutdown();
}

TEST_F(ShutdownDeadlineTest, a_handler_may_ask_for_it_too) {
  start();
  std::atomic<std::size_t> live{0};
  auto actor = system().spawn([&](const Go&) { live = system().explain_shutdown().live_actors; });
  ASSERT_TRUE(ask(actor, Go{}, 20s));
  EXPECT_GE(live, 1u);
  system().shutdown();
}

TEST_F(ShutdownDeadlineTest, one_that_takes_long_is_logged_with_whom_it_waits_for) {
  auto lines = std::make_shared<LogLines>();
  start({.log = log_to(lines)});
  std::atomic<bool> hold{true};
  auto deaf = system().spawn<Deaf>(hold);
  ASSERT_TRUE(deaf.send(Go{}));
  std::thread releases([&] {
    EXPECT_TRUE(until([&] { return lines->has("shutdown takes") && lines->has("ringmail::test::Deaf"); }));
    hold = false;
  });
  EXPECT_TRUE(system().shutdown({.report_after = 1ms}));
  releases.join();
}

// --- Deadlines

TEST_F(ShutdownDeadlineTest, after_the_deadline_it_gives_up_and_the_process_goes_on) {
  const int status = status_of_child([] {
    static std::atomic<bool> hold{true};
    auto lines = std::make_shared<LogLines>();
    auto system = System::create({.schedulers = 2, .log = log_to(lines)});
    if (!system) return 1;
    auto deaf = system->spawn_on<Deaf>(0, hold);
    auto other = system->spawn_on<Sleeper>(1);
    if (!deaf.send(Go{}) || !other.send(Go{})) return 2;
    if (system->shutdown({.peers = 50ms, .actors = 50ms})) return 3;
    if (!lines->has("given up") || !lines->has("ringmail::test::Deaf")) return 4;
    if (system->explain_shutdown().phase != SystemPhase::given_up) return 5;
    // It is of no use, but nobody hangs.
    if (system->spawn<Sleeper>().address().actor) return 6;
    if (deaf.send(Go{})) return 7;
    if (system->shutdown()) return 8;
    {
      System gone = std::move(*system);
    }
    // Whoever comes back finds all that it uses.
    hold = false;
    auto next = System::create({.schedulers = 1});
    if (!next) return 9;
    auto echo = next->spawn([](const Tick& tick) { return tick; });
    if (!ask(echo, Tick{}, 20s)) return 10;
    return next->shutdown() ? 0 : 11;
  });
  EXPECT_EQ(status, 0);
}

TEST_F(ShutdownDeadlineTest, a_peer_that_a_handler_holds_up_is_named_and_does_not_hold_up_the_others) {
  const int status = status_of_child([] {
    static std::atomic<bool> hold{true};
    auto lines = std::make_shared<LogLines>();
    auto system = System::create({.schedulers = 2, .log = log_to(lines)});
    if (!system) return 1;
    auto peer = system->runtime().spawn_peer({.name = "the peer", .command = {RINGMAIL_ECHO_PEER}});
    if (!peer || !system->runtime().wait_until_ready(peer->link)) return 2;
    auto deaf = system->spawn_on<Deaf>(0, hold);
    static std::atomic<bool> ended{false};
    struct Other : Actor {
      void on(const Go&) {}
      void stopped(const ExitReason&) override { ended = true; }
    };
    system->spawn_on<Other>(1);
    if (!deaf.send(Go{})) return 3;
    if (!until([&] { return !system->explain_shutdown().schedulers[0].answers; })) return 4;
    if (system->shutdown({.peers = 50ms, .actors = 50ms})) return 5;
    if (!ended) return 6;
    if (!lines->has("peers have not ended in time") || !lines->has("peer 1 'the peer': process ")) return 7;
    return 0;
  });
  EXPECT_EQ(status, 0);
}

// --- Draining

TEST_F(ShutdownDeadlineTest, what_was_sent_before_is_handled_where_draining_is_asked_for) {
  start();
  constexpr int messages = 500;
  std::atomic<int> handled{0};
  auto last = system().spawn_on(1, [&](const Go&) { ++handled; });
  auto first = system().spawn_on(0, [&](const Go&) {
    this_actor::yield();
    ASSERT_TRUE(last.send(Go{}));
  });
  for (int i = 0; i < messages; ++i) ASSERT_TRUE(first.send(Go{}));
  EXPECT_TRUE(system().shutdown({.drain = 20s}));
  EXPECT_EQ(handled, messages);
  EXPECT_EQ(system().counters().dead_letters, 0u);
}

TEST_F(ShutdownDeadlineTest, draining_ends_with_its_deadline_where_somebody_never_has_done) {
  auto lines = std::make_shared<LogLines>();
  start({.log = log_to(lines)});
  struct Restless : Actor {
    void on(const Go&) { static_cast<void>(this_actor::mailbox<Restless>().send(Go{})); }
  };
  auto restless = system().spawn<Restless>();
  ASSERT_TRUE(restless.send(Go{}));
  EXPECT_TRUE(system().shutdown({.drain = 10ms}));
  EXPECT_TRUE(lines->has("mailboxes were not empty in time")) << lines->text();
  EXPECT_TRUE(lines->has("Restless")) << lines->text();
}

TEST_F(ShutdownDeadlineTest, draining_does_not_wait_for_who_only_sleeps) {
  start();
  auto sleeper = system().spawn<Sleeper>();
  ASSERT_TRUE(sleeper.send(Go{}));
  ASSERT_TRUE(until([&] { return contains(doing(system().explain_shutdown(), "Sleeper"), "sleeps"); }));
  // Under the watchdog.
  EXPECT_TRUE(system().shutdown({.drain = 1h}));
}

// --- Signals

bool handles(int number) {
  struct sigaction action{};
  sigaction(number, nullptr, &action);
  return action.sa_handler != SIG_DFL;
}

TEST_F(ShutdownDeadlineTest, a_signal_shuts_down_in_order_and_others_handle_it_afterwards) {
  for (const int number : {SIGTERM, SIGINT}) {
    const int status = status_of_child([number] {
      auto system = System::create({.schedulers = 2, .handle_signals = false});
      if (!system) return 1;
      std::atomic<int> stopped{0};
      auto actor = system->spawn([&](const Go&) {
        static_cast<void>(this_actor::sleep_for(1h));
        ++stopped;
      });
      if (!actor.send(Go{})) return 2;
      std::thread killer([number] {
        until([number] { return handles(number); });
        kill(getpid(), number);
      });
      const auto ended = system->run_until_signal();
      killer.join();
      if (!ended || ended->signal != number || !ended->complete) return 3;
      if (stopped != 1) return 4;
      if (handles(number)) return 5;
      return 0;
    });
    EXPECT_EQ(status, 0) << number;
  }
}

TEST_F(ShutdownDeadlineTest, a_second_signal_ends_the_process_at_once) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    transport::test::start_watchdog();
    static std::atomic<bool> hold{true};
    auto system = System::create({.schedulers = 1, .handle_signals = false});
    auto deaf = system->spawn<Deaf>(hold);
    if (!deaf.send(Go{})) _exit(1);
    std::thread([] {
      until([] { return handles(SIGTERM); });
      kill(getpid(), SIGTERM);
      until([] { return !handles(SIGTERM); });
      kill(getpid(), SIGTERM);
    }).detach();
    static_cast<void>(system->run_until_signal());
    _exit(2);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
}

TEST_F(ShutdownDeadlineTest, only_one_waits_for_signals) {
  start({.handle_signals = false});
  auto other = System::create({.schedulers = 1, .handle_signals = false});
  ASSERT_TRUE(other);
  std::thread waits([&] { EXPECT_TRUE(system().run_until_signal()); });
  ASSERT_TRUE(until([] { return handles(SIGTERM); }));
  EXPECT_FALSE(other->run_until_signal());
  kill(getpid(), SIGTERM);
  waits.join();
}

}  // namespace
}  // namespace ringmail::test

// What SIGINT and SIGTERM do to a program that says nothing about them, and that they are left alone in one that does. Each
// program is a child process, which writes what happens to a pipe.
#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "../transport/child.hpp"
#include "ringmail/actors/actors.hpp"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RINGMAIL_THREAD_SANITIZER
#endif
#endif

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using transport::test::until;

struct Go {};

/// Signals come when the child has said '.'; what it says is the test's.
class Program {
 public:
  explicit Program(const std::function<void(Program&)>& main) {
    std::fflush(nullptr);
    if (pipe(ends_) != 0) _exit(97);
    pid_ = fork();
    if (pid_ != 0) {
      close(ends_[1]);
      return;
    }
    close(ends_[0]);
    transport::test::start_watchdog();
    main(*this);
    _exit(0);
  }
  ~Program() { close(ends_[0]); }

  // In the child.
  void say(char what) const { EXPECT_EQ(write(ends_[1], &what, 1), 1); }
  [[noreturn]] void wait_for_ever() const {
    say('.');
    while (true) pause();
  }
  System start(SystemOptions options = {}) const {
    options.schedulers = 2;
    options.log = std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::null_sink_mt>());
    return std::move(*System::create(options));
  }

  // In the test.
  char heard() const {
    char what = 0;
    return read(ends_[0], &what, 1) == 1 ? what : '\0';
  }
  void signal(int number) const { ASSERT_EQ(kill(pid_, number), 0); }
  int status() const {
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    return status;
  }
  std::string rest() const {
    std::string all;
    while (const char what = heard()) all += what;
    return all;
  }

 private:
  int ends_[2] = {-1, -1};
  pid_t pid_ = -1;
};

bool died_of(int status, int number) { return WIFSIGNALED(status) && WTERMSIG(status) == number; }

struct Speaker : Actor {
  Speaker(Program* p, char what) : program(p), last_word(what) {}
  void stopped(const ExitReason&) override { program->say(last_word); }
  void on(const Go&) { program->say('m'); }
  Program* program;
  char last_word;
};

TEST(DefaultSignals, a_signal_ends_the_system_in_order_and_then_the_process_of_that_signal) {
  for (const int number : {SIGINT, SIGTERM}) {
    Program program([](Program& self) {
      auto system = self.start({.shutdown = {.drain = 1h}});
      auto speaker = system.spawn<Speaker>(&self, 's');
      auto sleeper = system.spawn([&self](const Go&) {
        EXPECT_FALSE(this_actor::sleep_for(1h));
        self.say('w');
      });
      static_cast<void>(sleeper.send(Go{}));
      auto queue = system.spawn([&](const Go&) {
        for (int i = 0; i < 3; ++i) static_cast<void>(speaker.send(Go{}));
        self.say('.');
        // What it sent waits behind this one, where it is on this scheduler; the drain sees to it that it is handled.
        static_cast<void>(this_actor::blocking([] {}));
      });
      static_cast<void>(queue.send(Go{}));
      while (true) pause();
    });
    std::string said;
    while (said.find('.') == std::string::npos) said += program.heard();
    program.signal(number);
    said += program.rest();
    EXPECT_TRUE(died_of(program.status(), number)) << number;
    std::erase(said, '.');
    EXPECT_EQ(said.substr(0, 3), "mmm") << said;
    EXPECT_EQ(said.size(), 5u) << said << ": and both have been stopped, one after its sleep";
    EXPECT_NE(said.find('s'), std::string::npos) << said;
    EXPECT_NE(said.find('w'), std::string::npos) << said;
  }
}

TEST(DefaultSignals, the_status_is_that_of_the_signal_even_if_main_returns_meanwhile) {
  Program program([](Program& self) {
    auto system = self.start();
    std::atomic<bool> stopped = false;
    struct Witness : Actor {
      explicit Witness(std::atomic<bool>* s) : told(s) {}
      void stopped(const ExitReason&) override { *told = true; }
      void on(const Go&) {}
      std::atomic<bool>* told;
    };
    system.spawn<Witness>(&stopped);
    self.say('.');
    until([&] { return stopped.load(); });
  });
  ASSERT_EQ(program.heard(), '.');
  program.signal(SIGTERM);
  EXPECT_TRUE(died_of(program.status(), SIGTERM));
}

TEST(DefaultSignals, all_systems_end_the_youngest_first) {
  Program program([](Program& self) {
    auto first = self.start();
    auto second = self.start();
    first.spawn<Speaker>(&self, '1');
    second.spawn<Speaker>(&self, '2');
    self.wait_for_ever();
  });
  ASSERT_EQ(program.heard(), '.');
  program.signal(SIGTERM);
  EXPECT_EQ(program.rest(), "21");
  EXPECT_TRUE(died_of(program.status(), SIGTERM));
}

TEST(DefaultSignals, a_second_signal_kills_at_once) {
  Program program([](Program& self) {
    auto system = self.start();
    static std::atomic<bool> hold = true;
    struct Deaf : Actor {
      explicit Deaf(Program* p) : program(p) {}
      void on(const Go&) {
        program->say('.');
        while (hold) std::this_thread::yield();
      }
      Program* program;
    };
    system.spawn<Speaker>(&self, 's');
    static_cast<void>(system.spawn<Deaf>(&self).send(Go{}));
    while (true) pause();
  });
  ASSERT_EQ(program.heard(), '.');
  program.signal(SIGTERM);
  EXPECT_EQ(program.heard(), 's') << "the first one has been taken: the system is ending";
  program.signal(SIGINT);
  EXPECT_TRUE(died_of(program.status(), SIGINT));
}

// --- Who handles them otherwise

volatile std::sig_atomic_t handled = 0;

TEST(DefaultSignals, a_handler_of_the_application_is_left_alone_whether_it_comes_before_or_later) {
  for (const bool is_before : {true, false}) {
    Program program([is_before](Program& self) {
      const auto install = [] { std::signal(SIGTERM, [](int) { handled = handled + 1; }); };
      if (is_before) install();
      auto system = self.start();
      if (!is_before) install();
      auto speaker = system.spawn<Speaker>(&self, 's');
      self.say('.');
      until([] { return handled == 1; });
      self.say(ask(speaker, Go{}, 60s) ? 'a' : 'd');
      _exit(7);
    });
    ASSERT_EQ(program.heard(), '.');
    program.signal(SIGTERM);
    EXPECT_EQ(program.rest(), "ma") << "the system goes on";
    EXPECT_EQ(WEXITSTATUS(program.status()), 7);
  }
}

TEST(DefaultSignals, a_signal_that_is_ignored_or_blocked_stays_so) {
  for (const bool is_ignored : {true, false}) {
    Program program([is_ignored](Program& self) {
      sigset_t interrupt;
      sigemptyset(&interrupt);
      sigaddset(&interrupt, SIGINT);
      if (is_ignored) {
        std::signal(SIGINT, SIG_IGN);
      } else {
        pthread_sigmask(SIG_BLOCK, &interrupt, nullptr);
      }
      auto system = self.start();
      system.spawn<Speaker>(&self, 's');
      self.say('.');
      if (!is_ignored) {
        // As a program does that takes its signals one by one.
        int number = 0;
        sigwait(&interrupt, &number);
        self.say('i');
      }
      while (true) pause();
    });
    ASSERT_EQ(program.heard(), '.');
    program.signal(SIGINT);
    if (!is_ignored) {
      EXPECT_EQ(program.heard(), 'i');
    }
    program.signal(SIGTERM);
    EXPECT_EQ(program.rest(), "s");
    EXPECT_TRUE(died_of(program.status(), SIGTERM));
  }
}

TEST(DefaultSignals, a_system_that_is_told_not_to_leaves_them_alone) {
  Program program([](Program& self) {
    auto system = self.start({.handle_signals = false});
    system.spawn<Speaker>(&self, 's');
    self.wait_for_ever();
  });
  ASSERT_EQ(program.heard(), '.');
  program.signal(SIGTERM);
  EXPECT_EQ(program.rest(), "") << "killed, as by default";
  EXPECT_TRUE(died_of(program.status(), SIGTERM));
}

TEST(DefaultSignals, when_the_last_system_has_gone_they_do_what_they_did) {
  Program program([](Program& self) {
    {
      auto system = self.start();
      struct sigaction now{};
      sigaction(SIGTERM, nullptr, &now);
      self.say(now.sa_handler == SIG_DFL ? 'd' : 'h');
    }
    struct sigaction now{};
    sigaction(SIGTERM, nullptr, &now);
    self.say(now.sa_handler == SIG_DFL ? 'd' : 'h');
    self.wait_for_ever();
  });
  EXPECT_EQ(program.heard(), 'h');
  EXPECT_EQ(program.heard(), 'd');
  ASSERT_EQ(program.heard(), '.');
  program.signal(SIGTERM);
  EXPECT_TRUE(died_of(program.status(), SIGTERM));
}

// --- Processes of its own

TEST(DefaultSignals, a_forked_child_dies_of_them_at_once_and_may_have_a_system_of_its_own) {
#if defined(__SANITIZE_THREAD__) || defined(RINGMAIL_THREAD_SANITIZER)
  GTEST_SKIP() << "ThreadSanitizer knows no threads in a child of a process that has some";
#endif
  for (const bool has_own : {false, true}) {
    Program program([has_own](Program& self) {
      auto system = self.start();
      auto speaker = system.spawn<Speaker>(&self, 's');
      const pid_t child = fork();
      if (child == 0) {
        std::optional<System> own;
        if (has_own) {
          own.emplace(self.start());
          own->spawn<Speaker>(&self, 'c');
        }
        kill(getpid(), SIGTERM);
        while (true) pause();
      }
      int status = 0;
      waitpid(child, &status, 0);
      self.say(died_of(status, SIGTERM) ? 't' : 'x');
      self.say(ask(speaker, Go{}, 60s) ? 'a' : 'd');
      system.shutdown();
      _exit(0);
    });
    EXPECT_EQ(program.rest(), has_own ? "ctmas" : "tmas");
    EXPECT_EQ(program.status(), 0);
  }
}

TEST(DefaultSignals, run_until_signal_takes_them_instead_and_main_goes_on) {
  Program program([](Program& self) {
    auto system = self.start();
    system.spawn<Speaker>(&self, 's');
    struct sigaction before{};
    sigaction(SIGTERM, nullptr, &before);
    std::thread killer([&] {
      until([&] {
        struct sigaction now{};
        sigaction(SIGTERM, nullptr, &now);
        return now.sa_handler != before.sa_handler;
      });
      kill(getpid(), SIGTERM);
    });
    const auto ended = system.run_until_signal();
    killer.join();
    self.say(ended && ended->signal == SIGTERM && ended->complete ? 'e' : 'x');
    _exit(3);
  });
  EXPECT_EQ(program.rest(), "se");
  EXPECT_EQ(WEXITSTATUS(program.status()), 3);
}

}  // namespace
}  // namespace ringmail::test

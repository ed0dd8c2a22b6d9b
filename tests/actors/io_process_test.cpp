// Child processes, signals, and changes of files.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "io_test.hpp"

namespace ringmail::test {
namespace {

using io::IoErrorKind;
using Stream = io::ProcessOptions::Stream;

/// What a watcher has seen. Outlives the system.
struct Watched {
  std::atomic<int> signals{0};
  std::atomic<int> messages{0};
  std::atomic<bool> ready{false};
  std::atomic<bool> seen{false};
  std::atomic<bool> go_on{true};
};

class IoProcessTest : public IoTest {
 protected:
  static io::Process shell(const std::string& script, Stream input = Stream::none) {
    auto process =
        io::Process::spawn({.command = {"sh", "-c", script}, .input = input, .errors = Stream::pipe}, in_time);
    EXPECT_TRUE(process) << process.error().text;
    return std::move(*process);
  }
  /// There is no such process, nor a dead one that nobody has waited for.
  static bool is_gone(int pid) { return ::kill(pid, 0) != 0 && errno == ESRCH; }

  Watched watched_;
  Watched other_;
};

INSTANTIATE_TEST_SUITE_P(Schedulers, IoProcessTest, testing::Values(1, 3), testing::PrintToStringParamName());

TEST_P(IoProcessTest, a_child_is_read_to_its_end_and_says_how_it_ended) {
  run([] {
    auto child = shell("echo to output; echo to errors >&2; exit 7");
    EXPECT_EQ(read_all(child.output()), "to output\n");
    EXPECT_EQ(read_all(child.errors()), "to errors\n");
    for (int i = 0; i < 2; ++i) {
      const auto status = child.wait(in_time);
      ASSERT_TRUE(status) << status.error().text;
      EXPECT_EQ(status->code, 7);
      EXPECT_EQ(status->signal, 0);
    }
    child.kill(SIGKILL);  // of nobody
  });
}

TEST_P(IoProcessTest, a_child_reads_what_is_written_to_it) {
  run([] {
    auto child = shell("sort", Stream::pipe);
    ASSERT_TRUE(child.input().write("b\nc\na\n", in_time));
    ASSERT_TRUE(child.input().finish_writing());
    EXPECT_EQ(read_all(child.output()), "a\nb\nc\n");
    EXPECT_EQ(child.wait(in_time)->code, 0);
  });
}

TEST_P(IoProcessTest, a_child_that_does_not_read_holds_up_who_writes_and_its_death_ends_that) {
  ASSERT_NE(signal(SIGPIPE, SIG_DFL), SIG_ERR);
  run([] {
    auto child = shell("exec sleep 1000", Stream::pipe);
    const std::vector<std::byte> bytes(1 << 20);
    const auto given_up = child.input().write(bytes, 20ms);
    EXPECT_EQ(given_up.error().kind, IoErrorKind::timed_out);
    EXPECT_EQ(child.wait(1ms).error().kind, IoErrorKind::timed_out);
    child.kill(SIGTERM);
    EXPECT_EQ(child.input().write(bytes, in_time).error().kind, IoErrorKind::reset);
    EXPECT_EQ(child.wait(in_time)->signal, SIGTERM);
  });
}

TEST_P(IoProcessTest, a_child_has_the_environment_and_the_directory_that_it_was_given) {
  run([] {
    auto child = io::Process::spawn(
        {.command = {"/bin/sh", "-c", "echo $WORD; pwd"}, .environment = {"WORD=given"}, .directory = "/"}, in_time);
    ASSERT_TRUE(child) << child.error().text;
    EXPECT_EQ(read_all(child->output()), "given\n/\n");
  });
}

TEST_P(IoProcessTest, a_program_that_is_not_there_is_an_error_in_one_line) {
  run([] {
    const auto child = io::Process::spawn({.command = {"/no/such/program"}}, in_time);
    EXPECT_EQ(child.error().kind, IoErrorKind::not_found);
    EXPECT_EQ(child.error().text, "run '/no/such/program': No such file or directory");
    EXPECT_EQ(io::Process::spawn({}, in_time).error().kind, IoErrorKind::invalid);
  });
}

TEST_P(IoProcessTest, a_child_whose_owner_has_gone_is_killed_and_reaped) {
  int pid = 0;
  run([&] { pid = shell("exec sleep 1000").pid(); });
  ASSERT_GT(pid, 0);
  EXPECT_TRUE(until([&] { return is_gone(pid); }));
}

TEST_P(IoProcessTest, stop_ends_a_wait_for_a_child) {
  std::atomic<int> pid{0};
  std::atomic<bool> ended{false};
  const auto worker = start([&] {
    auto child = shell("exec sleep 1000");
    pid = child.pid();
    EXPECT_EQ(child.wait(io::forever).error().kind, IoErrorKind::stopped);
    ended = true;
  });
  ASSERT_TRUE(until([&] { return pid != 0; }));
  worker.stop();
  ASSERT_TRUE(until([&] { return ended.load(); }));
  EXPECT_TRUE(until([&] { return is_gone(pid); }));
}

TEST_P(IoProcessTest, many_children_at_once_each_end_as_they_ended) {
  std::atomic<int> right{0};
  for (int i = 0; i < 20; ++i) {
    start([&, i] {
      auto child = shell("echo " + std::to_string(i) + "; exit " + std::to_string(i));
      const std::string said = read_all(child.output());
      const auto status = child.wait(in_time);
      if (said == std::to_string(i) + "\n" && status && status->code == i) ++right;
    });
  }
  EXPECT_TRUE(until([&] { return right == 20; }));
}

class Parent : public Actor {
 public:
  explicit Parent(Watched& watched) : watched_(watched) {}
  void started() override {
    for (const char* script : {"exit 3", "exec sleep 1000"}) {
      auto child = io::Process::spawn({.command = {"sh", "-c", script}, .output = Stream::none}, in_time);
      ASSERT_TRUE(child) << child.error().text;
      child->watch(this_actor::mailbox<Parent>());
      (watched_.ready ? second_ : first_) = std::move(*child);
      watched_.ready = true;
    }
    second_.kill(SIGTERM);
  }
  void on(const io::ProcessEnded& ended) {
    EXPECT_EQ(ended.status.code, ended.pid == first_.pid() ? 3 : 0);
    EXPECT_EQ(ended.status.signal, ended.pid == second_.pid() ? SIGTERM : 0);
    // It is never too late to ask.
    if (++watched_.messages <= 2) (ended.pid == first_.pid() ? first_ : second_).watch(this_actor::mailbox<Parent>());
  }

 private:
  Watched& watched_;
  io::Process first_;
  io::Process second_;
};

TEST_P(IoProcessTest, the_end_of_a_child_is_a_message_to_who_watches_it_before_or_after) {
  system().spawn<Parent>(watched_);
  EXPECT_TRUE(until([&] { return watched_.messages >= 4; }));
}

// --- Signals and changes

class SignalCounter : public Actor {
 public:
  SignalCounter(int number, Watched& watched) : number_(number), watched_(watched) {}
  void started() override {
    auto watch = io::on_signal(this_actor::mailbox<SignalCounter>(), number_);
    ASSERT_TRUE(watch) << watch.error().text;
    watch_ = std::move(*watch);
    watched_.ready = true;
  }
  void on(const io::SignalReceived& signal) {
    EXPECT_EQ(signal.number, number_);
    watched_.signals += static_cast<int>(signal.count);
    ++watched_.messages;
    while (!watched_.go_on && this_actor::sleep_for(1ms)) {
    }
  }

 private:
  int number_;
  Watched& watched_;
  io::Watch watch_;
};

TEST_P(IoProcessTest, a_signal_is_a_message_to_each_who_watches_for_it) {
  Watched& one = watched_;
  Watched& two = other_;
  const auto first = system().spawn<SignalCounter>(SIGUSR1, one);
  system().spawn<SignalCounter>(SIGUSR1, two);
  ASSERT_TRUE(until([&] { return one.ready && two.ready; }));
  for (int i = 1; i <= 5; ++i) {
    ASSERT_EQ(::kill(getpid(), SIGUSR1), 0);
    ASSERT_TRUE(until([&] { return one.signals >= i && two.signals >= i; }));
  }
  // One that has ended watches no more; for the other it goes on.
  first.stop();
  const auto id = first.address().actor;
  ASSERT_TRUE(until([&] { return !system().runtime().scheduler(id.thread()).is_live(id); }));
  ASSERT_EQ(::kill(getpid(), SIGUSR1), 0);
  ASSERT_TRUE(until([&] { return two.signals >= 6; }));
}

TEST_P(IoProcessTest, signals_that_come_faster_than_they_are_handled_are_counted_in_one_message) {
  Watched& watched = watched_;
  watched.go_on = false;
  system().spawn<SignalCounter>(SIGUSR2, watched);
  ASSERT_TRUE(until([&] { return watched.ready.load(); }));
  ASSERT_EQ(::kill(getpid(), SIGUSR2), 0);
  ASSERT_TRUE(until([&] { return watched.messages == 1; }));
  for (int i = 0; i < 50; ++i) ASSERT_EQ(::kill(getpid(), SIGUSR2), 0);
  // The reactor takes this request after the signals that it had got.
  run([] { EXPECT_TRUE(io::read_file("/proc/self/comm", in_time)); });
  EXPECT_EQ(watched.messages, 1);
  watched.go_on = true;
  EXPECT_TRUE(until([&] { return watched.messages == 2; }));
  EXPECT_GE(watched.signals, 2);
}

TEST_P(IoProcessTest, what_no_signal_is_cannot_be_watched_for) {
  std::atomic<bool> told{false};
  class Mistaken : public Actor {
   public:
    explicit Mistaken(std::atomic<bool>& told) : told_(told) {}
    void started() override {
      for (const int number : {0, SIGKILL, 1000}) {
        const auto watch = io::on_signal(this_actor::mailbox<Mistaken>(), number);
        EXPECT_EQ(watch.error().kind, IoErrorKind::invalid);
        EXPECT_EQ(watch.error().text, "watch for signal " + std::to_string(number) + ": Invalid argument");
      }
      told_ = true;
    }
    void on(const io::SignalReceived&) { ADD_FAILURE(); }

   private:
    std::atomic<bool>& told_;
  };
  system().spawn<Mistaken>(told);
  EXPECT_TRUE(until([&] { return told.load(); }));
}

class DirectoryWatcher : public Actor {
 public:
  DirectoryWatcher(std::string path, std::string name, Watched& watched)
      : path_(std::move(path)), name_(std::move(name)), watched_(watched) {}
  void started() override {
    auto watch = io::on_change(this_actor::mailbox<DirectoryWatcher>(), path_);
    ASSERT_TRUE(watch) << watch.error().text;
    watch_ = std::move(*watch);
    EXPECT_EQ(io::on_change(this_actor::mailbox<DirectoryWatcher>(), path_ + "/missing").error().kind,
              IoErrorKind::not_found);
    watched_.ready = true;
  }
  void on(const io::PathChanged& change) {
    EXPECT_EQ(change.path, path_);
    if (change.kind == io::PathChanged::Kind::renamed && change.name == name_) watched_.seen = true;
    if (change.kind == io::PathChanged::Kind::overflowed) watched_.signals = 1;
    ++watched_.messages;
    while (!watched_.go_on && this_actor::sleep_for(1ms)) {
    }
  }

 private:
  std::string path_;
  std::string name_;
  Watched& watched_;
  io::Watch watch_;
};

TEST_P(IoProcessTest, a_file_that_appears_in_a_directory_is_told_and_too_many_at_once_are_summed_up) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / ("ringmail_io_watch_" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  Watched& watched = watched_;
  system().spawn<DirectoryWatcher>(folder, "new", watched);
  ASSERT_TRUE(until([&] { return watched.ready.load(); }));
  std::ofstream(folder / "new") << "x";
  EXPECT_TRUE(until([&] { return watched.seen.load(); }));

  watched.go_on = false;
  for (int i = 0; i < 2000; ++i) std::ofstream(folder / std::to_string(i)) << "x";
  // The reactor takes this request after the changes that it had got.
  run([] { EXPECT_TRUE(io::read_file("/proc/self/comm", in_time)); });
  watched.go_on = true;
  EXPECT_TRUE(until([&] { return watched.signals == 1; }));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace ringmail::test

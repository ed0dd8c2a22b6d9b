// Another program in the place of the one that a peer runs, and all the orders in which those who take part may die.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>

#include "reactor_host.hpp"

namespace ringmail::runtime {
namespace {

using Kind = ExitReason::Kind;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

/// What comes of a replacement.
class Replacing {
 public:
  Replacing(ReactorHost& host, std::uint32_t link, const PeerReplacement& replacement) : host_(host) {
    const auto outcome = std::make_shared<std::promise<ReplaceOutcome>>();
    outcome_ = outcome->get_future();
    host.reactor().replace_peer(link, replacement,
                                [outcome](ReplaceOutcome come) { outcome->set_value(std::move(come)); });
  }
  ReplaceOutcome outcome() {
    if (outcome_.wait_for(watchdog) == std::future_status::ready) return outcome_.get();
    ADD_FAILURE() << "no answer";
    for (const std::string& line : host_.log().lines()) std::cerr << line << "\n";
    return {};
  }
  void expect_done() {
    const auto come = outcome();
    EXPECT_TRUE(come) << to_string(come.error());
  }
  ReplaceError error() {
    auto come = outcome();
    EXPECT_FALSE(come);
    return come ? ReplaceError{} : std::move(come.error());
  }

 private:
  ReactorHost& host_;
  std::future<ReplaceOutcome> outcome_;
};

std::vector<std::string> program(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), RINGMAIL_TEST_PEER);
  return arguments;
}

/// A program that does not start before it is let.
class Gate {
 public:
  Gate() : path_(std::filesystem::temp_directory_path() / ("ringmail_gate_" + std::to_string(::getpid()))) {}
  ~Gate() { std::filesystem::remove(path_); }
  std::vector<std::string> command() const {
    return {"/bin/sh", "-c",
            "while [ ! -e " + path_.string() + " ]; do sleep 0.01; done; exec " RINGMAIL_TEST_PEER " serve"};
  }
  void open() const { std::ofstream(path_).put('x'); }

 private:
  std::filesystem::path path_;
};

class Replacement : public testing::Test {
 protected:
  std::uint32_t start(const PeerOptions& options) {
    const auto link = host_.spawn(options);
    host_.told().await("up 1");
    return link;
  }
  int pid(std::uint32_t link) { return host_.reactor().peer_pid(link); }
  /// In order, with nothing left.
  void stop(std::uint32_t link) {
    host_.reactor().stop_peer(link);
    const Ending ending = host_.await_end(link);
    EXPECT_EQ(ending.reason, ExitReason{});
    EXPECT_EQ(ending.account.unfinished, 0U);
    EXPECT_EQ(ending.account.fault, "");
  }
  std::vector<std::string> told() { return host_.told().lines(); }

  ReactorHost host_;
};

TEST_F(Replacement, takes_up_when_it_is_there_and_nobody_hears_of_a_death) {
  const auto link = start(test_peer({"serve"}));
  host_.send(link, 41);
  host_.log().await("[peer] message 41");
  const int before = pid(link);
  Replacing(host_, link, {.command = program({"serve"})}).expect_done();
  EXPECT_NE(pid(link), before);
  host_.send(link, 42);
  host_.log().await("[peer] message 42");
  EXPECT_EQ(host_.log().count("[peer] message 41"), 1U);
  EXPECT_EQ(host_.log().count("message 42 again"), 0U) << "the old one has not seen it";
  EXPECT_THAT(told(), ElementsAre("open", "up 1", "yield", "replace", "handed over", "up 2"));
  host_.log().await("running -> yielding: process");
  stop(link);
}

TEST_F(Replacement, leaves_the_old_program_alone_where_the_new_one_cannot_be_run) {
  const auto link = start(test_peer({"serve"}));
  const int before = pid(link);
  const auto error = Replacing(host_, link, {.command = {"/no/such/program"}}).error();
  EXPECT_EQ(error.kind, ReplaceError::Kind::failed);
  EXPECT_EQ(error.reason.kind, Kind::not_started) << to_string(error);
  EXPECT_EQ(pid(link), before);
  EXPECT_THAT(told(), ElementsAre("open", "up 1"));
  stop(link);
}

TEST_F(Replacement, leaves_the_old_program_alone_where_the_new_one_is_refused_for_its_schema) {
  PeerOptions options = test_peer({"serve"});
  options.schema = "ours";
  const auto link = start(options);
  const int before = pid(link);
  const auto error = Replacing(host_, link, {.command = program({"schema", "theirs"})}).error();
  EXPECT_EQ(error.kind, ReplaceError::Kind::failed);
  EXPECT_EQ(error.reason.kind, Kind::handshake);
  EXPECT_THAT(to_string(error), HasSubstr("field price is f64 here and u64 there"));
  EXPECT_EQ(pid(link), before);
  EXPECT_THAT(told(), ElementsAre("open", "up 1"));
  stop(link);
}

TEST_F(Replacement, leaves_the_old_program_alone_where_the_new_one_says_nothing_or_exits) {
  const auto link = start(test_peer({"serve"}));
  PeerReplacement silent{.command = program({"silent"}), .deadlines = PeerDeadlines{.start = milliseconds(100)}};
  const auto error = Replacing(host_, link, silent).error();
  EXPECT_EQ(error.kind, ReplaceError::Kind::failed);
  EXPECT_THAT(to_string(error), HasSubstr("no hello within 100 ms"));

  const auto exited = Replacing(host_, link, {.command = {"/bin/sh", "-c", "echo no library >&2; exit 3"}}).error();
  EXPECT_EQ(exited.kind, ReplaceError::Kind::failed);
  EXPECT_EQ(exited.reason.code, 3);
  EXPECT_THAT(to_string(exited), HasSubstr("no library"));
  ASSERT_NE(exited.reason.post_mortem, nullptr);
  EXPECT_THAT(exited.reason.post_mortem->last_lines, ElementsAre("no library"));
  EXPECT_THAT(told(), ElementsAre("open", "up 1"));
  stop(link);
}

TEST_F(Replacement, that_dies_before_it_is_ready_has_the_old_program_started_again_without_a_policy) {
  const auto link = start(test_peer({"serve"}));
  const auto error = Replacing(host_, link, {.command = program({"leave-the-welcome"})}).error();
  EXPECT_EQ(error.kind, ReplaceError::Kind::failed);
  EXPECT_EQ(error.reason.kind, Kind::handshake) << to_string(error);
  host_.told().await("up 3");
  host_.send(link, 42);
  host_.log().await("[peer] message 42");
  EXPECT_EQ(host_.log().count("message 42 again"), 0U);
  EXPECT_THAT(told(), ElementsAre("open", "up 1", "yield", "replace", "handed over", "replace", "handed over", "up 3"));
  stop(link);
}

TEST_F(Replacement, that_dies_when_it_is_ready_is_a_death_like_any_other) {
  PeerOptions options = test_peer({"serve"});
  options.restart.when = RestartPolicy::When::permanent;
  options.restart.max_restarts = 1;
  options.restart.first_delay = options.restart.longest_delay = std::chrono::nanoseconds(0);
  const auto link = start(options);
  Replacing(host_, link, {.command = shell_peer("echo the new one; exec " RINGMAIL_TEST_PEER " serve").command})
      .expect_done();
  host_.signal(link, SIGKILL);
  host_.told().await("up 3");
  host_.signal(link, SIGKILL);
  EXPECT_EQ(host_.await_end(link).reason.signal, SIGKILL);
  EXPECT_THAT(told(),
              ElementsAre("open", "up 1", "yield", "replace", "handed over", "up 2", "replace",
                          "down: killed by signal 9 (Killed)", "up 3", "close", "down: killed by signal 9 (Killed)"))
      << "the replacement counted for nothing";
  EXPECT_EQ(host_.log().count("[peer] the new one"), 2U) << "its program was not started again";
}

TEST_F(Replacement, goes_on_when_the_old_one_dies_while_the_new_one_starts) {
  const Gate gate;
  const auto link = start(test_peer({"serve"}));  // which its policy would not start again
  Replacing replacing(host_, link, {.command = gate.command()});
  host_.log().await("is to take up");
  host_.signal(link, SIGKILL);
  host_.told().await("down: killed by signal 9");
  host_.send(link, 42);
  gate.open();
  replacing.expect_done();
  host_.log().await("[peer] message 42");
  EXPECT_THAT(told(), ElementsAre("open", "up 1", "replace", "down: killed by signal 9 (Killed)", "up 2"));
  stop(link);
}

TEST_F(Replacement, goes_on_when_the_old_one_does_not_leave_and_is_killed) {
  PeerOptions options = test_peer({"stubborn"});
  options.deadlines.drain = options.deadlines.terminate = milliseconds(100);
  const auto link = start(options);
  host_.send(link, 42);
  Replacing(host_, link, {.command = program({"serve"})}).expect_done();
  host_.log().await("[peer] message 42 again");
  EXPECT_THAT(told(), ElementsAre("open", "up 1", "yield", "replace", "down: killed by signal 9 (Killed)", "up 2"));
  stop(link);
}

TEST_F(Replacement, is_started_anew_when_it_did_not_wait_for_the_old_one) {
  PeerOptions options = test_peer({"deaf"});
  options.deadlines.drain = std::chrono::seconds(30);
  const auto link = start(options);
  Replacing replacing(host_, link, {.command = program({"serve"})});
  host_.told().await("yield");
  int waiting = 0;
  for (const std::string& line : host_.log().lines()) {
    const auto at = line.find("yielding: process ");
    if (at != std::string::npos) waiting = std::atoi(line.c_str() + at + 18);
  }
  ASSERT_GT(waiting, 1);
  ::kill(waiting, SIGKILL);
  host_.log().await("has not waited to take up");
  host_.signal(link, SIGKILL);
  replacing.expect_done();
  EXPECT_NE(pid(link), waiting);
  stop(link);
}

TEST_F(Replacement, is_called_off_by_a_stop_while_it_starts_and_the_old_one_drains) {
  const Gate gate;
  const auto link = start(test_peer({"serve"}));
  Replacing replacing(host_, link, {.command = gate.command()});
  host_.log().await("is to take up");
  host_.send(link, 42);
  stop(link);
  EXPECT_EQ(replacing.error().kind, ReplaceError::Kind::stopping);
  EXPECT_EQ(host_.log().count("[peer] message 42"), 1U);
  EXPECT_THAT(told(), ElementsAre("open", "up 1", "stop", "close", "down: ended normally"));
}

TEST_F(Replacement, drains_what_the_old_one_has_left_when_it_is_stopped_meanwhile) {
  PeerOptions options = test_peer({"deaf"});
  options.deadlines.drain = std::chrono::seconds(30);
  const auto link = start(options);
  host_.send(link, 42);
  Replacing replacing(host_, link, {.command = program({"serve"})});
  host_.told().await("yield");
  host_.reactor().stop_peer(link);
  host_.signal(link, SIGKILL);
  replacing.expect_done();
  const Ending ending = host_.await_end(link);
  EXPECT_EQ(ending.reason, ExitReason{});
  EXPECT_EQ(ending.account.unfinished, 0U);
  EXPECT_EQ(host_.log().count("[peer] message 42"), 1U);
}

TEST_F(Replacement, is_one_at_a_time) {
  const Gate gate;
  const auto link = start(test_peer({"serve"}));
  Replacing first(host_, link, {.command = gate.command()});
  EXPECT_EQ(Replacing(host_, link, {.command = program({"serve"})}).error().kind, ReplaceError::Kind::busy);
  gate.open();
  first.expect_done();
  Replacing(host_, link, {}).expect_done();
  EXPECT_EQ(host_.told().count("up 3"), 1U) << "the same program, started anew";
  stop(link);
}

TEST_F(Replacement, of_one_that_waits_for_its_restart_waits_no_longer) {
  PeerOptions options = test_peer({"exit", "3", "one"});
  options.restart.when = RestartPolicy::When::permanent;
  options.restart.first_delay = options.restart.longest_delay = std::chrono::hours(1);
  const auto link = start(options);
  host_.log().await("settling -> delayed");
  Replacing(host_, link, {.command = program({"serve"})}).expect_done();
  EXPECT_THAT(told(), ElementsAre("open", "up 1", "replace", "down: exited with 3: ValueError: one", "up 2"));
  stop(link);
}

TEST_F(Replacement, is_spoken_to_as_it_has_to_be_whatever_the_one_before_was) {
  const auto link = start(test_peer({"serve"}));
  // A program that can use no socket: the host keeps its bells to itself then.
  const auto error =
      Replacing(host_, link, {.command = program({"over-pipes", "1", "0"}), .control_by_pipes = true}).error();
  EXPECT_THAT(to_string(error), HasSubstr("stream_doorbell")) << "which it does not offer";
  EXPECT_EQ(host_.told().count("yield"), 0U);
  stop(link);
}

TEST_F(Replacement, of_a_peer_that_is_not_there_or_not_ones_own_is_refused) {
  EXPECT_EQ(Replacing(host_, 77, {}).error().kind, ReplaceError::Kind::not_found);
  const auto link = start(test_peer({"serve"}));
  EXPECT_EQ(Replacing(host_, link, {.environment = {{{"A=B", "c"}}}}).error().kind, ReplaceError::Kind::impossible);
  stop(link);
  EXPECT_EQ(Replacing(host_, link, {}).error().kind, ReplaceError::Kind::not_found);
}

TEST(ReplacementOfAnother, is_refused_where_somebody_else_starts_it) {
  const std::string path = std::filesystem::temp_directory_path() / ("ringmail_replace_" + std::to_string(::getpid()));
  ReactorHost host(path + "/socket");
  PeerOptions options = test_peer({});
  options.command.clear();
  const auto link = host.spawn(options);
  host.log().await("opening -> awaited");
  EXPECT_EQ(Replacing(host, link, {.command = program({"serve"})}).error().kind, ReplaceError::Kind::impossible);
}

}  // namespace
}  // namespace ringmail::runtime

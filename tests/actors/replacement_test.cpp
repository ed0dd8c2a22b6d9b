// A peer's program is exchanged under load, and nobody notices but by what the new one does.
#include <gtest/gtest.h>
#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "../transport/deadline.hpp"
#include "replacement.mail.hpp"
#include "ringmail/actors/actors.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using line::Die, line::Line, line::Link, line::Sleep;
using transport::test::until;

constexpr auto patience = 30s;

/// RINGMAIL_REPLACEMENTS asks for more.
int replacements() {
  const char* const given = std::getenv("RINGMAIL_REPLACEMENTS");
  return given != nullptr ? std::atoi(given) : 100;
}

/// A link made of the one before it and of what it holds itself, so that none can be lost, repeated or moved unnoticed.
struct Chain {
  std::uint64_t number = 0;
  std::uint64_t chain = 0;

  Link next(std::uint64_t payload) {
    chain = (chain ^ (number * 0x9e3779b97f4a7c15 + payload)) * 0xff51afd7ed558ccd;
    chain ^= chain >> 32;
    return {.number = number++, .payload = payload, .chain = chain};
  }
};

/// What has come to the end of the line.
struct Arrivals {
  std::atomic<std::uint64_t> count{0};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> again{0};  // that somebody may have seen before
  std::mutex mutex;
  std::vector<std::uint64_t> programs;  // each time that it was another one
};

class Sink : public Actor {
 public:
  using Protocol = line::Sink;
  explicit Sink(Arrivals& arrivals) : arrivals_(arrivals) {}
  void on(const Link& link) {
    const Link expected = chain_.next(link.payload);
    if (link.number != expected.number || link.chain != expected.chain) ++arrivals_.wrong;
    if (link.again != 0) ++arrivals_.again;
    ++arrivals_.count;
    const std::lock_guard lock(arrivals_.mutex);
    if (arrivals_.programs.empty() || arrivals_.programs.back() != link.program) {
      arrivals_.programs.push_back(link.program);
    }
  }

 private:
  Arrivals& arrivals_;
  Chain chain_;
};

/// The same where those who die are followed by others, who may repeat the last of what was sent on, and leave nothing out.
class PatientSink : public Actor {
 public:
  using Protocol = line::Sink;
  explicit PatientSink(Arrivals& arrivals) : arrivals_(arrivals) {}
  void on(const Link& link) {
    if (link.number < arrivals_.count) return;
    const Link expected = chain_.next(link.payload);
    if (link.number != expected.number || link.chain != expected.chain) ++arrivals_.wrong;
    ++arrivals_.count;
  }

 private:
  Arrivals& arrivals_;
  Chain chain_;
};

#ifdef __linux__
/// Processes of this one that run a program of the line: those that serve, leave, or wait to take up.
std::vector<int> lives() {
  std::vector<int> found;
  const std::string parent = " " + std::to_string(::getpid()) + " ";
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    std::string status, command;
    std::getline(std::ifstream(entry.path() / "stat"), status);
    std::getline(std::ifstream(entry.path() / "cmdline"), command, '\0');
    // "PID (NAME) STATE PARENT ..."
    const bool is_child = status.find(parent, status.rfind(')')) == status.rfind(')') + 3;
    if (is_child && command == RINGMAIL_REPLACEABLE_PEER) found.push_back(std::stoi(entry.path().filename()));
  }
  return found;
}
#endif

class Watcher : public Actor {
 public:
  Watcher(const Mailbox<Line>& peer, std::atomic<int>& downs) : peer_(peer), downs_(downs) {}
  void started() override { this_actor::monitor(peer_); }
  void on(const Down&) { ++downs_; }

 private:
  Mailbox<Line> peer_;
  std::atomic<int>& downs_;
};

class Replacement : public testing::TestWithParam<std::uint32_t> {
 protected:
  Replacement() {
    transport::test::start_watchdog();
    auto created = System::create({.schedulers = GetParam(), .log = std::make_shared<spdlog::logger>("host", log_)});
    if (!created) std::abort();
    system_.emplace(std::move(*created));
    system_->publish("sink", system_->spawn<Sink>(arrivals_));
  }
  void TearDown() override {
    system_->shutdown();
    EXPECT_EQ(arrivals_.wrong, 0u);
    EXPECT_EQ(system_->counters().lost_wakeups, 0u);
    if (!HasFailure()) return;
    for (const std::string& line : log_->last_formatted()) std::fputs(line.c_str(), stderr);
  }

  static std::vector<std::string> program(int number) { return {RINGMAIL_REPLACEABLE_PEER, std::to_string(number)}; }
  static PeerOptions first() { return {.name = "line", .command = program(1)}; }
  Mailbox<Line> start(PeerOptions options) {
    auto spawned = system_->spawn_peer<Line>(std::move(options));
    EXPECT_TRUE(spawned) << spawned.error();
    EXPECT_TRUE(system_->runtime().wait_until_ready(spawned->address().link));
    return *spawned;
  }
  std::uint64_t incarnation(const Mailbox<Line>& peer) { return system_->runtime().incarnation(peer.address().link); }
  void kill(const Mailbox<Line>& peer) {
    const int pid = system_->runtime().peer_pid(peer.address().link);
    ASSERT_GT(pid, 1);
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
  }
  /// Which program answers.
  std::uint64_t program_of(const Mailbox<Line>& peer) {
    const auto link = ask(peer, Link{}, patience);
    EXPECT_TRUE(link) << to_string(link.error());
    return link ? link->program : 0;
  }
  std::size_t lines_with(const std::string& text) {
    const auto lines = log_->last_formatted();
    return static_cast<std::size_t>(
        std::ranges::count_if(lines, [&](const std::string& line) { return line.find(text) != std::string::npos; }));
  }

  std::shared_ptr<spdlog::sinks::ringbuffer_sink_mt> log_ = std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(500);
  Arrivals arrivals_;
  std::optional<System> system_;
};

INSTANTIATE_TEST_SUITE_P(Schedulers, Replacement, testing::Values(1, 2), testing::PrintToStringParamName());

TEST_P(Replacement, loses_repeats_and_moves_nothing_under_load_and_fails_no_ask) {
  const auto peer = start(first());
  std::atomic<int> downs = 0;
  system_->spawn<Watcher>(peer, downs);
  std::atomic<bool> done = false;
  std::uint64_t sent = 0;
  std::thread sender([&] {
    Chain chain;
    for (std::mt19937_64 random(GetParam()); !done; ++sent) {
      if (const auto handed = peer.send(chain.next(random())); !handed) {
        ADD_FAILURE() << to_string(handed.error());
        return;
      }
    }
  });
  std::atomic<std::uint64_t> asked = 0;
  std::thread asker([&] {
    for (std::uint64_t number = 0; !done; ++number) {
      const auto link = ask(peer, Link{.number = number}, patience);
      EXPECT_TRUE(link) << to_string(link.error());
      EXPECT_EQ(link.value_or(Link{}).number, number);
      ++asked;
    }
  });
  const int count = replacements();
  for (int i = 0; i < count; ++i) {
    transport::test::start_watchdog();
    const auto outcome = peer.replace({.command = program(2 + i)});
    if (!outcome) ADD_FAILURE() << to_string(outcome.error());
    // It is there, and at work.
    const std::uint64_t before = arrivals_.count;
    EXPECT_TRUE(until([&] { return arrivals_.count > before; }));
  }
  done = true;
  sender.join();
  asker.join();
  EXPECT_TRUE(until([&] { return arrivals_.count >= sent; })) << arrivals_.count << " of " << sent;
  EXPECT_EQ(arrivals_.count, sent);
  EXPECT_EQ(arrivals_.again, 0u);
  EXPECT_EQ(downs, 0);
  EXPECT_GT(asked, 0u);
  EXPECT_EQ(incarnation(peer), static_cast<std::uint64_t>(count) + 1);
  EXPECT_TRUE(std::ranges::is_sorted(arrivals_.programs)) << "none came back";
  const auto status = system_->peer_status("line");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->deaths, 0u);
  const auto end = system_->stop_and_wait(peer);
  EXPECT_EQ(end.account.unfinished, 0u);
  EXPECT_EQ(end.account.received, sent);
  EXPECT_TRUE(until([&] { return downs == 1; })) << "of its end in order the monitor is told";
}

#ifdef __linux__
TEST_P(Replacement, loses_nothing_whoever_is_killed_meanwhile) {
  Arrivals arrivals;
  system_->publish("patient", system_->spawn<PatientSink>(arrivals));
  PeerOptions options = first();
  options.command.emplace_back("patient");
  options.max_attempts = 0;
  options.restart = {
      .when = RestartPolicy::When::permanent, .max_restarts = UINT32_MAX, .first_delay = 1ms, .longest_delay = 1ms};
  const auto peer = start(options);
  std::atomic<bool> done = false, peace = false;
  std::uint64_t sent = 0;
  std::thread sender([&] {
    Chain chain;
    for (std::mt19937_64 random(GetParam()); !done; ++sent) {
      if (const auto handed = peer.send(chain.next(random())); !handed) {
        ADD_FAILURE() << to_string(handed.error());
        return;
      }
    }
  });
  std::thread killer([&] {
    for (std::mt19937_64 random(std::random_device{}()); !peace;) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
      const auto victims = lives();
      if (!victims.empty() && !peace) ::kill(victims[random() % victims.size()], SIGKILL);
    }
  });
  int failures = 0;
  const int count = replacements() / 2;
  for (int i = 0; i < count; ++i) {
    transport::test::start_watchdog();
    std::vector<std::string> command = program(2 + i);
    command.emplace_back("patient");
    const auto outcome = peer.replace({.command = command});
    if (outcome) continue;
    ++failures;
    EXPECT_EQ(outcome.error().kind, ReplaceError::Kind::failed) << to_string(outcome.error());
  }
  peace = true;
  killer.join();
  done = true;
  sender.join();
  EXPECT_TRUE(until([&] { return arrivals.count >= sent; })) << arrivals.count << " of " << sent;
  EXPECT_EQ(arrivals.count, sent);
  EXPECT_EQ(arrivals.wrong, 0u);
  EXPECT_LT(failures, count) << "some came through";
  const auto end = system_->stop_and_wait(peer);
  EXPECT_EQ(end.account.unfinished, 0u);
  EXPECT_EQ(end.account.fault, "");
}
#endif

TEST_P(Replacement, leaves_what_waits_and_finishes_what_is_in_hand) {
  const auto peer = start(first());
  constexpr std::uint64_t waiting = 100;
  std::thread asker([&] { EXPECT_TRUE(ask(peer, Sleep{300}, patience)) << "it was in hand, and its answer has come"; });
  ASSERT_TRUE(until([&] { return system_->peer_status(peer)->in_hand.has_value(); }));
  Chain chain;
  for (std::uint64_t i = 0; i < waiting; ++i) ASSERT_TRUE(peer.send(chain.next(i)));
  const auto outcome = system_->replace_peer("line", {.command = program(2)});
  EXPECT_TRUE(outcome) << to_string(outcome.error());
  asker.join();
  EXPECT_TRUE(until([&] { return arrivals_.count == waiting; }));
  EXPECT_EQ(arrivals_.programs, std::vector<std::uint64_t>{2}) << "not one of them was the old program's";
}

TEST_P(Replacement, suspends_a_handler_that_waits_for_it) {
  const auto peer = start(first());
  struct Go {};
  const auto operates =
      system_->spawn([&peer](const Go&) -> bool { return peer.replace({.command = program(2)}).has_value(); });
  EXPECT_EQ(ask(operates, Go{}, patience), true);
  EXPECT_EQ(program_of(peer), 2u);
}

TEST_P(Replacement, gives_up_waiting_in_time_and_goes_on) {
  const auto peer = start(first());
  const auto outcome =
      peer.replace({.command = {"/bin/sh", "-c", "sleep 0.3; exec \"$0\" 2", RINGMAIL_REPLACEABLE_PEER}}, 1ms);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, ReplaceError::Kind::timed_out);
  EXPECT_TRUE(until([&] { return program_of(peer) == 2; }));
}

TEST_P(Replacement, has_environment_and_directory_of_its_own) {
  const auto peer = start(first());
  ASSERT_TRUE(peer.replace(
      {.command = {"/bin/sh", "-c", "cd \"$OLDPWD\" 2>&-; exec \"$0\" \"$PROGRAM\"", RINGMAIL_REPLACEABLE_PEER},
       .environment = {{{"PROGRAM", "7"}}},
       .working_directory = "/"}));
  EXPECT_EQ(program_of(peer), 7u);
  ASSERT_TRUE(peer.replace({})) << "the same again";
  EXPECT_EQ(program_of(peer), 7u);
}

TEST_P(Replacement, comes_to_nothing_for_who_is_no_peer) {
  const auto sink = system_->find<line::Sink>("sink");
  EXPECT_EQ(sink.replace({}).error().kind, ReplaceError::Kind::not_found);
  EXPECT_EQ(system_->replace_peer("nobody", {}).error().kind, ReplaceError::Kind::not_found);
  EXPECT_EQ(Mailbox<Line>().replace({}).error().kind, ReplaceError::Kind::not_found);
}

TEST_P(Replacement, of_a_supervised_peer_counts_no_restart_and_restarts_nobody) {
  std::atomic<int> lives = 0;
  struct Neighbour : Actor {
    explicit Neighbour(std::atomic<int>* lives) { ++*lives; }
    void on(const Sleep&) {}
  };
  auto tree = supervise(*system_, {.strategy = Strategy::one_for_all, .intensity = 1, .period = 1h});
  tree.child<Neighbour>({.name = "neighbour"}, &lives);
  const auto peer = tree.peer<Line>({.name = "line"}, first());
  ASSERT_TRUE(peer) << peer.error();
  auto supervisor = tree.start();
  ASSERT_TRUE(until([&] { return incarnation(*peer) == 1; }));
  for (int i = 2; i < 6; ++i) {
    const auto outcome = peer->replace({.command = program(i)});
    ASSERT_TRUE(outcome) << to_string(outcome.error());
    EXPECT_EQ(program_of(*peer), static_cast<std::uint64_t>(i));
  }
  EXPECT_EQ(lives, 1);
  const auto children = ask(supervisor, WhichChildren{}, patience);
  ASSERT_TRUE(children);
  EXPECT_EQ((*children)[1].restarts, 0u);
  EXPECT_EQ((*children)[1].state, ChildInfo::State::up);
  // A death is counted, and the next life is that of the last program.
  kill(*peer);
  EXPECT_TRUE(until([&] { return incarnation(*peer) == 6 && lives == 2; }));
  EXPECT_EQ(program_of(*peer), 5u);
}

TEST_P(Replacement, of_a_supervised_peer_that_dies_meanwhile_is_what_its_supervisor_starts) {
  auto tree = supervise(*system_);
  const auto peer = tree.peer<Line>({.name = "line"}, first());
  ASSERT_TRUE(peer) << peer.error();
  auto supervisor = tree.start();
  ASSERT_TRUE(until([&] { return incarnation(*peer) == 1; }));
  std::thread replacing([&] {
    const auto outcome =
        peer->replace({.command = {"/bin/sh", "-c", "sleep 0.3; exec \"$0\" 2", RINGMAIL_REPLACEABLE_PEER}});
    EXPECT_TRUE(outcome) << to_string(outcome.error());
  });
  ASSERT_TRUE(until([&] { return lines_with("is to take up") == 1; }));
  kill(*peer);
  ASSERT_TRUE(peer->send(Link(Chain().next(1))));
  replacing.join();
  EXPECT_TRUE(until([&] { return arrivals_.count == 1; }));
  EXPECT_EQ(program_of(*peer), 2u);
  const auto children = ask(supervisor, WhichChildren{}, patience);
  ASSERT_TRUE(children);
  EXPECT_EQ((*children)[0].restarts, 1u) << "the death was one";
}

TEST_P(Replacement, is_called_off_where_a_supervisor_stops_the_child_and_refused_while_it_is_down) {
  auto tree = supervise(*system_);
  const auto peer = tree.peer<Line>({.name = "line"}, first());
  ASSERT_TRUE(peer) << peer.error();
  auto supervisor = tree.start();
  ASSERT_TRUE(until([&] { return incarnation(*peer) == 1; }));
  std::thread replacing([&] {
    const auto outcome = peer->replace({.command = {"/bin/sleep", "1000"}});
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind, ReplaceError::Kind::stopping) << to_string(outcome.error());
  });
  ASSERT_TRUE(until([&] { return lines_with("is to take up") == 1; }));
  EXPECT_TRUE(terminate_child(supervisor, "line", patience));
  replacing.join();
  EXPECT_EQ(peer->replace({.command = program(2)}).error().kind, ReplaceError::Kind::stopping);
  EXPECT_TRUE(restart_child(supervisor, "line", patience));
  EXPECT_EQ(program_of(*peer), 1u);
}

TEST_P(Replacement, passes_to_a_message_that_killed_the_one_before_how_often_it_was_tried) {
  PeerOptions options = first();
  options.max_attempts = 2;
  options.restart = {.when = RestartPolicy::When::permanent, .first_delay = 1h, .longest_delay = 1h, .jitter = 0};
  const auto peer = start(options);
  std::atomic<int> downs = 0;
  system_->spawn<Watcher>(peer, downs);
  ASSERT_TRUE(ask(peer, Sleep{0}, patience));
  // Of the first message behind its cursor it is known that it died of that.
  ASSERT_TRUE(until([&] { return system_->peer_status(peer)->waiting == 0; }));
  ASSERT_TRUE(peer.send(Die{}));
  ASSERT_TRUE(until([&] { return downs == 1; }));
  // Instead of the hour that it was to wait, and dies of the same; then the message is given up.
  ASSERT_TRUE(peer.replace({.command = program(2)}));
  ASSERT_TRUE(until([&] { return lines_with("dead letter: peer 'line' died 2 times in a row with it in hand") == 1; }));
  ASSERT_TRUE(peer.replace({.command = program(3)}));
  EXPECT_EQ(program_of(peer), 3u);
}

}  // namespace
}  // namespace ringmail::test

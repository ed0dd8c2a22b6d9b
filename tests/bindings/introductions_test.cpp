// Peers of every two languages that can be introduced to each other, talking without a hop: the one streams or sends on to the other,
// which sends it on to the host, where every message is looked at.
#include <gtest/gtest.h>
#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "../transport/deadline.hpp"
#include "conformance.mail.hpp"
#include "languages.hpp"
#include "ringmail/actors/actors.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using conformance::Consult, conformance::Get, conformance::Payload, conformance::Ping, conformance::Stream,
    conformance::Sum, conformance::Tick;
using transport::test::until;

struct Pair {
  Language from, to;
  friend void PrintTo(const Pair& pair, std::ostream* out) { *out << pair.from.name << " to " << pair.to.name; }
};

std::vector<Pair> pairs() {
  std::vector<Pair> pairs;
  for (const Language& from : languages()) {
    for (const Language& to : languages()) pairs.push_back({from, to});
  }
  return pairs;
}

/// All of it: the threads of a process stop one after the other.
bool is_stopped(int pid) {
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("State:") && line.find("T (stopped)") == std::string::npos) return false;
    }
  }
  return true;
}

/// The numbers of what has arrived, in order. Any thread.
class Heard {
 public:
  void add(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    numbers_.push_back(number);
    if (number == next) ++next;
  }
  std::vector<std::uint64_t> all() {
    const std::lock_guard lock(mutex_);
    return numbers_;
  }
  std::atomic<std::uint64_t> next{0};  ///< the first number that has not come yet
  std::atomic<bool> answered{false};   ///< what the last Outcome says

 private:
  std::mutex mutex_;
  std::vector<std::uint64_t> numbers_;
};

class Sink : public Actor {
 public:
  using Protocol = conformance::Host;
  explicit Sink(Heard& heard) : heard_(heard) {}
  void on(const Tick& tick) { heard_.add(tick.number); }
  void on(const Ping& ping) { heard_.add(ping.words[0]); }
  void on(const conformance::Bulk&) {}
  void on(const conformance::Ended&) {}
  void on(const conformance::Outcome& outcome) {
    heard_.answered = outcome.answered;
    heard_.add(outcome.number);
  }

 private:
  Heard& heard_;
};

class Introductions : public testing::TestWithParam<Pair> {
 protected:
  Introductions() {
    transport::test::start_watchdog();
    auto created = System::create({.schedulers = 2, .log = std::make_shared<spdlog::logger>("host", log_)});
    if (!created) std::abort();
    system_.emplace(std::move(*created));
    system_->publish("sink", system_->spawn_on<Sink>(0, heard_));
  }

  void TearDown() override {
    system_->shutdown();
    EXPECT_EQ(system_->counters().lost_wakeups, 0u);
    if (!HasFailure()) return;
    for (const std::string& line : log_->last_formatted()) std::fputs(line.c_str(), stderr);
  }

  /// Sends what it gets on to the sink, or to `sink`; comes back when it dies.
  PeerOptions options(const Language& language, const std::string& name, const std::string& sink) {
    PeerOptions options{.name = name, .command = language.command, .mail_bytes = 1 << 14};
    options.command.emplace_back("echo");
    options.control_by_pipes = language.by_pipes;
    options.environment = {{"CONFORMANCE_SINK", sink}};
    options.restart = {
        .when = RestartPolicy::When::transient, .max_restarts = 10, .first_delay = 0ns, .longest_delay = 0ns};
    return options;
  }
  Mailbox<conformance::Peer> start(PeerOptions options) {
    auto spawned = system_->spawn_peer<conformance::Peer>(std::move(options));
    EXPECT_TRUE(spawned) << spawned.error();
    return spawned ? *spawned : Mailbox<conformance::Peer>();
  }
  void start_both() {
    PeerOptions second = options(GetParam().to, "to", "sink");
    second.introduce = true;
    to = start(std::move(second));
    from = start(options(GetParam().from, "from", "to"));
    ASSERT_TRUE(system_->runtime().wait_until_ready(from.address().link));
  }
  void kill(const Mailbox<conformance::Peer>& peer) {
    const auto link = peer.address().link;
    const auto lives = system_->runtime().incarnation(link);
    ASSERT_EQ(::kill(system_->runtime().peer_pid(link), SIGKILL), 0);
    ASSERT_TRUE(until([&] { return system_->runtime().incarnation(link) > lives; }));
  }
  std::uint64_t counted(const Mailbox<conformance::Peer>& peer) {
    const auto sum = ask(peer, Get{}, 20s);
    EXPECT_TRUE(sum) << to_string(sum.error());
    return sum ? sum->count : 0;
  }
  /// In order, and all there is; those who died have repeated something, once each at the most.
  void expect_all(std::uint64_t count, std::uint64_t deaths) {
    ASSERT_TRUE(until([&] { return heard_.next >= count; })) << heard_.next << " of " << count;
    const auto numbers = heard_.all();
    std::uint64_t steps_back = 0;
    std::uint64_t next = 0;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      ASSERT_LE(numbers[i], next) << "something is missing";
      if (numbers[i] == next) ++next;
      if (i != 0 && numbers[i] <= numbers[i - 1]) ++steps_back;
    }
    EXPECT_LE(steps_back, deaths);
    if (deaths == 0) {
      EXPECT_EQ(numbers.size(), count);
    }
  }
  /// No message went through the host but what it was itself sent, and nothing is left.
  void expect_no_hop() {
    const auto first = system_->stop_and_wait(from);
    EXPECT_EQ(first.account.received, 0u) << "what the first had to send went to the second alone";
    EXPECT_EQ(first.account.unfinished_from_peers, 0u);
    const auto second = system_->stop_and_wait(to);
    EXPECT_EQ(second.account.received, heard_.all().size());
    EXPECT_EQ(second.account.unfinished_from_peers, 0u);
    EXPECT_EQ(second.account.fault + first.account.fault, "");
  }

  std::shared_ptr<spdlog::sinks::ringbuffer_sink_mt> log_ = std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(100);
  Heard heard_;
  std::optional<System> system_;
  Mailbox<conformance::Peer> from, to;
};

INSTANTIATE_TEST_SUITE_P(Of, Introductions, testing::ValuesIn(pairs()), [](const auto& info) {
  return info.param.from.name + "_to_" + info.param.to.name;
});

TEST_P(Introductions, sends_on_what_it_is_sent) {
  start_both();
  constexpr std::uint64_t count = 500;
  for (std::uint64_t i = 0; i < count; ++i) ASSERT_TRUE(from.send(Tick{.number = i}));
  expect_all(count, 0);
  EXPECT_EQ(counted(from), count);
  EXPECT_EQ(counted(to), count);
  expect_no_hop();
}

TEST_P(Introductions, wakes_who_sleeps) {
  start_both();
  for (std::uint64_t i = 0; i < 10; ++i) {
    std::this_thread::sleep_for(5ms);  // longer than anybody spins
    ASSERT_TRUE(from.send(Tick{.number = i}));
    ASSERT_TRUE(until([&] { return heard_.next > i; }));
  }
  expect_no_hop();
}

TEST_P(Introductions, streams_through_a_small_ring) {
  start_both();
  constexpr std::uint64_t count = 5000;
  ASSERT_TRUE(from.send(Stream{.count = count, .payload = Payload::ping}));
  expect_all(count, 0);
  expect_no_hop();
}

TEST_P(Introductions, loses_nothing_when_the_reader_is_killed_in_mid_stream) {
  start_both();
  constexpr std::uint64_t count = 5000;
  ASSERT_TRUE(from.send(Stream{.count = count, .payload = Payload::ping}));
  for (const std::uint64_t at : {count / 10, count / 2}) {
    ASSERT_TRUE(until([&] { return heard_.next >= at; })) << heard_.next;
    kill(to);
  }
  expect_all(count, 2);
  expect_no_hop();
}

TEST_P(Introductions, loses_nothing_when_the_writer_is_killed_in_mid_stream) {
  start_both();
  constexpr std::uint64_t count = 5000;
  for (std::uint64_t i = 0; i < count; ++i) {
    ASSERT_TRUE(from.send(Tick{.number = i}));
    if (i == count / 2) kill(from);
  }
  expect_all(count, 1);
  expect_no_hop();
}

TEST_P(Introductions, asks_and_gives_up_at_a_deadline) {
  PeerOptions second = options(GetParam().to, "desk", "sink");
  second.introduce = true;
  to = start(std::move(second));
  const auto asker = system_->spawn_peer<conformance::Player>(options(GetParam().from, "from", "sink"));
  ASSERT_TRUE(asker) << asker.error();
  for (std::uint64_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(asker->send(Consult{.number = i, .milliseconds = 60'000}));
    ASSERT_TRUE(until([&] { return heard_.next > i; }));
    EXPECT_TRUE(heard_.answered);
  }
  const int pid = system_->runtime().peer_pid(to.address().link);
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  ASSERT_TRUE(until([&] { return is_stopped(pid); }));
  ASSERT_TRUE(asker->send(Consult{.number = 3, .milliseconds = 10}));
  EXPECT_TRUE(until([&] { return heard_.next > 3; }));
  EXPECT_FALSE(heard_.answered);
  ASSERT_EQ(::kill(pid, SIGCONT), 0);
  // The late answer is nobody's.
  ASSERT_TRUE(asker->send(Consult{.number = 4, .milliseconds = 60'000}));
  EXPECT_TRUE(until([&] { return heard_.next > 4; }));
  EXPECT_TRUE(heard_.answered);
}

TEST_P(Introductions, reports_what_the_last_life_of_the_reader_leaves) {
  PeerOptions second = options(GetParam().to, "to", "sink");
  second.introduce = true;
  second.restart = {};
  to = start(std::move(second));
  from = start(options(GetParam().from, "from", "to"));
  // Stopped, it reads nothing; what the other sends it, and has room for, is what will be reported.
  ASSERT_TRUE(from.send(Tick{.number = 0}));
  expect_all(1, 0);
  EXPECT_EQ(counted(to), 1u);
  const int pid = system_->runtime().peer_pid(to.address().link);
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  ASSERT_TRUE(until([&] { return is_stopped(pid); }));
  constexpr std::uint64_t count = 20;
  for (std::uint64_t i = 0; i < count; ++i) ASSERT_TRUE(from.send(Tick{.number = 1 + i}));
  EXPECT_EQ(counted(from), 1 + count);
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  const auto end = system_->wait_for_end(to);
  EXPECT_EQ(end.account.unfinished_from_peers, count);
  EXPECT_EQ(end.account.received, 1u);
}

TEST(IntroductionNames, a_peer_that_is_not_to_be_introduced_is_not_found) {
  const auto log = std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(100);
  auto system = System::create({.schedulers = 1, .log = std::make_shared<spdlog::logger>("host", log)});
  ASSERT_TRUE(system);
  for (const bool introduce : {false, true}) {
    PeerOptions hidden{.name = introduce ? "untrusted" : "hidden", .command = languages().front().command};
    hidden.introduce = introduce;
    hidden.trusted = !introduce;
    ASSERT_TRUE(system->spawn_peer<conformance::Peer>(hidden));
    PeerOptions options{.name = "for " + hidden.name, .command = languages().front().command};
    options.command.emplace_back("echo");
    options.environment = {{"CONFORMANCE_SINK", hidden.name}};
    const auto peer = system->spawn_peer<conformance::Peer>(options);
    ASSERT_TRUE(peer);
    ASSERT_TRUE(peer->send(Tick{}));
    EXPECT_EQ(system->wait_for_end(*peer).reason.code, 1);
  }
  system->shutdown();
}

}  // namespace
}  // namespace ringmail::test

// The peers of every language do what bindings/README.md says, for a host that is the real one.
#include <gtest/gtest.h>
#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "../transport/deadline.hpp"
#include "conformance.mail.hpp"
#include "languages.hpp"
#include "ringmail/actors/actors.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using conformance::Bulk, conformance::Consult, conformance::Ended, conformance::Fail, conformance::Get,
    conformance::Level, conformance::Note, conformance::Outcome, conformance::Payload, conformance::Ping,
    conformance::Say, conformance::Side, conformance::Stream, conformance::Sum, conformance::Tick, conformance::Unwatch,
    conformance::Watch;
using transport::test::until;

constexpr auto patience = 20s;  ///< a watchdog, not a measure

/// What the sink was sent. Any thread.
class Heard {
 public:
  template <class M>
  void add(const M& message) {
    const std::lock_guard lock(mutex_);
    list<M>().push_back(message);
    ++count;
  }
  /// So far, in the order in which they came.
  template <class M>
  std::vector<M> all() {
    const std::lock_guard lock(mutex_);
    return list<M>();
  }
  std::atomic<std::uint64_t> count{0};

 private:
  template <class M>
  std::vector<M>& list() {
    return std::get<std::vector<M>>(lists_);
  }
  std::mutex mutex_;
  std::tuple<std::vector<Tick>, std::vector<Ping>, std::vector<Bulk>, std::vector<Ended>, std::vector<Outcome>> lists_;
};

class Sink : public Actor {
 public:
  using Protocol = conformance::Host;
  explicit Sink(Heard& heard) : heard_(heard) {}
  void on(const Tick& tick) { heard_.add(tick); }
  void on(const Ping& ping) { heard_.add(ping); }
  void on(const Bulk& bulk) { heard_.add(bulk); }
  void on(const Ended& ended) { heard_.add(ended); }
  void on(const Outcome& outcome) { heard_.add(outcome); }

 private:
  Heard& heard_;
};

/// Why each life of a peer ended. Any thread.
class Endings {
 public:
  void add(std::string reason) {
    const std::lock_guard lock(mutex_);
    reasons_.push_back(std::move(reason));
  }
  std::vector<std::string> all() {
    const std::lock_guard lock(mutex_);
    return reasons_;
  }
  std::atomic<bool> watched{false};

 private:
  std::mutex mutex_;
  std::vector<std::string> reasons_;
};

/// Sends so many Ticks to the peer, and dies of it; or stops.
class Mortal : public Actor {
 public:
  using Protocol = conformance::Mortal;
  explicit Mortal(Mailbox<conformance::Player> peer) : peer_(peer) {}
  void on(const Stream& stream) {
    for (std::uint64_t i = 0; i < stream.count; ++i) EXPECT_TRUE(peer_.send(Tick{.number = i}));
    throw std::runtime_error("too much");
  }
  void on(const Unwatch&) { this_actor::stop(); }

 private:
  Mailbox<conformance::Player> peer_;
};

/// Answers a Ping of an even number, and leaves the others open.
class Desk : public Actor {
 public:
  using Protocol = conformance::Desk;
  Later<Ping> on(const Ping& ping) {
    auto promise = this_actor::promise<Ping>();
    if (ping.words[0] % 2 == 0) {
      promise.fulfil(ping);
    } else {
      open_.push_back(std::move(promise));
    }
    return {};
  }

 private:
  std::vector<Promise<Ping>> open_;
};

class Watcher : public Actor {
 public:
  Watcher(Endings& endings, Mailbox<conformance::Player> peer) : endings_(endings), peer_(peer) {}
  void started() override {
    this_actor::monitor(peer_);
    endings_.watched = true;
  }
  void on(const Down& down) {
    if (down.reason.kind == ExitReason::Kind::unreachable) return this_actor::stop();
    endings_.add(to_string(down.reason));
    this_actor::monitor(peer_);
  }

 private:
  Endings& endings_;
  Mailbox<conformance::Player> peer_;
};

Tick tick(std::uint64_t number) {
  return {.number = number,
          .price = static_cast<double>(number) + 0.25,
          .side = number % 2 == 0 ? Side::bid : Side::ask,
          .live = number % 3 == 0,
          .symbol = "Z\u00fcrich" + std::to_string(number % 1000),
          .levels = {Level{.price = 1.5, .quantity = static_cast<std::uint32_t>(number)}, Level{.quantity = 9}}};
}
Tick doubled(Tick tick) {
  tick.price *= 2;
  return tick;
}
Ping ping(std::uint64_t number) { return {.words = {number, ~number, number * 3, 7}}; }
Bulk bulk(std::uint64_t number) {
  Bulk bulk{.number = number};
  for (std::size_t i = 0; i < bulk.bytes.size(); ++i) bulk.bytes[i] = static_cast<std::uint8_t>(number + i);
  return bulk;
}

/// What a Stream sends as its message of that number.
template <class M>
M streamed(std::uint64_t number);
template <>
Tick streamed(std::uint64_t number) {
  return {.number = number, .price = static_cast<double>(number), .side = Side::ask, .live = true, .symbol = "abc"};
}
template <>
Ping streamed(std::uint64_t number) {
  return {.words = {number}};
}
template <>
Bulk streamed(std::uint64_t number) {
  return {.number = number};
}

class Conformance : public testing::TestWithParam<Language> {
 protected:
  Conformance() {
    transport::test::start_watchdog();
    const auto log = std::make_shared<spdlog::logger>("host", log_);
    log->set_level(spdlog::level::trace);
    auto created = System::create({.schedulers = 2, .log = log});
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

  static PeerOptions options(const std::string& role = "") {
    PeerOptions options{.name = GetParam().name, .command = GetParam().command};
    if (!role.empty()) options.command.push_back(role);
    options.control_by_pipes = GetParam().by_pipes;
    return options;
  }
  /// One that comes back at once.
  static PeerOptions restarted(PeerOptions options, std::uint32_t max_restarts) {
    options.restart = {
        .when = RestartPolicy::When::transient, .max_restarts = max_restarts, .first_delay = 0ns, .longest_delay = 0ns};
    return options;
  }

  void start(const PeerOptions& options) {
    auto spawned = system_->spawn_peer<conformance::Player>(options);
    ASSERT_TRUE(spawned) << spawned.error();
    peer = *spawned;
    ASSERT_TRUE(system_->runtime().wait_until_ready(peer.address().link)) << to_string(end().reason);
  }
  template <class M>
  auto asked(const M& message) {
    auto reply = ask(peer, message, patience);
    EXPECT_TRUE(reply) << to_string(reply.error());
    return reply;
  }
  template <class M>
  void send(const M& message) {
    const auto sent = peer.send(message);
    ASSERT_TRUE(sent) << to_string(sent.error());
  }
  runtime::System::PeerEnd end() { return system_->wait_for_end(peer); }
  void expect_stopped_in_order() {
    const auto end = system_->stop_and_wait(peer);
    EXPECT_EQ(to_string(end.reason), to_string(ExitReason{}));
    EXPECT_EQ(end.account.unfinished, 0u);
    EXPECT_EQ(end.account.fault, "");
  }
  void kill_peer() {
    const int pid = system_->runtime().peer_pid(peer.address().link);
    ASSERT_GT(pid, 0);
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
  }
  std::uint64_t incarnation() { return system_->runtime().incarnation(peer.address().link); }
  /// That many in all.
  template <class M>
  bool await(std::size_t count) {
    return until([&] { return heard_.all<M>().size() >= count; });
  }
  /// By what the log holds of it.
  bool await_line(const std::string& level, const std::string& text) {
    const bool came = until([&] {
      const auto lines = log_->last_formatted();
      return std::ranges::any_of(lines, [&](const std::string& line) {
        return line.find("[" + level + "]") != std::string::npos && line.find(text) != std::string::npos;
      });
    });
    return came;
  }
  bool await_sink(std::uint64_t count) {
    return until([&] { return heard_.count >= count; });
  }

  template <class M>
  void expect_stream(Payload payload, std::uint64_t count) {
    const auto before = heard_.all<M>().size();
    send(Stream{.count = count, .payload = payload});
    ASSERT_TRUE(until([&] { return heard_.all<M>().size() >= before + count; })) << heard_.all<M>().size() - before;
    const auto all = heard_.all<M>();
    ASSERT_EQ(all.size(), before + count);
    for (std::uint64_t i = 0; i < count; ++i) ASSERT_EQ(all[before + i], streamed<M>(i)) << i;
  }

  std::shared_ptr<spdlog::sinks::ringbuffer_sink_mt> log_ = std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(100);
  Heard heard_;
  Endings endings_;
  std::optional<System> system_;
  Mailbox<conformance::Player> peer;
};

INSTANTIATE_TEST_SUITE_P(Of, Conformance, testing::ValuesIn(languages()), [](const auto& info) {
  return info.param.name;
});

TEST_P(Conformance, answers_what_it_is_asked) {
  start(options());
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const auto reply = asked(tick(i));
    ASSERT_TRUE(reply);
    ASSERT_EQ(*reply, doubled(tick(i)));
  }
  for (std::uint64_t i = 0; i < 100; ++i) {
    ASSERT_EQ(asked(ping(i)), ping(i));
    ASSERT_EQ(asked(bulk(i)), bulk(i));
  }
  EXPECT_TRUE(asked(Stream{.count = 0})) << "it has no reply, and is done";
  EXPECT_EQ(asked(Get{}), Sum{}) << "what was asked is not counted";
  expect_stopped_in_order();
}

TEST_P(Conformance, answers_what_is_of_variable_length) {
  start(options());
  for (std::size_t i = 0; i < 200; ++i) {
    Note note{.number = i, .title = std::string(i, 'x'), .values = std::vector<double>(i % 50, 1.25), .author = "me"};
    if (i % 2 == 0) note.limit = static_cast<double>(i);
    const auto reply = asked(note);
    note.number *= 2;
    for (double& value : note.values) value *= 2;
    ASSERT_EQ(reply, note);
  }
  EXPECT_EQ(asked(Note{}), Note{});
  expect_stopped_in_order();
}

TEST_P(Conformance, answers_from_its_sleep) {
  start(options());
  for (std::uint64_t i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(5ms);  // longer than anybody spins
    ASSERT_EQ(asked(ping(i)), ping(i));
  }
  expect_stopped_in_order();
}

TEST_P(Conformance, counts_what_it_is_sent) {
  start(options());
  constexpr std::uint64_t count = 10'000;
  double total = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    send(tick(i));
    total += tick(i).price;
  }
  EXPECT_EQ(asked(Get{}), (Sum{.count = count, .total = total}));
  for (std::uint64_t i = 0; i < 1000; ++i) {
    send(ping(i));
    send(bulk(i));
  }
  send(Get{});
  EXPECT_EQ(asked(Get{}), (Sum{.count = count + 2000, .total = total}));
  EXPECT_EQ(heard_.count, 0u);
  expect_stopped_in_order();
}

TEST_P(Conformance, echoes_to_the_sink_in_order) {
  start(options("echo"));
  constexpr std::uint64_t count = 2000;
  for (std::uint64_t i = 0; i < count; ++i) {
    send(tick(i));
    send(ping(i));
    send(bulk(i));
  }
  ASSERT_TRUE(await_sink(3 * count)) << heard_.count;
  const auto ticks = heard_.all<Tick>();
  const auto pings = heard_.all<Ping>();
  const auto bulks = heard_.all<Bulk>();
  ASSERT_EQ(std::tuple(ticks.size(), pings.size(), bulks.size()), std::tuple(count, count, count));
  for (std::uint64_t i = 0; i < count; ++i) {
    ASSERT_EQ(ticks[i], doubled(tick(i)));
    ASSERT_EQ(pings[i], ping(i));
    ASSERT_EQ(bulks[i], bulk(i));
  }
  expect_stopped_in_order();
}

TEST_P(Conformance, streams_through_a_small_ring) {
  PeerOptions small = options();
  small.mail_bytes = 1 << 14;  // it has to wait for room
  start(small);
  expect_stream<Tick>(Payload::tick, 20'000);
  expect_stream<Ping>(Payload::ping, 20'000);
  expect_stream<Bulk>(Payload::bulk, 2000);
  expect_stopped_in_order();
}

TEST_P(Conformance, is_a_peer_of_a_host_that_does_not_trust_it) {
  PeerOptions untrusted = options("echo");
  untrusted.trusted = false;
  untrusted.mail_bytes = 1 << 14;
  start(untrusted);
  for (std::uint64_t i = 0; i < 20; ++i) {
    if (i % 4 == 0) std::this_thread::sleep_for(2ms);  // both sleep
    ASSERT_EQ(asked(tick(i)), doubled(tick(i)));
  }
  for (std::uint64_t i = 0; i < 5000; ++i) send(ping(i));
  ASSERT_TRUE(await_sink(5000)) << heard_.count;
  expect_stream<Tick>(Payload::tick, 5000);
  expect_stopped_in_order();
}

TEST_P(Conformance, says_why_it_failed_and_leaves_the_message_to_its_successor) {
  constexpr std::uint32_t lives = 3;
  start(restarted(options(), lives - 1));
  system_->spawn<Watcher>(endings_, peer);
  ASSERT_TRUE(until([&] { return endings_.watched.load(); }));
  send(tick(1));
  send(Fail{.code = 7});
  const auto last = end();
  EXPECT_TRUE(until([&] { return endings_.all().size() == lives; })) << endings_.all().size();
  for (const std::string& reason : endings_.all()) EXPECT_NE(reason.find("failed with 7"), std::string::npos) << reason;
  EXPECT_EQ(last.reason.code, 1);
  EXPECT_EQ(incarnation(), lives);
  EXPECT_EQ(last.account.unfinished, 1u) << "all but the Fail was finished";
}

TEST_P(Conformance, is_told_of_the_end_of_whom_it_monitors_behind_what_he_sent) {
  start(options("echo"));
  const auto mortal = system_->spawn_on<Mortal>(1, peer);
  system_->publish("mortal", mortal);
  ASSERT_TRUE(asked(Watch{.name = "mortal"}));
  constexpr std::uint64_t count = 500;
  ASSERT_TRUE(mortal.send(Stream{.count = count}));
  ASSERT_TRUE(await<Ended>(1));
  EXPECT_EQ(heard_.all<Tick>().size(), count) << "the end came behind them";
  const Ended failed{.kind = 1, .reason = "failed: std::runtime_error: too much"};
  EXPECT_EQ(heard_.all<Ended>(), std::vector{failed});
  expect_stopped_in_order();
}

TEST_P(Conformance, is_told_of_each_end_once_and_of_none_that_it_watches_no_more) {
  start(options());
  const auto first = system_->spawn_on<Mortal>(0, peer);
  const auto second = system_->spawn_on<Mortal>(1, peer);
  system_->publish("first", first);
  system_->publish("second", second);
  ASSERT_TRUE(asked(Watch{.name = "first"}));
  ASSERT_TRUE(asked(Watch{.name = "second"}));
  ASSERT_TRUE(asked(Unwatch{}));
  ASSERT_TRUE(second.send(Unwatch{}));
  ASSERT_TRUE(first.send(Unwatch{}));
  ASSERT_TRUE(await<Ended>(1));
  EXPECT_EQ(heard_.all<Ended>(), std::vector{Ended({.kind = 0, .reason = "ended normally"})});
  expect_stopped_in_order();
  EXPECT_EQ(heard_.all<Ended>().size(), 1u);
}

TEST_P(Conformance, gives_up_an_ask_at_its_deadline) {
  start(options());
  system_->publish("desk", system_->spawn_on<Desk>(1));
  ASSERT_TRUE(asked(Consult{.number = 1, .milliseconds = 30}));
  ASSERT_TRUE(asked(Consult{.number = 2, .milliseconds = 20'000}));
  ASSERT_TRUE(await<Outcome>(2));
  auto outcomes = heard_.all<Outcome>();
  std::ranges::sort(outcomes, {}, &Outcome::number);
  const Outcome late{.number = 1, .answered = false};
  const Outcome answered{.number = 2, .answered = true};
  EXPECT_EQ(outcomes, (std::vector{late, answered}));
  expect_stopped_in_order();
}

TEST_P(Conformance, writes_into_the_log_of_the_host) {
  start(options());
  const char* const levels[] = {"trace", "debug", "info", "warning", "error", "critical"};
  for (std::uint32_t level = 0; level < std::size(levels); ++level) {
    const std::string text = "line " + std::to_string(level);
    ASSERT_TRUE(asked(Say{.level = level, .text = text}));
    EXPECT_TRUE(await_line(levels[level], "[" + GetParam().name + "] " + text)) << level;
  }
  expect_stopped_in_order();
}

TEST_P(Conformance, tells_the_stack_of_its_failure) {
  start(options());
  send(Fail{.code = 9});
  const auto reason = end().reason;
  EXPECT_EQ(reason.kind, ExitReason::Kind::failed);
  EXPECT_NE(reason.text.find("failed with 9"), std::string::npos) << reason.text;
  EXPECT_EQ(reason.text.find('\n'), std::string::npos) << reason.text;
  // What a line of it has. C and C++ have no traces.
  static const std::map<std::string, std::string> frames = {
      {"python", "in on_Fail"}, {"go", "main.go:"}, {"java", "ConformancePeer.java:"}, {"node", "peer.mjs:"}};
  const auto frame = frames.find(GetParam().name);
  if (frame == frames.end()) return;
  EXPECT_TRUE(await_line("error", frame->second));
}

TEST_P(Conformance, refuses_the_ask_that_it_fails_over) {
  start(options());
  const auto reply = ask(peer, Fail{.code = 8}, patience);
  ASSERT_FALSE(reply);
  const auto reason = end().reason;
  EXPECT_NE(to_string(reason).find("failed with 8"), std::string::npos) << to_string(reason);
}

TEST_P(Conformance, loses_nothing_when_it_is_killed) {
  start(restarted(options("echo"), 10));
  constexpr std::uint64_t count = 20'000;
  for (std::uint64_t i = 0; i < count; ++i) {
    send(tick(i));
    if (i == count / 2) {
      ASSERT_TRUE(await_sink(1));
      kill_peer();
    }
  }
  const auto all_came = [&] {
    std::set<std::uint64_t> numbers;
    for (const Tick& echoed : heard_.all<Tick>()) numbers.insert(echoed.number);
    return numbers.size() == count;
  };
  ASSERT_TRUE(until([&] { return heard_.count >= count && all_came(); })) << heard_.count;
  EXPECT_EQ(incarnation(), 2u);
  const auto sum = asked(Get{});
  ASSERT_TRUE(sum);
  const auto repeated = heard_.all<Tick>().size() - count;
  EXPECT_LE(repeated, sum->redelivered) << "what came twice was said to be a repetition";
  EXPECT_LE(sum->redelivered, sum->count);

  // In order, but for one step back.
  std::uint64_t steps_back = 0;
  const auto ticks = heard_.all<Tick>();
  for (std::size_t i = 1; i < ticks.size(); ++i) {
    if (ticks[i].number != ticks[i - 1].number + 1) ++steps_back;
  }
  EXPECT_LE(steps_back, 1u);
  expect_stopped_in_order();
}

TEST_P(Conformance, begins_a_stream_anew_when_it_is_killed) {
  PeerOptions small = options("echo");
  small.mail_bytes = 1 << 14;
  start(restarted(small, 10));
  constexpr std::uint64_t count = 20'000;
  send(Stream{.count = count, .payload = Payload::tick});
  ASSERT_TRUE(await_sink(100));
  kill_peer();
  ASSERT_TRUE(until([&] { return incarnation() == 2; }));
  // Its echo comes behind all that the successor streams.
  send(ping(1));
  ASSERT_TRUE(until([&] { return !heard_.all<Ping>().empty(); })) << heard_.count;
  const auto ticks = heard_.all<Tick>();
  ASSERT_GE(ticks.size(), count);
  for (std::uint64_t i = 0; i < count; ++i) ASSERT_EQ(ticks[ticks.size() - count + i], streamed<Tick>(i)) << i;
  expect_stopped_in_order();
}

/// Accepts what no conformance peer has a handler for.
struct Stranger {
  static Level on(const Sum&);
  using ringmail_accepts = std::tuple<Sum>;
  static constexpr std::string_view ringmail_protocol = "conformance.Stranger";
  [[maybe_unused]] static constexpr std::string_view ringmail_schema = conformance::ringmail_schema;
};

TEST_P(Conformance, refuses_what_it_has_no_handler_for) {
  start(options());
  const Mailbox<Stranger> stranger(*peer.system(), peer.address());
  const auto reply = ask(stranger, Sum{}, patience);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error(), AskError::no_handler) << to_string(reply.error());
  EXPECT_TRUE(stranger.send(Sum{}));
  EXPECT_EQ(asked(ping(1)), ping(1)) << "and goes on";
  expect_stopped_in_order();
}

TEST_P(Conformance, is_told_where_its_schema_is_another) {
  PeerOptions other = options();
  other.schema = conformance::ringmail_schema;
  const std::string ours = "enum conformance.Side u8\n  value bid 0\n  value ask 1\n";
  const auto at = other.schema.find(ours);
  ASSERT_NE(at, std::string::npos);
  other.schema.replace(at, ours.size(), "enum conformance.Side u8\n  value bid 0\n  value ask 2\n");
  auto spawned = system_->spawn_peer<conformance::Player>(other);
  ASSERT_TRUE(spawned) << spawned.error();
  const auto reason = system_->wait_for_end(*spawned).reason;
  EXPECT_NE(to_string(reason).find("enum conformance.Side: value ask is 2 here and 1 there"), std::string::npos)
      << to_string(reason);
}

/// Sends Pings in order, as fast as there is room, until that is enough. On another scheduler than the sink.
class Pinger : public Actor {
 public:
  struct Work {
    std::atomic<bool> is_enough{false};
    std::atomic<bool> is_done{false};
    std::uint64_t sent = 0;
  };
  Pinger(Mailbox<conformance::Player> peer, Work& work) : peer_(peer), work_(work) {}
  void started() override {
    while (!work_.is_enough && peer_.send(ping(work_.sent))) ++work_.sent;
    work_.is_done = true;
    this_actor::stop();
  }

 private:
  Mailbox<conformance::Player> peer_;
  Work& work_;
};

std::uint64_t chained(std::uint64_t chain, std::uint64_t word) { return (chain ^ word) * 0x100000001b3; }

TEST_P(Conformance, killed_in_mid_stream_has_sent_each_message_exactly_once) {
  constexpr std::uint32_t kills = 5;
  PeerOptions once = restarted(options("echo"), kills);
  once.exactly_once = true;
  once.mail_bytes = 1 << 14;
  start(once);
  Pinger::Work work;
  system_->spawn_on<Pinger>(1, peer, work);
  for (std::uint64_t life = 1; life <= kills; ++life) {
    ASSERT_TRUE(await_sink(heard_.count + 2000));
    kill_peer();
    ASSERT_TRUE(until([&] { return incarnation() > life; }));
  }
  ASSERT_TRUE(await_sink(heard_.count + 2000));
  work.is_enough = true;
  ASSERT_TRUE(until([&] { return work.is_done.load(); }));
  ASSERT_TRUE(await_sink(work.sent)) << heard_.count;
  EXPECT_EQ(asked(ping(7)), ping(7)) << "an answer is published with its acknowledgement, too";
  const auto end = system_->stop_and_wait(peer);
  EXPECT_EQ(to_string(end.reason), to_string(ExitReason{}));
  EXPECT_EQ(end.account.unfinished, 0u);
  EXPECT_EQ(end.account.published, work.sent + 1);
  EXPECT_EQ(end.account.received, work.sent);
  EXPECT_EQ(end.account.fault, "");
  const auto all = heard_.all<Ping>();
  ASSERT_EQ(all.size(), work.sent);
  std::uint64_t got = 0, due = 0;
  for (std::uint64_t i = 0; i < work.sent; ++i) {
    got = chained(got, all[i].words[0]);
    due = chained(due, i);
  }
  EXPECT_EQ(got, due);
}

TEST_P(Conformance, says_in_one_line_that_nobody_spawned_it) {
  ::unsetenv("RINGMAIL_FDS");
  std::string command;
  for (const std::string& word : GetParam().command) command += "'" + word + "' ";
  FILE* const said = ::popen((command + "2>&1 >/dev/null </dev/null").c_str(), "r");
  ASSERT_NE(said, nullptr);
  std::string lines;
  for (int c = std::fgetc(said); c != EOF; c = std::fgetc(said)) lines += static_cast<char>(c);
  const int status = ::pclose(said);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 2) << status;
  EXPECT_EQ(std::ranges::count(lines, '\n'), 1) << lines;
  EXPECT_NE(lines.find("spawned"), std::string::npos) << lines;
}

}  // namespace
}  // namespace ringmail::test

// The mailbox of one peer goes from language to language under load.
#include <gtest/gtest.h>
#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "../transport/deadline.hpp"
#include "conformance.mail.hpp"
#include "languages.hpp"
#include "ringmail/actors/actors.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using conformance::Host, conformance::Payload, conformance::Ping, conformance::Player, conformance::Stream,
    conformance::Tick;
using transport::test::until;

/// RINGMAIL_REPLACEMENTS asks for more.
std::size_t replacements() {
  const char* const given = std::getenv("RINGMAIL_REPLACEMENTS");
  return given != nullptr ? std::strtoull(given, nullptr, 0) : 2 * languages().size();
}

/// Each is made of the one before it and of what it holds itself: none can be lost, repeated or moved unnoticed.
struct Chain {
  std::uint64_t number = 0;
  std::uint64_t chain = 0;

  Ping next(std::uint64_t payload) {
    chain = (chain ^ (number * 0x9e3779b97f4a7c15 + payload)) * 0xff51afd7ed558ccd;
    chain ^= chain >> 32;
    return {.words = {number++, payload, chain, 0}};
  }
};

struct Arrivals {
  std::atomic<std::uint64_t> count{0};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> ticks{0};
};

class Sink : public Actor {
 public:
  using Protocol = Host;
  explicit Sink(Arrivals& arrivals) : arrivals_(arrivals) {}
  void on(const Ping& ping) {
    if (ping != chain_.next(ping.words[1])) ++arrivals_.wrong;
    ++arrivals_.count;
  }
  void on(const Tick& tick) {
    if (tick.number != arrivals_.ticks++) ++arrivals_.wrong;
  }
  void on(const conformance::Outcome&) {}
  void on(const conformance::Bulk&) {}
  void on(const conformance::Ended&) {}

 private:
  Arrivals& arrivals_;
  Chain chain_;
};

PeerReplacement echo_in(const Language& language) {
  std::vector<std::string> command = language.command;
  command.emplace_back("echo");
  return {.command = command, .control_by_pipes = language.by_pipes};
}

class Succession : public testing::Test {
 protected:
  Succession() {
    transport::test::start_watchdog();
    auto created = System::create({.schedulers = 2, .log = std::make_shared<spdlog::logger>("host", log_)});
    if (!created) std::abort();
    system_.emplace(std::move(*created));
    system_->publish("sink", system_->spawn_on<Sink>(0, arrivals_));
  }
  void TearDown() override {
    system_->shutdown();
    EXPECT_EQ(arrivals_.wrong, 0u);
    EXPECT_EQ(system_->counters().lost_wakeups, 0u);
    if (!HasFailure()) return;
    for (const std::string& line : log_->last_formatted()) std::fputs(line.c_str(), stderr);
  }
  Mailbox<Player> start(const Language& language) {
    auto spawned = system_->spawn_peer<Player>(runtime::with({.name = "player"}, echo_in(language)));
    EXPECT_TRUE(spawned) << spawned.error();
    EXPECT_TRUE(system_->runtime().wait_until_ready(spawned->address().link));
    return *spawned;
  }
  void expect_stopped(const Mailbox<Player>& peer, std::uint64_t sent) {
    EXPECT_TRUE(until([&] { return arrivals_.count >= sent; })) << arrivals_.count << " of " << sent;
    EXPECT_EQ(arrivals_.count, sent) << "nothing came twice";
    const auto end = system_->stop_and_wait(peer);
    EXPECT_EQ(to_string(end.reason), to_string(ExitReason{}));
    EXPECT_EQ(end.account.unfinished, 0u);
    EXPECT_EQ(end.account.fault, "");
  }

  std::shared_ptr<spdlog::sinks::ringbuffer_sink_mt> log_ = std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(200);
  Arrivals arrivals_;
  std::optional<System> system_;
};

TEST_F(Succession, goes_from_language_to_language_in_mid_stream) {
  const auto peer = start(languages().front());
  std::atomic<bool> done = false;
  std::uint64_t sent = 0;
  std::thread sender([&] {
    Chain chain;
    for (std::mt19937_64 random(1); !done; ++sent) {
      if (const auto handed = peer.send(chain.next(random())); !handed) {
        ADD_FAILURE() << to_string(handed.error());
        return;
      }
    }
  });
  std::mt19937 random(std::random_device{}());
  const std::size_t count = replacements();
  for (std::size_t i = 1; i <= count; ++i) {
    // Once round, and then as it comes.
    const Language& next =
        languages()[i <= languages().size() ? i % languages().size() : random() % languages().size()];
    transport::test::start_watchdog();
    const auto outcome = peer.replace(echo_in(next), 50s);
    if (!outcome) ADD_FAILURE() << next.name << ": " << to_string(outcome.error());
    const std::uint64_t before = arrivals_.count;
    EXPECT_TRUE(until([&] { return arrivals_.count > before; })) << next.name << " does nothing";
  }
  done = true;
  sender.join();
  EXPECT_EQ(system_->runtime().incarnation(peer.address().link), count + 1);
  EXPECT_EQ(system_->peer_status(peer)->deaths, 0u);
  expect_stopped(peer, sent);
}

/// Of the lane between two peers each end goes from language to language: what one has sent the next one reads.
TEST_F(Succession, takes_over_the_lanes_to_other_peers) {
  PeerOptions last = runtime::with({.name = "last", .mail_bytes = 1 << 14, .introduce = true}, echo_in(languages()[0]));
  PeerOptions first = runtime::with({.name = "first", .mail_bytes = 1 << 14}, echo_in(languages()[0]));
  first.environment = {{"CONFORMANCE_SINK", "last"}};
  const auto to = system_->spawn_peer<Player>(last);
  const auto from = system_->spawn_peer<Player>(first);
  ASSERT_TRUE(to && from);
  std::atomic<bool> done = false;
  std::uint64_t sent = 0;
  std::thread sender([&] {
    Chain chain;
    for (std::mt19937_64 random(2); !done; ++sent) {
      if (const auto handed = from->send(chain.next(random())); !handed) {
        ADD_FAILURE() << to_string(handed.error());
        return;
      }
    }
  });
  for (std::size_t i = 1; i <= languages().size(); ++i) {
    for (const auto& peer : {*to, *from}) {
      transport::test::start_watchdog();
      const Language& next = languages()[(i + (peer == *to ? 0 : 3)) % languages().size()];
      const auto outcome = peer.replace(echo_in(next), 50s);
      if (!outcome) ADD_FAILURE() << next.name << ": " << to_string(outcome.error());
      const std::uint64_t before = arrivals_.count;
      EXPECT_TRUE(until([&] { return arrivals_.count > before; })) << next.name << " does nothing";
    }
  }
  done = true;
  sender.join();
  EXPECT_TRUE(until([&] { return arrivals_.count >= sent; })) << arrivals_.count << " of " << sent;
  system_->stop_and_wait(*from);
  expect_stopped(*to, sent);
}

class SuccessionOf : public Succession, public testing::WithParamInterface<Language> {};

INSTANTIATE_TEST_SUITE_P(Of, SuccessionOf, testing::ValuesIn(languages()), [](const auto& info) {
  return info.param.name;
});

TEST_P(SuccessionOf, finishes_the_message_in_hand_and_leaves_the_rest) {
  const auto peer = start(GetParam());
  constexpr std::uint64_t streamed = 100'000;
  ASSERT_TRUE(peer.send(Stream{.count = streamed, .payload = Payload::tick}));
  ASSERT_TRUE(until([&] { return arrivals_.ticks > 0; }));
  Chain chain;
  constexpr std::uint64_t count = 5000;
  std::thread sender([&] {
    for (std::uint64_t i = 0; i < count; ++i) EXPECT_TRUE(peer.send(chain.next(i)));
  });
  const auto outcome = peer.replace(echo_in(GetParam()), 50s);
  EXPECT_TRUE(outcome) << to_string(outcome.error());
  sender.join();
  EXPECT_EQ(arrivals_.ticks, streamed);
  expect_stopped(peer, count);
}

}  // namespace
}  // namespace ringmail::test

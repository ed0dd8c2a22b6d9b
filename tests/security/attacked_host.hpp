// A host with actors that a peer attacks, and beside it a good peer, on another link, that must not notice.
#pragma once

#include <gtest/gtest.h>
#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "../transport/deadline.hpp"
#include "attack.mail.hpp"
#include "ringmail/actors/actors.hpp"
#include "ringmail/runtime/clock.hpp"
#include "ringmail/transport/ring_fault.hpp"

namespace ringmail::test {

using transport::test::until;

/// What the actors saw. Any thread.
struct Seen {
  std::atomic<bool> going_on{true};
  std::atomic<std::uint64_t> notes{0};     ///< from the attacker, taken by a handler
  std::atomic<std::uint64_t> wrong{0};     ///< messages and answers that no handler should have seen
  std::atomic<std::uint64_t> answered{0};  ///< what the attacker was asked
  std::atomic<std::uint64_t> not_answered{0};
  std::atomic<std::uint64_t> sent{0};
  std::atomic<std::uint64_t> not_sent{0};
  std::atomic<std::uint64_t> round_trips{0};  ///< of the good peer
  std::atomic<bool> pinged{false};            ///< who plays with the good peer has come to its end
  std::atomic<std::uint64_t> failures{0};     ///< of the good peer
  std::atomic<std::uint64_t> slowest_ns{0};   ///< round trip of the good peer
  std::atomic<std::uint64_t> latest_ns{0};    ///< how long after its deadline a wait for the attacker ended
};

template <class M>
bool is_valid(const M& message) {
  return M::ringmail_valid(std::as_bytes(std::span(&message, 1)));
}

/// Takes what the attacker sends, and looks at it twice.
class Sink : public Actor {
 public:
  using Protocol = attack::Host;
  explicit Sink(Seen& seen) : seen_(seen) {}

  void on(const attack::Note& note) {
    const attack::Note first = note;
    if (!is_valid(first)) ++seen_.wrong;
    // Others run, and the ring goes on.
    if (++seen_.notes % 8 == 0) this_actor::yield();
    if (std::memcmp(&first, &note, sizeof note) != 0) ++seen_.wrong;
  }
  attack::Answer on(const attack::Question& question) { return {.number = question.number}; }

 private:
  Seen& seen_;
};

/// Waits for what only its own process can send.
class Waiter : public Actor {
 public:
  using Protocol = attack::Host;
  struct Secret {
    std::string text;
  };
  explicit Waiter(Seen& seen) : seen_(seen) {}

  void on(const attack::Note&) {
    if (this_actor::receive<Secret>(std::chrono::microseconds(200))) ++seen_.wrong;
  }
  attack::Answer on(const attack::Question& question) { return {.number = question.number}; }

 private:
  Seen& seen_;
};

/// Asks the attacker, and sends to it, all the time, with deadlines that it does not keep.
class Asker : public Actor {
 private:
  static constexpr std::chrono::milliseconds answer_by{5};
  static constexpr std::chrono::milliseconds sent_by{1};

  template <class Wait>
  auto in_time(std::chrono::nanoseconds deadline, Wait&& wait) {
    const std::uint64_t due_ns = runtime::now_ns() + static_cast<std::uint64_t>(deadline.count());
    auto result = wait();
    const std::uint64_t now_ns = runtime::now_ns();
    if (now_ns > due_ns && now_ns - due_ns > seen_.latest_ns) seen_.latest_ns = now_ns - due_ns;
    return result;
  }

 public:
  Asker(Seen& seen, Mailbox<attack::Peer> attacker) : seen_(seen), attacker_(attacker) {}

  void started() override {
    for (std::uint64_t number = 0; seen_.going_on; ++number) {
      const auto answer = in_time(answer_by, [&] { return ask(attacker_, attack::Question{number}, answer_by); });
      ++(answer ? seen_.answered : seen_.not_answered);
      if (answer && !is_valid(*answer)) ++seen_.wrong;
      const auto sent = in_time(sent_by, [&] { return attacker_.send(attack::Note{.number = number}, sent_by); });
      ++(sent ? seen_.sent : seen_.not_sent);
      if (!this_actor::sleep_for(std::chrono::microseconds(100))) break;
    }
    this_actor::stop();
  }

 private:
  Seen& seen_;
  Mailbox<attack::Peer> attacker_;
};

/// Plays with the good peer.
class Pinger : public Actor {
 public:
  Pinger(Seen& seen, Mailbox<attack::Peer> good) : seen_(seen), good_(good) {}

  void started() override {
    for (std::uint64_t number = 0; seen_.going_on; ++number) {
      const std::uint64_t began_ns = runtime::now_ns();
      const auto answer = ask(good_, attack::Question{number}, std::chrono::seconds(20));
      if (!answer || answer->number != number) {
        ++seen_.failures;
        break;
      }
      const std::uint64_t took_ns = runtime::now_ns() - began_ns;
      if (took_ns > seen_.slowest_ns) seen_.slowest_ns = took_ns;
      ++seen_.round_trips;
    }
    seen_.pinged = true;
    this_actor::stop();
  }

 private:
  Seen& seen_;
  Mailbox<attack::Peer> good_;
};

/// How each life of the attacker ended. Any thread.
class Endings {
 public:
  void add(const ExitReason& reason) {
    const std::lock_guard lock(mutex_);
    reasons_.push_back(reason);
  }
  std::atomic<bool> are_all{false};
  std::vector<ExitReason> all() const {
    const std::lock_guard lock(mutex_);
    return reasons_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<ExitReason> reasons_;
};

class Watcher : public Actor {
 public:
  Watcher(Endings& endings, Mailbox<attack::Peer> attacker) : endings_(endings), attacker_(attacker) {}

  void started() override { this_actor::monitor(attacker_); }
  void on(const Down& down) {
    if (down.reason.kind == ExitReason::Kind::unreachable) {
      endings_.are_all = true;
      return;
    }
    endings_.add(down.reason);
    this_actor::monitor(attacker_);
  }

 private:
  Endings& endings_;
  Mailbox<attack::Peer> attacker_;
};

/// Every text by which a host ends a link over what stands in its rings.
inline std::set<std::string> named_errors() {
  std::set<std::string> names{"a system frame came as mail",
                              "a frame of a kind that only a host sends",
                              "a signal that only systems send",
                              "more monitors than a peer may have",
                              "it does not read what it is sent",
                              "more was written than its ring holds",
                              "on the control stream: it rang more often than this host slept",
                              "on the control stream: it rang lane 2, which it has not"};
  for (int fault = 1; fault <= static_cast<int>(transport::RingFault::cursor_backwards); ++fault) {
    names.emplace(to_string(static_cast<transport::RingFault>(fault)));
  }
  return names;
}

class AttackedHost : public testing::Test {
 protected:
  /// The bound is on what others can do to a sleep: one of 250 ms may be lost to them, and the rest is this machine's.
  static constexpr std::uint64_t slowest_ns = 2'000'000'000;

  AttackedHost() {
    transport::test::start_watchdog();
    auto logger = std::make_shared<spdlog::logger>("host", log_);
    auto created = System::create({.schedulers = 2, .log = logger});
    if (!created) std::abort();
    system_.emplace(std::move(*created));
  }

  void TearDown() override {
    if (!HasFailure()) return;
    for (const std::string& line : log_->last_formatted()) std::fputs(line.c_str(), stderr);
  }

  System& system() { return *system_; }

  static PeerOptions peer(std::string name, std::vector<std::string> arguments) {
    PeerOptions options{.name = std::move(name), .command = {RINGMAIL_HOSTILE_PEER}};
    options.command.insert(options.command.end(), arguments.begin(), arguments.end());
    options.mail_bytes = 8192;
    options.control_bytes = 4096;
    options.deadlines.terminate = std::chrono::milliseconds(50);
    return options;
  }
  /// One that comes back, however it ended.
  static PeerOptions attacker(std::vector<std::string> arguments) {
    PeerOptions options = peer("attacker", std::move(arguments));
    options.deadlines.drain = std::chrono::milliseconds(50);
    options.restart = {.when = RestartPolicy::When::permanent,
                       .max_restarts = 10'000'000,
                       .first_delay = std::chrono::nanoseconds(0),
                       .longest_delay = std::chrono::nanoseconds(0)};
    return options;
  }

  /// Starts the good peer, and who plays with it.
  void start_good_peer() {
    auto good = system().spawn_peer<attack::Peer>(peer("good", {"answer"}));
    ASSERT_TRUE(good) << good.error();
    good_ = *good;
    ASSERT_TRUE(system().runtime().wait_until_ready(good_.address().link));
    system().spawn_on<Pinger>(0, seen_, good_);
    ASSERT_TRUE(until([&] { return seen_.round_trips > 100; }));
  }

  /// Stops it. Nothing of the attack may have reached it.
  runtime::LinkAccount expect_good_peer_well() {
    seen_.going_on = false;
    EXPECT_TRUE(until([&] { return seen_.pinged.load(); }));
    const auto end = system().stop_and_wait(good_);
    EXPECT_EQ(end.reason, ExitReason{}) << to_string(end.reason);
    EXPECT_EQ(end.account.fault, "");
    EXPECT_EQ(end.account.unfinished, 0u);
    EXPECT_EQ(end.account.published, seen_.round_trips);
    EXPECT_EQ(seen_.failures, 0u);
    EXPECT_LT(seen_.slowest_ns, slowest_ns);
    return end.account;
  }

  std::shared_ptr<spdlog::sinks::ringbuffer_sink_mt> log_ = std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(100);
  Seen seen_;
  Endings endings_;
  std::optional<System> system_;
  Mailbox<attack::Peer> good_;
};

}  // namespace ringmail::test

// What is known of a peer that died, and who is told; and what of a peer that does not, but holds a message for too long.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore>
#include <utility>
#include <vector>

#include "../transport/deadline.hpp"
#include "../transport/sanitized.hpp"
#include "echo.mail.hpp"
#include "log_lines.hpp"
#include "ringmail/actors/actors.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using transport::test::until;

/// mortal_peer.c
enum Number : std::uint64_t { answer = 0, die = 1, hang = 2, stop = 3, flood = 4, sleep_on_its_bell = 5 };

template <class M>
class Heard {
 public:
  void say(const M& message) {
    const std::lock_guard lock(mutex_);
    all_.push_back(message);
  }
  std::vector<M> all() {
    const std::lock_guard lock(mutex_);
    return all_;
  }
  std::size_t count() { return all().size(); }

 private:
  std::mutex mutex_;
  std::vector<M> all_;
};

class Monitor : public Actor {
 public:
  Monitor(Mailbox<echo::Echo> peer, Heard<Down>& heard, std::atomic<bool>& set)
      : peer_(peer), heard_(heard), set_(set) {}
  void started() override {
    this_actor::monitor(peer_);
    set_ = true;
  }
  void on(const Down& down) { heard_.say(down); }

 private:
  Mailbox<echo::Echo> peer_;
  Heard<Down>& heard_;
  std::atomic<bool>& set_;
};

class Undertaker : public Actor {
 public:
  explicit Undertaker(Heard<DeadLetter>& heard) : heard_(heard) {}
  void on(const DeadLetter& letter) { heard_.say(letter); }

 private:
  Heard<DeadLetter>& heard_;
};

PeerOptions mortal(const std::string& name = "mortal") {
  return {.name = name,
          .command = {RINGMAIL_MORTAL_PEER},
          .restart = {.when = RestartPolicy::When::permanent,
                      .max_restarts = UINT32_MAX,
                      .first_delay = 0ms,
                      .longest_delay = 0ms},
          .deadlines = {.drain = 100ms, .terminate = 200ms}};
}

class PostMortemTest : public testing::Test {
 protected:
  PostMortemTest() {
    transport::test::start_watchdog();
    auto system = System::create({.schedulers = 1, .log = log_to(log_)});
    EXPECT_TRUE(system) << system.error();
    system_.emplace(std::move(*system));
  }

  Mailbox<echo::Echo> spawn(const PeerOptions& options) {
    const auto peer = system_->spawn_peer<echo::Echo>(options);
    EXPECT_TRUE(peer) << peer.error();
    EXPECT_TRUE(system_->runtime().wait_until_ready(peer->address().link));
    return *peer;
  }
  /// Waits until its status is of that kind.
  PeerStatus await(const std::string& name, PeerActivity activity) {
    std::optional<PeerStatus> status;
    EXPECT_TRUE(until([&] {
      status = system_->peer_status(name);
      return status && status->activity == activity;
    })) << (status ? to_string(*status) : "no such peer");
    return status.value_or(PeerStatus{});
  }
  void await_line(const std::string& part) {
    EXPECT_TRUE(until([&] { return log_->has(part); })) << log_->text();
  }
  int pid(const Mailbox<echo::Echo>& peer) { return system_->runtime().peer_pid(peer.address().link); }

  std::shared_ptr<LogLines> log_ = std::make_shared<LogLines>();
  std::optional<System> system_;
};

TEST_F(PostMortemTest, tells_monitors_and_the_log_what_the_peer_had_in_hand_and_what_it_said_and_used) {
  PeerOptions options = mortal();
  options.restart = {};
  const auto peer = spawn(options);
  Heard<Down> heard;
  std::atomic<bool> set{false};
  system_->spawn<Monitor>(peer, heard, set);
  ASSERT_TRUE(until([&] { return set.load(); }));
  ASSERT_TRUE(peer.send(echo::Ping{.number = die}));
  ASSERT_TRUE(until([&] { return heard.count() == 1; }));

  const Down down = heard.all()[0];
  const PostMortem* const found = post_mortem_of(down.reason);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->peer, "mortal");
  EXPECT_EQ(found->incarnation, 1u);
  EXPECT_GT(found->pid, 0);
  EXPECT_EQ(found->reason.signal, SIGABRT);
  EXPECT_EQ(found->reason.post_mortem, nullptr);
  EXPECT_EQ(found->deaths, 1u);
  EXPECT_GT(found->age.count(), 0);
  ASSERT_TRUE(found->usage);
  EXPECT_GT(found->usage->max_resident_bytes, 100'000u);
  EXPECT_THAT(found->last_lines,
              testing::ElementsAre("Traceback (most recent call last):", "  somewhere", "ValueError: \\x1b[31mone"));
  ASSERT_EQ(found->in_hand.size(), 1u);
  EXPECT_EQ(found->in_hand[0].text, "echo.Ping {number 1}");
  EXPECT_EQ(found->in_hand[0].length, sizeof(echo::Ping));
  EXPECT_FALSE(found->in_hand[0].asked);
  EXPECT_EQ(found->waiting, 1u);

  EXPECT_EQ(system_->wait_for_end(peer).reason.post_mortem->pid, found->pid);
  EXPECT_THAT(log_->text(), HasSubstr("post-mortem of peer 'mortal', incarnation 1, process "));
  EXPECT_THAT(log_->text(), HasSubstr("\n  in hand: echo.Ping {number 1}, 8 bytes"));
  EXPECT_THAT(log_->text(), HasSubstr("\n    ValueError: \\x1b[31mone\n"));
  const auto status = system_->peer_status("mortal");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->phase, "ended");
  EXPECT_EQ(status->deaths, 1u);
}

TEST_F(PostMortemTest, names_the_core_of_a_peer_that_has_crashed) {
  std::string pattern;
  std::getline(std::ifstream("/proc/sys/kernel/core_pattern"), pattern);
  if (pattern.empty() || pattern.starts_with('|')) GTEST_SKIP() << "cores are handed to '" << pattern << "'";
  if (transport::test::sanitized) GTEST_SKIP() << "a sanitizer turns cores off, for their size";
  std::string folder = testing::TempDir() + "ringmail_core_XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  PeerOptions options = mortal();
  options.working_directory = folder;
  options.limits.core_file = runtime::PeerLimits::unlimited;
  options.restart.when = RestartPolicy::When::temporary;
  const auto peer = system_->spawn_peer<echo::Echo>(options);
  ASSERT_TRUE(peer) << peer.error();
  ASSERT_TRUE(peer->send(echo::Ping{die}));
  const auto end = system_->wait_for_end(*peer);
  if (end.reason.text.starts_with("cannot set limits.core_file")) GTEST_SKIP() << end.reason.text;
  const PostMortem* const found = post_mortem_of(end.reason);
  ASSERT_NE(found, nullptr) << to_string(end.reason);
  EXPECT_EQ(found->reason.signal, SIGABRT);
  EXPECT_TRUE(found->dumped_core);
  EXPECT_TRUE(std::filesystem::is_regular_file(found->core)) << "'" << found->core << "'";
  if (!pattern.starts_with('/')) {
    EXPECT_EQ(std::filesystem::path(found->core).parent_path(), folder);
  }
  std::string magic(4, ' ');
  std::ifstream(found->core).read(magic.data(), 4);
  EXPECT_EQ(magic, "\177ELF");
  await_line(found->core);
  std::filesystem::remove(found->core);
  std::filesystem::remove_all(folder);
}

TEST_F(PostMortemTest, reaches_supervisors_through_the_chain_of_causes) {
  const ExitReason death{.kind = ExitReason::Kind::signalled,
                         .signal = 9,
                         .post_mortem = std::make_shared<PostMortem>(PostMortem{.peer = "far down"})};
  const ExitReason top = death.leads_to(ExitReason::Kind::linked, "one").leads_to(ExitReason::Kind::escalated, "two");
  ASSERT_NE(post_mortem_of(top), nullptr);
  EXPECT_EQ(post_mortem_of(top)->peer, "far down");
  EXPECT_EQ(post_mortem_of(ExitReason{}), nullptr);
}

TEST_F(PostMortemTest,
       is_of_every_death_with_their_number_and_the_message_goes_to_the_dead_letters_with_its_bytes_at_the_third) {
  Heard<DeadLetter> letters;
  system_->dead_letters().subscribe(system_->spawn<Undertaker>(letters));
  const auto peer = spawn(mortal());
  ASSERT_TRUE(peer.send(echo::Ping{.number = die}));
  // An innocent one behind it.
  std::expected<echo::Ping, AskError> answered = std::unexpected(AskError::timed_out);
  ASSERT_TRUE(until([&] {
    answered = ask(peer, echo::Ping{.number = answer}, 10s);
    return answered.has_value();
  }));

  ASSERT_TRUE(until([&] { return letters.count() == 1; }));
  const DeadLetter letter = letters.all()[0];
  EXPECT_EQ(letter.peer, peer.address().link);
  EXPECT_EQ(letter.type, echo::Ping::ringmail_type);
  EXPECT_EQ(letter.why, "peer 'mortal' died 3 times in a row with it in hand");
  ASSERT_EQ(letter.payload.size(), sizeof(echo::Ping));
  std::uint64_t number = 0;
  std::memcpy(&number, letter.payload.data(), sizeof number);
  EXPECT_EQ(number, die);
  EXPECT_EQ(letter.reason.signal, SIGABRT);
  ASSERT_NE(post_mortem_of(letter.reason), nullptr);
  EXPECT_GE(post_mortem_of(letter.reason)->deaths, 3u);
  EXPECT_TRUE(post_mortem_of(letter.reason)->in_hand.at(0).given_up);

  const auto end = system_->stop_and_wait(peer);
  EXPECT_EQ(end.account.given_up, 1u);
  EXPECT_EQ(end.account.unfinished, 0u);
  EXPECT_EQ(end.account.fault, "");
  EXPECT_TRUE(end.reason.is_normal()) << to_string(end.reason);
}

TEST_F(PostMortemTest, of_a_peer_that_handles_at_most_once_has_the_message_that_none_will_handle_again) {
  Heard<DeadLetter> letters;
  system_->dead_letters().subscribe(system_->spawn<Undertaker>(letters));
  PeerOptions options = mortal();
  options.at_most_once = true;
  const auto peer = spawn(options);
  ASSERT_TRUE(peer.send(echo::Ping{.number = answer}));
  ASSERT_TRUE(peer.send(echo::Ping{.number = die}));
  ASSERT_TRUE(peer.send(echo::Ping{.number = answer}));
  ASSERT_TRUE(until([&] { return letters.count() == 1; }));
  EXPECT_TRUE(ask(peer, echo::Ping{.number = answer}, 10s));
  EXPECT_EQ(letters.all()[0].payload.size(), sizeof(echo::Ping));
  const auto end = system_->stop_and_wait(peer);
  EXPECT_EQ(end.account.published, 4u);
  EXPECT_EQ(end.account.given_up, 1u);
  EXPECT_EQ(end.account.unfinished, 0u);
  ASSERT_NE(end.reason.post_mortem, nullptr);
  EXPECT_EQ(end.reason.post_mortem->deaths, 1u);
}

TEST_F(PostMortemTest, shows_a_peer_with_nothing_to_do_as_asleep) {
  const auto peer = spawn(mortal());
  ASSERT_TRUE(ask(peer, echo::Ping{.number = answer}, 10s));
  const PeerStatus status = await("mortal", PeerActivity::parked);
  EXPECT_EQ(status.phase, "running");
  EXPECT_FALSE(status.in_hand);
  EXPECT_EQ(status.waiting, 0u);
  EXPECT_EQ(status.pid, pid(peer));
  EXPECT_EQ(to_string(status), "running, asleep with nothing in hand");
  EXPECT_FALSE(system_->peer_status("nobody"));
}

TEST_F(PostMortemTest, tells_a_peer_that_hangs_by_its_message_and_leaves_it_alone_unless_told_otherwise) {
  PeerOptions options = mortal();
  options.hang.after = 40ms;
  const auto peer = spawn(options);
  const int process = pid(peer);
  ASSERT_TRUE(peer.send(echo::Ping{.number = hang}));
  ASSERT_TRUE(peer.send(echo::Ping{.number = answer}));
  await_line(" and is awake: echo.Ping {number 2}, 8 bytes, from actor ");
  const PeerStatus status = await("mortal", PeerActivity::busy);
  ASSERT_TRUE(status.in_hand);
  EXPECT_EQ(status.in_hand->text, "echo.Ping {number 2}");
  EXPECT_GE(status.held_for, 40ms);
  EXPECT_EQ(status.waiting, 2u);
  EXPECT_THAT(to_string(status), HasSubstr("running, busy; in hand for "));
  EXPECT_EQ(pid(peer), process);
  EXPECT_THAT(system_->explain_shutdown().to_string(), HasSubstr(": echo.Ping {number 2}, 8 bytes, from actor "));
}

TEST_F(PostMortemTest, shows_a_handler_that_sleeps_in_the_library_as_waiting) {
  PeerOptions options = mortal();
  options.command.emplace_back("loop");
  const auto peer = spawn(options);
  ASSERT_TRUE(peer.send(echo::Ping{.number = sleep_on_its_bell}));
  const PeerStatus status = await("mortal", PeerActivity::waiting);
  ASSERT_TRUE(status.in_hand);
  EXPECT_EQ(status.in_hand->text, "echo.Ping {number 5}");
}

TEST_F(PostMortemTest, of_a_hung_peer_that_was_aborted_says_so_and_its_successor_goes_on) {
  PeerOptions options = mortal();
  options.hang = {.after = 500ms, .then = PeerHang::Then::abort};
  options.max_attempts = 1;
  const auto peer = spawn(options);
  ASSERT_TRUE(peer.send(echo::Ping{.number = hang}));
  await_line("dead letter: peer 'mortal' died with it in hand: echo.Ping {number 2}");
  EXPECT_TRUE(ask(peer, echo::Ping{.number = answer}, 10s));
  EXPECT_THAT(log_->text(), HasSubstr("running -> aborting: it has had a message in hand for "));
  EXPECT_THAT(log_->text(), HasSubstr("failed (killed by signal 6 (Aborted)): it has had a message in hand for "));
}

TEST_F(PostMortemTest, of_one_that_ignores_SIGABRT_comes_after_SIGKILL) {
  PeerOptions options = mortal();
  options.command.emplace_back("deaf");
  options.hang = {.after = 40ms, .then = PeerHang::Then::abort};
  options.deadlines.terminate = 50ms;
  options.restart = {};
  const auto peer = spawn(options);
  ASSERT_TRUE(peer.send(echo::Ping{.number = hang}));
  const auto end = system_->wait_for_end(peer);
  EXPECT_EQ(end.reason.kind, ExitReason::Kind::failed);
  EXPECT_EQ(end.reason.signal, SIGKILL);
  EXPECT_THAT(end.reason.text, HasSubstr(": echo.Ping {number 2}, 8 bytes, from actor "));
}

TEST_F(PostMortemTest, comes_at_once_where_a_hung_peer_is_to_be_killed) {
  PeerOptions options = mortal();
  options.hang = {.after = 40ms, .then = PeerHang::Then::kill};
  options.restart = {};
  const auto peer = spawn(options);
  ASSERT_TRUE(peer.send(echo::Ping{.number = hang}));
  const auto end = system_->wait_for_end(peer);
  EXPECT_EQ(end.reason.signal, SIGKILL);
  EXPECT_THAT(end.reason.text, HasSubstr(": echo.Ping {number 2}, 8 bytes, from actor "));
}

TEST_F(PostMortemTest, does_not_come_of_a_peer_that_is_stopped_by_a_signal) {
  PeerOptions options = mortal("stopped");
  options.hang = {.after = 500ms, .then = PeerHang::Then::kill};
  const auto stopped = spawn(options);
  const int process = pid(stopped);
  ASSERT_TRUE(stopped.send(echo::Ping{.number = stop}));
  const PeerStatus status = await("stopped", PeerActivity::suspended);
  EXPECT_EQ(status.suspended_by, "stopped by a signal");

  // As long as another one is found out and killed, it is not.
  options.name = "hung";
  options.max_attempts = 0;
  const auto hung = spawn(options);
  ASSERT_TRUE(hung.send(echo::Ping{.number = hang}));
  await_line("peer 'hung', incarnation 2");
  EXPECT_EQ(pid(stopped), process);
  EXPECT_THAT(log_->text(), Not(HasSubstr("peer 'stopped': running -> killing")));
  EXPECT_THAT(log_->text(), Not(HasSubstr("post-mortem of peer 'stopped'")));

  ASSERT_EQ(::kill(process, SIGCONT), 0);
  EXPECT_TRUE(ask(stopped, echo::Ping{.number = answer}, 10s));
  EXPECT_EQ(pid(stopped), process);
}

/// Shared: the handler is in it when the test is over.
struct Gate {
  std::atomic<bool> stands{false};
  std::binary_semaphore go_on{0};
};

/// Reads nothing as long as it stands in a handler.
class Slow : public Actor {
 public:
  using Protocol = echo::Listener;
  Slow(Mailbox<echo::Echo> peer, std::shared_ptr<Gate> gate) : peer_(peer), gate_(std::move(gate)) {}
  void started() override { EXPECT_TRUE(peer_.send(echo::Ping{.number = flood})); }
  void on(const echo::Ping&) {
    if (gate_->stands.exchange(true)) return;
    gate_->go_on.acquire();
  }

 private:
  Mailbox<echo::Echo> peer_;
  std::shared_ptr<Gate> gate_;
};

TEST_F(PostMortemTest, does_not_come_of_a_peer_that_waits_for_this_host_to_make_room) {
  PeerOptions options = mortal();
  options.hang.after = 40ms;
  options.mail_bytes = 1 << 12;
  const auto peer = spawn(options);
  const auto gate = std::make_shared<Gate>();
  system_->spawn<Slow>(peer, gate);
  ASSERT_TRUE(until([&] { return gate->stands.load(); }));
  const PeerStatus status = await("mortal", PeerActivity::blocked);
  EXPECT_EQ(status.blocked_on, 0u);
  EXPECT_FALSE(status.is_complete) << "its scheduler stands in a handler";
  EXPECT_THAT(to_string(status), HasSubstr("waits for room in its ring to scheduler 0"));
  // Its time stands still.
  std::optional<PeerStatus> later;
  const auto end = std::chrono::steady_clock::now() + 4 * options.hang.after;
  const auto first = system_->runtime().peer_pid(peer.address().link);
  do {
    later = system_->peer_status("mortal");
    ASSERT_TRUE(later);
    EXPECT_EQ(later->activity, PeerActivity::blocked);
    EXPECT_EQ(later->pid, first);
  } while (std::chrono::steady_clock::now() < end);
  EXPECT_THAT(log_->text(), Not(HasSubstr("it has had a message in hand")));
  gate->go_on.release();
}

}  // namespace
}  // namespace ringmail::test

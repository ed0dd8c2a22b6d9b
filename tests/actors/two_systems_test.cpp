// Two systems in two processes, connected by path.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "desk.hpp"
#include "far_process.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using transport::test::until;

struct Schedulers {
  std::uint32_t here;
  std::uint32_t there;
};

void expect_balance(System& system) {
  system.shutdown();
  const auto counters = system.counters();
  EXPECT_EQ(counters.lost_wakeups, 0u);
  EXPECT_EQ(counters.failed_barriers, 0u);
}

/// Over all of its links.
runtime::LinkAccount account_of(System& system, const RemoteSystem& remote) {
  runtime::LinkAccount account;
  for (std::uint32_t i = 0; i < remote.runtime().schedulers(); ++i) {
    account += system.runtime().wait_for_end(remote.runtime().first_link() + i).account;
  }
  return account;
}

/// What somebody who watches was told.
struct Told {
  std::atomic<int> times{0};
  ExitReason reason;
  runtime::Address who;
  void note(const runtime::Address& whom, const ExitReason& why) {
    who = whom;
    reason = why;
    ++times;
  }
};

/// Until `whom` is known to have what this actor has sent there before.
void settle(const Mailbox<Desk>& whom) { static_cast<void>(ask(whom, HowMany{}, 10s)); }
void settle(const RemoteSystem&) {}

/// Monitors whom it is given. Told outlives the system.
class Watcher : public Actor {
 public:
  using Protocol = Desk;
  template <class Whom>
  Watcher(Whom whom, Told& told)
      : begin_([whom] {
          this_actor::monitor(whom);
          settle(whom);
        }),
        told_(told) {}
  void started() override {
    begin_();
    ready_ = true;
  }
  void on(const Down& down) { told_.note(down.who, down.reason); }
  void on(const Count&) {}
  Number on(const HowMany&) { return {ready_ ? 1u : 0u}; }
  Number on(const AskFor&) { return {}; }
  Me on(const Who&) { return {}; }
  void on(const Fail&) {}
  Number on(const Never&) { return {}; }
  void on(const Tie&) {}

 private:
  std::function<void()> begin_;
  Told& told_;
  bool ready_ = false;
};

/// Links itself to whom it is given, and says what it gets of it.
class Linked : public Actor {
 public:
  Linked(Mailbox<Desk> whom, Told& told) : whom_(whom), told_(told) {}
  void started() override {
    this_actor::trap_exits(true);
    this_actor::link(whom_);
    settle(whom_);
  }
  void on(const Exit& exit) { told_.note(exit.who, exit.reason); }
  Number on(const HowMany&) { return {1}; }

 private:
  Mailbox<Desk> whom_;
  Told& told_;
};

class TwoSystems : public testing::TestWithParam<Schedulers> {
 protected:
  TwoSystems() { transport::test::start_watchdog(); }
  void SetUp() override {
    std::string pattern = testing::TempDir() + "ringmail_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = folder_ + "/private/socket";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  SystemOptions listening(std::uint32_t schedulers) const {
    return {.schedulers = schedulers, .listen = path_, .accept_systems = true};
  }

  /// The far side of most tests: a system that listens and has a clerk, until it hears something.
  auto far_host() const {
    return [options = listening(GetParam().there)](Wire& wire) {
      auto system = System::create(options);
      ASSERT_TRUE(system) << system.error();
      ASSERT_TRUE(system->publish("clerk", system->spawn<Clerk>()));
      wire.say('r');
      static_cast<void>(wire.hear());
      expect_balance(*system);
    };
  }

  std::expected<System, std::string> near_system() const { return System::create({.schedulers = GetParam().here}); }

  std::string folder_;
  std::string path_;
};

TEST_P(TwoSystems, an_actor_is_found_by_name_and_asked_across) {
  FarProcess far(far_host());
  ASSERT_EQ(far.wire().hear(), 'r');
  auto system = near_system();
  ASSERT_TRUE(system) << system.error();
  const auto remote = system->connect(path_, {.name = "near"});
  ASSERT_TRUE(remote) << remote.error();
  EXPECT_TRUE(remote->is_connected());
  EXPECT_EQ(remote->name(), path_);
  const auto clerk = remote->lookup<Desk>("clerk");
  ASSERT_TRUE(clerk) << clerk.error();
  for (std::uint64_t i = 0; i < 100; ++i) ASSERT_TRUE(clerk->send(Count{i}));
  const auto number = ask(*clerk, HowMany{}, 10s);
  ASSERT_TRUE(number) << to_string(number.error());
  EXPECT_EQ(number->number, 100u);
  EXPECT_EQ(remote->lookup<Desk>("nobody").error(), "no actor of " + path_ + " has the name 'nobody'");
  far.wire().say('q');
  EXPECT_EQ(far.wait(), 0);
  EXPECT_EQ(to_string(remote->wait_for_end()), "ended normally");
  EXPECT_FALSE(remote->is_connected());
  EXPECT_EQ(ask(*clerk, HowMany{}, 10s).error(), AskError::unreachable);
  expect_balance(*system);
}

TEST_P(TwoSystems, the_one_that_was_connected_to_finds_names_of_the_other_as_well) {
  FarProcess far([options = listening(GetParam().there)](Wire& wire) {
    auto system = System::create(options);
    ASSERT_TRUE(system) << system.error();
    wire.say('r');
    const auto remote = system->wait_for_system("near");
    ASSERT_TRUE(remote) << remote.error();
    const auto clerk = remote->lookup<Desk>("near clerk");
    ASSERT_TRUE(clerk) << clerk.error();
    for (std::uint64_t i = 0; i < 1000; ++i) ASSERT_TRUE(clerk->send(Count{i}));
    EXPECT_EQ(ask(*clerk, HowMany{}, 10s).value_or(Number{}).number, 1000u);
    EXPECT_FALSE(remote->lookup<Desk>("nobody"));
    wire.say('d');
    // The other one leaves.
    EXPECT_EQ(to_string(remote->wait_for_end()), "ended normally");
    EXPECT_EQ(ask(*clerk, HowMany{}, 10s).error(), AskError::unreachable);
    const auto account = account_of(*system, *remote);
    EXPECT_EQ(account.published, 1001u);
    EXPECT_EQ(account.unfinished, 0u);
    expect_balance(*system);
  });
  ASSERT_EQ(far.wire().hear(), 'r');
  auto system = near_system();
  ASSERT_TRUE(system) << system.error();
  ASSERT_TRUE(system->publish("near clerk", system->spawn<Clerk>()));
  const auto remote = system->connect(path_, {.name = "near"});
  ASSERT_TRUE(remote) << remote.error();
  EXPECT_EQ(far.wire().hear(), 'd');
  expect_balance(*system);
  EXPECT_EQ(far.wait(), 0);
  EXPECT_EQ(to_string(remote->wait_for_end()), "ended normally");
}

TEST_P(TwoSystems, a_handle_in_a_message_works_at_the_other_end_and_back_home) {
  FarProcess far(far_host());
  ASSERT_EQ(far.wire().hear(), 'r');
  auto system = near_system();
  ASSERT_TRUE(system) << system.error();
  const auto remote = system->connect(path_, {.name = "near"});
  ASSERT_TRUE(remote) << remote.error();
  const auto clerk = remote->lookup<Desk>("clerk");
  ASSERT_TRUE(clerk) << clerk.error();
  // Each on another scheduler, where there are several: each has been made known by its Ref alone.
  for (int i = 0; i < 3; ++i) {
    const auto own = system->spawn<Clerk>();
    const auto ref = remote->share(own);
    ASSERT_TRUE(ref) << to_string(ref.error());
    AskFor wish{.number = 50};
    put(wish.whom, *ref);
    const auto answer = ask(*clerk, wish, 10s);
    ASSERT_TRUE(answer) << to_string(answer.error());
    EXPECT_EQ(answer->number, 50u);
    EXPECT_EQ(ask(own, HowMany{}, 10s).value_or(Number{}).number, 50u);
    const auto home = remote->mailbox(*ref);
    ASSERT_TRUE(home) << to_string(home.error());
    EXPECT_EQ(home->address(), own.address());
  }
  // The other way: it says who it is, in its answer; and it knows itself by what comes back.
  const auto me = ask(*clerk, Who{}, 10s);
  ASSERT_TRUE(me) << to_string(me.error());
  const auto same = remote->mailbox(ref_in(me->whom));
  ASSERT_TRUE(same) << to_string(same.error());
  EXPECT_EQ(*same, *clerk);
  EXPECT_EQ(ask(*same, HowMany{}, 10s).value_or(Number{9}).number, 0u);
  AskFor of_itself{};
  put(of_itself.whom, *remote->share(*same));
  // It waits for itself, which is an answer of its own; but it has found itself at home.
  of_itself.number = 3;
  EXPECT_TRUE(same->send(of_itself));
  far.wire().say('q');
  EXPECT_EQ(far.wait(), 0);
  expect_balance(*system);
}

TEST_P(TwoSystems, a_handle_that_was_not_made_for_the_link_is_an_error_that_says_so) {
  FarProcess far(far_host());
  ASSERT_EQ(far.wire().hear(), 'r');
  auto system = near_system();
  auto third = System::create({.schedulers = 1});
  ASSERT_TRUE(system && third);
  const auto remote = system->connect(path_, {.name = "near"});
  ASSERT_TRUE(remote) << remote.error();
  const auto clerk = remote->lookup<Desk>("clerk");
  ASSERT_TRUE(clerk) << clerk.error();
  const auto own = system->spawn<Clerk>();

  EXPECT_EQ(remote->share(Mailbox<Desk>()).error(), RefError::nobody);
  EXPECT_EQ(remote->mailbox(Ref<Desk>()).error(), RefError::nobody);
  EXPECT_EQ(remote->share(Mailbox<Desk>(system->runtime(), {77, own.address().actor})).error(), RefError::third_system);
  const Ref<Desk> of_third(third->runtime().id(), third->spawn<Clerk>().address().actor);
  EXPECT_EQ(remote->mailbox(of_third).error(), RefError::third_system);
  // Nobody is reached by guessing, not even at home.
  const Ref<Desk> guessed(system->runtime().id(), own.address().actor);
  EXPECT_EQ(remote->mailbox(guessed).error(), RefError::not_let_in);
  ASSERT_TRUE(remote->share(own));
  EXPECT_TRUE(remote->mailbox(guessed));

  // And at the other end.
  AskFor wish{};
  put(wish.whom, of_third);
  EXPECT_EQ(ask(*clerk, wish, 10s).value_or(Number{}).number,
            no_answer + static_cast<std::uint64_t>(RefError::third_system));
  own.stop();
  ASSERT_TRUE(until([&] { return remote->mailbox(guessed) == std::unexpected(RefError::not_let_in); }));
  EXPECT_EQ(remote->share(own).error(), RefError::not_let_in);
  far.wire().say('q');
  EXPECT_EQ(far.wait(), 0);
  expect_balance(*system);
  EXPECT_EQ(remote->share(own).error(), RefError::no_system);
}

TEST_P(TwoSystems, a_monitor_is_told_why_an_actor_there_has_ended) {
  FarProcess far([options = listening(GetParam().there)](Wire& wire) {
    auto system = System::create(options);
    ASSERT_TRUE(system) << system.error();
    ASSERT_TRUE(system->publish("fails", system->spawn<Clerk>()));
    ASSERT_TRUE(system->publish("stops", system->spawn<Clerk>()));
    wire.say('r');
    static_cast<void>(wire.hear());
    expect_balance(*system);
  });
  ASSERT_EQ(far.wire().hear(), 'r');
  Told failed, stopped, late;
  auto system = near_system();
  ASSERT_TRUE(system) << system.error();
  const auto remote = system->connect(path_, {.name = "near"});
  ASSERT_TRUE(remote) << remote.error();
  const auto fails = remote->lookup<Desk>("fails");
  const auto stops = remote->lookup<Desk>("stops");
  ASSERT_TRUE(fails && stops);
  const auto first = system->spawn<Watcher>(*fails, failed);
  const auto second = system->spawn<Watcher>(*stops, stopped);
  ASSERT_TRUE(ask(first, HowMany{}, 10s) && ask(second, HowMany{}, 10s));
  stops->stop();
  ASSERT_TRUE(until([&] { return stopped.times == 1; }));
  EXPECT_EQ(to_string(stopped.reason), "ended normally");
  EXPECT_EQ(stopped.who, stops->address());
  EXPECT_EQ(failed.times, 0);
  ASSERT_TRUE(fails->send(Fail{}));
  ASSERT_TRUE(until([&] { return failed.times == 1; }));
  EXPECT_EQ(to_string(failed.reason), "failed: std::runtime_error: as it was told to");
  EXPECT_EQ(failed.who, fails->address());
  // Of one that has ended already.
  system->spawn<Watcher>(*fails, late);
  ASSERT_TRUE(until([&] { return late.times == 1; }));
  EXPECT_EQ(late.reason.kind, ExitReason::Kind::unreachable);
  far.wire().say('q');
  EXPECT_EQ(far.wait(), 0);
  expect_balance(*system);
  EXPECT_EQ(stopped.times + failed.times + late.times, 3);
}

TEST_P(TwoSystems, a_link_ends_with_the_other_whichever_side_fails) {
  FarProcess far(far_host());
  ASSERT_EQ(far.wire().hear(), 'r');
  Told told, gone;
  auto system = near_system();
  ASSERT_TRUE(system) << system.error();
  const auto remote = system->connect(path_, {.name = "near"});
  ASSERT_TRUE(remote) << remote.error();
  const auto clerk = remote->lookup<Desk>("clerk");
  ASSERT_TRUE(clerk) << clerk.error();
  // The clerk links itself to one of here, which fails.
  const auto own = system->spawn<Clerk>();
  Tie tie{};
  put(tie.whom, *remote->share(own));
  ASSERT_TRUE(clerk->send(tie));
  ASSERT_TRUE(ask(system->spawn<Linked>(*clerk, told), HowMany{}, 10s));
  ASSERT_TRUE(ask(system->spawn<Watcher>(*clerk, gone), HowMany{}, 10s));
  // What it does to be linked goes over another lane than what asks it, where there are several.
  AskFor wish{.number = 1};
  put(wish.whom, *remote->share(own));
  ASSERT_EQ(ask(*clerk, wish, 10s).value_or(Number{}).number, 1u);
  ASSERT_TRUE(own.send(Fail{}));
  ASSERT_TRUE(until([&] { return told.times == 1 && gone.times == 1; }));
  for (const Told& each : {std::cref(told), std::cref(gone)}) {
    EXPECT_EQ(each.who, clerk->address());
    EXPECT_EQ(to_string(each.reason),
              "linked to one that failed; because failed: std::runtime_error: as it was told to");
  }
  far.wire().say('q');
  EXPECT_EQ(far.wait(), 0);
  expect_balance(*system);
}

TEST_P(TwoSystems, an_orderly_end_of_the_host_is_told_as_normal_and_loses_no_message) {
  FarProcess far([options = listening(GetParam().there)](Wire& wire) {
    auto system = System::create(options);
    ASSERT_TRUE(system) << system.error();
    ASSERT_TRUE(system->publish("clerk", system->spawn<Clerk>()));
    wire.say('r');
    EXPECT_EQ(wire.hear(), 'g');
    const auto remote = system->wait_for_system("near");
    ASSERT_TRUE(remote) << remote.error();
    const auto clerk = remote->lookup<Desk>("near clerk");
    ASSERT_TRUE(clerk) << clerk.error();
    for (std::uint64_t i = 0; i < 5000; ++i) ASSERT_TRUE(clerk->send(Count{i}));
    expect_balance(*system);
  });
  ASSERT_EQ(far.wire().hear(), 'r');
  Told of_system, of_actor;
  auto system = near_system();
  ASSERT_TRUE(system) << system.error();
  const auto own = system->spawn<Clerk>();
  const auto remote = system->connect(path_, {.name = "near"});
  ASSERT_TRUE(remote) << remote.error();
  const auto clerk = remote->lookup<Desk>("clerk");
  ASSERT_TRUE(clerk) << clerk.error();
  ASSERT_TRUE(ask(system->spawn<Watcher>(*remote, of_system), HowMany{}, 10s));
  ASSERT_TRUE(ask(system->spawn<Watcher>(*clerk, of_actor), HowMany{}, 10s));
  ASSERT_TRUE(system->publish("near clerk", own));
  far.wire().say('g');
  EXPECT_EQ(far.wait(), 0);
  ASSERT_TRUE(until([&] { return of_system.times == 1 && of_actor.times == 1; }));
  EXPECT_EQ(to_string(of_system.reason), "ended normally");
  EXPECT_EQ(to_string(of_actor.reason), "ended normally");
  EXPECT_EQ(ask(own, HowMany{}, 10s).value_or(Number{}).number, 5000u);
  expect_balance(*system);
}

TEST_P(TwoSystems, a_host_that_is_killed_is_unreachable_and_may_come_back) {
  std::optional<FarProcess> far(std::in_place, far_host());
  FarProcess next([body = far_host()](Wire& wire) {
    if (wire.hear() == 'n') body(wire);
  });
  ASSERT_EQ(far->wire().hear(), 'r');
  Told of_system, of_actor, of_link;
  auto system = near_system();
  ASSERT_TRUE(system) << system.error();
  auto remote = system->connect(path_, {.name = "near"});
  ASSERT_TRUE(remote) << remote.error();
  auto clerk = remote->lookup<Desk>("clerk");
  ASSERT_TRUE(clerk) << clerk.error();
  ASSERT_TRUE(ask(system->spawn<Watcher>(*remote, of_system), HowMany{}, 10s));
  ASSERT_TRUE(ask(system->spawn<Watcher>(*clerk, of_actor), HowMany{}, 10s));
  ASSERT_TRUE(ask(system->spawn<Linked>(*clerk, of_link), HowMany{}, 10s));
  std::atomic<bool> asked{false};
  const auto asker = system->spawn([&, whom = *clerk](const Count&) {
    asked = true;
    const auto answer = ask(whom, Never{}, 1h);
    return answer ? Number{} : Number{no_answer + static_cast<std::uint64_t>(answer.error())};
  });
  std::thread waits([&] {
    EXPECT_EQ(ask(asker, Count{}, 20s).value_or(Number{}).number,
              no_answer + static_cast<std::uint64_t>(AskError::unreachable));
  });
  ASSERT_TRUE(until([&] { return asked.load(); }));
  far.reset();  // SIGKILL
  waits.join();
  ASSERT_TRUE(until([&] { return of_system.times == 1 && of_actor.times == 1 && of_link.times == 1; }));
  EXPECT_EQ(of_system.reason.kind, ExitReason::Kind::failed) << to_string(of_system.reason);
  EXPECT_EQ(of_actor.reason.kind, ExitReason::Kind::unreachable) << to_string(of_actor.reason);
  EXPECT_EQ(of_link.reason.kind, ExitReason::Kind::unreachable) << to_string(of_link.reason);
  EXPECT_EQ(remote->wait_for_end().kind, ExitReason::Kind::failed);
  EXPECT_EQ(clerk->send(Count{}).error(), SendError::unreachable);
  EXPECT_EQ(remote->lookup<Desk>("clerk").error(), path_ + ": the link has ended");

  next.wire().say('n');
  ASSERT_EQ(next.wire().hear(), 'r');
  const auto old = *clerk;
  remote = system->connect(path_, {.name = "near"});
  ASSERT_TRUE(remote) << remote.error();
  clerk = remote->lookup<Desk>("clerk");
  ASSERT_TRUE(clerk) << clerk.error();
  EXPECT_EQ(ask(*clerk, HowMany{}, 10s).value_or(Number{9}).number, 0u);
  EXPECT_EQ(ask(old, HowMany{}, 10s).error(), AskError::unreachable);
  next.wire().say('q');
  EXPECT_EQ(next.wait(), 0);
  expect_balance(*system);
  EXPECT_EQ(of_system.times + of_actor.times + of_link.times, 3);
}

TEST_P(TwoSystems, one_that_connected_and_is_killed_is_unreachable_and_its_name_is_free_again) {
  const auto joiner = [options = SystemOptions{.schedulers = GetParam().there}, path = path_](Wire& wire) {
    if (wire.hear() != 'g') return;
    auto system = System::create(options);
    ASSERT_TRUE(system) << system.error();
    const auto clerk = system->spawn<Clerk>();
    ASSERT_TRUE(system->publish("clerk", clerk));
    const auto remote = system->connect(path, {.name = "far"});
    ASSERT_TRUE(remote) << remote.error();
    wire.say('r');
    static_cast<void>(wire.hear());
    expect_balance(*system);
  };
  std::optional<FarProcess> far(std::in_place, joiner);
  FarProcess next(joiner);
  Told of_system, of_actor, of_link;
  auto system = System::create(listening(GetParam().here));
  ASSERT_TRUE(system) << system.error();
  far->wire().say('g');
  ASSERT_EQ(far->wire().hear(), 'r');
  auto remote = system->wait_for_system("far");
  ASSERT_TRUE(remote) << remote.error();
  auto clerk = remote->lookup<Desk>("clerk");
  ASSERT_TRUE(clerk) << clerk.error();
  ASSERT_TRUE(ask(system->spawn<Watcher>(*remote, of_system), HowMany{}, 10s));
  ASSERT_TRUE(ask(system->spawn<Watcher>(*clerk, of_actor), HowMany{}, 10s));
  ASSERT_TRUE(ask(system->spawn<Linked>(*clerk, of_link), HowMany{}, 10s));
  std::thread waits([&] { EXPECT_EQ(ask(*clerk, Never{}, 1h).error(), AskError::unreachable); });
  far.reset();  // SIGKILL
  waits.join();
  ASSERT_TRUE(until([&] { return of_system.times == 1 && of_actor.times == 1 && of_link.times == 1; }));
  EXPECT_EQ(of_system.reason.kind, ExitReason::Kind::failed) << to_string(of_system.reason);
  EXPECT_EQ(of_actor.reason.kind, ExitReason::Kind::unreachable) << to_string(of_actor.reason);
  EXPECT_EQ(of_link.reason.kind, ExitReason::Kind::unreachable) << to_string(of_link.reason);
  EXPECT_EQ(clerk->send(Count{}).error(), SendError::unreachable);
  // Each of its schedulers was a link, and the last of them has ended when the name is free.
  static_cast<void>(account_of(*system, *remote));
  next.wire().say('g');
  ASSERT_EQ(next.wire().hear(), 'r');
  remote = system->wait_for_system("far");
  ASSERT_TRUE(remote) << remote.error();
  clerk = remote->lookup<Desk>("clerk");
  ASSERT_TRUE(clerk) << clerk.error();
  EXPECT_EQ(ask(*clerk, HowMany{}, 10s).value_or(Number{9}).number, 0u);
  next.wire().say('q');
  EXPECT_EQ(next.wait(), 0);
  expect_balance(*system);
}

TEST_P(TwoSystems, mail_that_one_who_is_killed_has_not_read_is_accounted_for) {
  constexpr std::uint64_t unread = 500;
  FarProcess host(far_host());
  const std::string path_of_host = path_;
  path_ += ".near";
  FarProcess joins([path = path_, schedulers = GetParam().there](Wire& wire) {
    EXPECT_EQ(wire.hear(), 'g');
    auto system = System::create({.schedulers = schedulers});
    ASSERT_TRUE(system) << system.error();
    ASSERT_TRUE(system->publish("clerk", system->spawn<Clerk>()));
    ASSERT_TRUE(system->connect(path, {.name = "joiner"}));
    wire.say('r');
    static_cast<void>(wire.hear());
  });
  ASSERT_EQ(host.wire().hear(), 'r');
  auto system = System::create(listening(GetParam().here));
  ASSERT_TRUE(system) << system.error();
  joins.wire().say('g');
  ASSERT_EQ(joins.wire().hear(), 'r');
  for (FarProcess* const far : {&host, &joins}) {
    const auto remote =
        far == &host ? system->connect(path_of_host, {.name = "near"}) : system->wait_for_system("joiner");
    ASSERT_TRUE(remote) << remote.error();
    const auto clerk = remote->lookup<Desk>("clerk");
    ASSERT_TRUE(clerk) << clerk.error();
    ASSERT_TRUE(clerk->send(Count{0}));
    ASSERT_TRUE(ask(*clerk, HowMany{}, 10s));
    far->freeze();
    for (std::uint64_t i = 1; i <= unread; ++i) ASSERT_TRUE(clerk->send(Count{i}));
    far->kill();
    const auto account = account_of(*system, *remote);
    EXPECT_EQ(account.published, unread + 2);
    // What it had answered may count as well: it was frozen before it stored its cursor, or after.
    EXPECT_GE(account.unfinished, unread);
    EXPECT_LE(account.unfinished, unread + 2);
    EXPECT_EQ(account.fault, "");
    EXPECT_EQ(clerk->send(Count{}).error(), SendError::unreachable);
  }
  expect_balance(*system);
}

TEST_P(TwoSystems, more_than_the_rings_hold_goes_both_ways_at_once_in_order) {
  constexpr std::uint64_t messages = 20'000;
  FarProcess far(far_host());
  ASSERT_EQ(far.wire().hear(), 'r');
  auto system = near_system();
  ASSERT_TRUE(system) << system.error();
  const auto remote = system->connect(path_, {.name = "near", .mail_bytes = 4096});
  ASSERT_TRUE(remote) << remote.error();
  const auto clerk = remote->lookup<Desk>("clerk");
  ASSERT_TRUE(clerk) << clerk.error();
  const auto own = system->spawn<Clerk>();
  AskFor wish{.number = messages};
  put(wish.whom, *remote->share(own));
  const auto flood = system->spawn([whom = *clerk](const HowMany&) {
    for (std::uint64_t i = 0; i < messages; ++i) {
      if (!whom.send(Count{i})) return Number{};
    }
    return ask(whom, HowMany{}, 20s).value_or(Number{});
  });
  std::thread there([&] { EXPECT_EQ(ask(*clerk, wish, 40s).value_or(Number{}).number, messages); });
  EXPECT_EQ(ask(flood, HowMany{}, 40s).value_or(Number{}).number, messages);
  there.join();
  EXPECT_EQ(ask(own, HowMany{}, 10s).value_or(Number{}).number, messages);
  far.wire().say('q');
  EXPECT_EQ(far.wait(), 0);
  const auto account = account_of(*system, *remote);
  EXPECT_EQ(account.unfinished, 0u);
  EXPECT_GE(account.received, messages);
  EXPECT_EQ(account.fault, "");
  expect_balance(*system);
}

// Without its ring each answer would be found at the end of a bounded sleep of 250 ms, or of 1 ms where no bell wakes.
TEST_P(TwoSystems, each_wakes_the_other_from_its_sleep) {
  constexpr int asks = 40;
  FarProcess far(far_host());
  ASSERT_EQ(far.wire().hear(), 'r');
  auto system = near_system();
  ASSERT_TRUE(system) << system.error();
  const auto remote = system->connect(path_, {.name = "near"});
  ASSERT_TRUE(remote) << remote.error();
  const auto clerk = remote->lookup<Desk>("clerk");
  ASSERT_TRUE(clerk) << clerk.error();
  const auto before = system->counters().sleeps;
  std::chrono::nanoseconds waited{0};
  for (int i = 0; i < asks; ++i) {
    std::this_thread::sleep_for(3ms);  // both fall asleep
    const auto start = std::chrono::steady_clock::now();
    ASSERT_TRUE(ask(*clerk, HowMany{}, 10s));
    waited += std::chrono::steady_clock::now() - start;
  }
  EXPECT_LT(waited, asks * 250ms / 2);
  EXPECT_GE(system->counters().sleeps - before, static_cast<std::uint64_t>(asks));
  far.wire().say('q');
  EXPECT_EQ(far.wait(), 0);
  expect_balance(*system);
}

TEST_P(TwoSystems, either_side_ends_the_link_and_both_go_on) {
  FarProcess far(far_host());
  ASSERT_EQ(far.wire().hear(), 'r');
  auto system = near_system();
  ASSERT_TRUE(system) << system.error();
  for (int round = 0; round < 5; ++round) {
    const std::string name = "near " + std::to_string(round);  // an old one may be taken a moment longer
    const auto remote = system->connect(path_, {.name = name});
    ASSERT_TRUE(remote) << remote.error();
    const auto clerk = remote->lookup<Desk>("clerk");
    ASSERT_TRUE(clerk) << clerk.error();
    EXPECT_EQ(ask(*clerk, HowMany{}, 10s).value_or(Number{9}).number, 0u);
    remote->disconnect();
    EXPECT_EQ(to_string(remote->wait_for_end()), "ended normally");
  }
  far.wire().say('q');
  EXPECT_EQ(far.wait(), 0);
  expect_balance(*system);
}

INSTANTIATE_TEST_SUITE_P(Schedulers,
                         TwoSystems,
                         testing::Values(Schedulers{1, 1}, Schedulers{2, 1}, Schedulers{2, 3}),
                         [](const auto& test) {
                           return std::to_string(test.param.here) + "_and_" + std::to_string(test.param.there);
                         });

class ConnectErrors : public TwoSystems {
 protected:
  std::string error_of(System& system, const std::string& path, const ConnectOptions& options = {.name = "near"}) {
    const auto remote = system.connect(path, options);
    return remote ? "" : remote.error();
  }
};

TEST_P(ConnectErrors, name_the_cause_in_one_line) {
  FarProcess far(far_host());
  FarProcess mute([this](Wire& wire) {
    auto system = System::create({.schedulers = 1, .listen = path_ + ".mute"});
    wire.say('r');
    static_cast<void>(wire.hear());
  });
  ASSERT_EQ(far.wire().hear(), 'r');
  ASSERT_EQ(mute.wire().hear(), 'r');
  auto system = near_system();
  auto other = near_system();
  ASSERT_TRUE(system && other);
  const std::string prefix = "cannot connect to a system: ";
  EXPECT_EQ(error_of(*system, folder_ + "/none"), prefix + folder_ + "/none: No such file or directory");
  std::ofstream(folder_ + "/file") << "text";
  EXPECT_EQ(error_of(*system, folder_ + "/file"), prefix + folder_ + "/file is not a socket");
  EXPECT_EQ(error_of(*system, std::string(200, 'x')), prefix + std::string(200, 'x') + ": No such file or directory");
  EXPECT_EQ(error_of(*system, path_ + ".mute"),
            prefix + path_ +
                ".mute: the host refused: not allowed: this system lets no other in "
                "(SystemOptions::accept_systems)");
  EXPECT_EQ(error_of(*system, path_, {.name = "near", .mail_bytes = 5000}),
            prefix + path_ +
                ": the host refused: impossible ring size: peer 'near/0': mail_bytes cannot be 5000: a ring is "
                "a power of two from 4096 to 1073741824 bytes");
  EXPECT_EQ(
      error_of(*system, path_, {.name = "a\nb"}),
      prefix + path_ + ": the options make no hello: hello: name is empty, not UTF-8, or holds a control character");
  const auto first = system->connect(path_, {.name = "near"});
  ASSERT_TRUE(first) << first.error();
  EXPECT_EQ(error_of(*other, path_),
            prefix + path_ + ": the host refused: busy: a system is connected as 'near' already");
  EXPECT_EQ(System::create({.accept_systems = true}).error(), "accept_systems needs a path to listen at");
  mute.wire().say('q');
  far.wire().say('q');
  EXPECT_EQ(far.wait(), 0);
  // A socket that a dead host has left.
  const std::string stale = folder_ + "/stale";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  stale.copy(address.sun_path, sizeof address.sun_path - 1);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(socket);
  EXPECT_EQ(error_of(*system, stale), prefix + stale + ": Connection refused");
  system->shutdown();
  EXPECT_EQ(error_of(*system, path_), prefix + "this one has ended");
}

TEST_P(ConnectErrors, another_user_is_kept_out) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
  constexpr uid_t nobody = 65534;
  FarProcess far(far_host());
  FarProcess stranger([this](Wire& wire) {
    EXPECT_EQ(wire.hear(), 'g');
    ASSERT_EQ(setuid(nobody), 0);
    auto system = near_system();
    ASSERT_TRUE(system) << system.error();
    EXPECT_EQ(error_of(*system, path_), "cannot connect to a system: " + path_ + ": Permission denied");
  });
  // Root may enter any directory, and does not share memory with others all the same.
  const std::string theirs = folder_ + "/theirs";
  ASSERT_EQ(::mkdir(theirs.c_str(), 0700), 0);
  ASSERT_EQ(::chown(theirs.c_str(), nobody, nobody), 0);
  ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
  FarProcess other([path = theirs + "/socket"](Wire& wire) {
    ASSERT_EQ(setuid(nobody), 0);
    auto system = System::create({.schedulers = 1, .listen = path, .accept_systems = true});
    ASSERT_TRUE(system) << system.error();
    wire.say('r');
    static_cast<void>(wire.hear());
  });
  ASSERT_EQ(far.wire().hear(), 'r');
  ASSERT_EQ(other.wire().hear(), 'r');
  stranger.wire().say('g');
  EXPECT_EQ(stranger.wait(), 0);
  auto system = near_system();
  ASSERT_TRUE(system) << system.error();
  EXPECT_EQ(error_of(*system, theirs + "/socket"),
            "cannot connect to a system: " + theirs + "/socket: another user listens there");
  other.wire().say('q');
  EXPECT_EQ(other.wait(), 0);
  far.wire().say('q');
  EXPECT_EQ(far.wait(), 0);
}

INSTANTIATE_TEST_SUITE_P(Schedulers,
                         ConnectErrors,
                         testing::Values(Schedulers{1, 1}, Schedulers{2, 2}),
                         [](const auto& test) { return std::to_string(test.param.here); });

}  // namespace
}  // namespace ringmail::test

#include "ringmail/actors/mailbox.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <unordered_set>

#include "system_test.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using transport::test::until;

struct Huge {
  static constexpr std::uint32_t ringmail_type = 0x7004;
  static constexpr std::string_view ringmail_name = "test.Huge";
  char bytes[140'000];
};

class MailboxTest : public SystemTest {};

INSTANTIATE_TEST_SUITE_P(Schedulers, MailboxTest, testing::Values(1, 3), testing::PrintToStringParamName());

TEST_P(MailboxTest, nobodys_mailbox_reaches_nobody_and_destroys_what_it_is_given) {
  struct Taker : Actor {
    void on(const Token&) {}
  };
  const Mailbox<Taker> nobodys;
  EXPECT_FALSE(nobodys);
  EXPECT_EQ(nobodys.send(Token(1)).error(), SendError::unreachable);
  EXPECT_EQ(ask(nobodys, Token(1), 1s).error(), AskError::unreachable);
  nobodys.stop();
}

TEST_P(MailboxTest, messages_that_no_frame_holds_arrive_whole_and_aligned) {
  using Large = std::array<std::uint64_t, 5'000>;
  struct alignas(256) Strict {
    std::uint64_t value;
  };
  auto actor = system().spawn(
      [](const Large& large) {
        Large reversed;
        std::reverse_copy(large.begin(), large.end(), reversed.begin());
        return reversed;
      },
      [](const Strict& strict) {
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&strict) % alignof(Strict), 0u);
        return Strict{strict.value + 1};
      });
  auto asker = system().spawn([actor](const Tick&) {
    Large large;
    std::iota(large.begin(), large.end(), 0);
    const auto reversed = ask(actor, large, 20s);
    if (!reversed || (*reversed)[0] != 4'999 || (*reversed)[4'999] != 0) return false;
    const auto strict = ask(actor, Strict{41}, 20s);
    return strict && strict->value == 42;
  });
  EXPECT_TRUE(ask(asker, Tick{}, 20s).value_or(false));
  // Nobody takes them.
  actor.stop();
  EXPECT_TRUE(actor.send(Large{}));
}

TEST_P(MailboxTest, messages_without_fields_arrive) {
  static std::atomic<int> alive;
  alive = 0;
  struct Counted {
    Counted() { ++alive; }
    Counted(const Counted&) { ++alive; }
    Counted(Counted&&) noexcept { ++alive; }
    ~Counted() { --alive; }
  };
  struct alignas(32) Wide {};
  auto actor = system().spawn([](const Reset&) { return 1; }, [](const Counted&) { return Counted(); },
                              [](const Wide&) { return Wide(); });
  auto asker = system().spawn([actor](const Tick&) {
    int good = 0;
    for (int i = 0; i < 1000; ++i) {
      good += ask(actor, Reset{}, 20s).value_or(0);
      good += ask(actor, Counted{}, 20s) ? 1 : 0;
      good += ask(actor, Wide{}, 20s) ? 1 : 0;
    }
    return good;
  });
  EXPECT_EQ(ask(asker, Tick{}, 20s), 3000);
  EXPECT_EQ(alive, 0);
}

TEST_P(MailboxTest, messages_that_can_only_be_moved_travel) {
  auto actor = system().spawn([](const std::unique_ptr<int>& number) { return std::make_unique<int>(*number + 1); });
  auto asker = system().spawn([actor](const Tick&) { return **ask(actor, std::make_unique<int>(41), 20s); });
  EXPECT_EQ(ask(asker, Tick{}, 20s), 42);
}

TEST_P(MailboxTest, mailboxes_travel_compare_and_hash) {
  auto pricer = system().spawn<LocalPricer>();
  auto other = system().spawn<LocalPricer>();
  struct Subscribe {
    Mailbox<Pricer> to;
  };
  auto registry =
      system().spawn([](const Subscribe& subscribe) { return ask(subscribe.to, Tick{84}, 20s)->bid == 42.0; });
  EXPECT_TRUE(ask(registry, Subscribe{pricer}, 20s).value_or(false));
  EXPECT_EQ(Mailbox<Pricer>(pricer), Mailbox<Pricer>(pricer));
  EXPECT_NE(pricer, other);
  const std::unordered_set<Mailbox<LocalPricer>> all{pricer, other, pricer};
  EXPECT_EQ(all.size(), 2u);
}

TEST_P(MailboxTest, a_known_actor_is_reached_by_its_protocol) {
  auto pricer = system().spawn<LocalPricer>();
  const Mailbox<Pricer> by_protocol = pricer;
  EXPECT_TRUE(by_protocol.send(Reset{}));
  EXPECT_TRUE(ask(by_protocol, Reset{}, 20s));
  EXPECT_EQ(ask(by_protocol, Tick{80}, 20s)->bid, 42.0);

  EXPECT_TRUE(system().publish("pricer", pricer));
  EXPECT_FALSE(system().publish("pricer", pricer)) << "taken";
  EXPECT_EQ(system().find<Pricer>("pricer"), by_protocol);
  EXPECT_FALSE(system().find<Pricer>("other"));
  pricer.stop();
  EXPECT_TRUE(until([&] { return !system().find<Pricer>("pricer"); }));
  EXPECT_FALSE(system().publish("pricer", pricer)) << "it has ended: the name would never be free again";
}

TEST_P(MailboxTest, a_message_longer_than_half_the_ring_is_refused_between_schedulers) {
  struct Taker : Actor {
    void on(const Huge&) {}
  };
  if (GetParam() == 1) GTEST_SKIP() << "there is no ring";
  auto taker = system().spawn_on<Taker>(0);
  struct Sender : Actor {
    explicit Sender(Mailbox<Taker> to) : to_(to) {}
    bool on(const Tick&) {
      static Huge huge;
      const auto sent = detail::send(*to_.system(), to_.address(), detail::binding_of<Taker, Huge>, &huge, 1s);
      return !sent && sent.error() == SendError::too_long;
    }
    Mailbox<Taker> to_;
  };
  auto sender = system().spawn_on<Sender>(1, taker);
  EXPECT_TRUE(ask(sender, Tick{}, 20s).value_or(false));
}

TEST_P(MailboxTest, a_handler_that_sends_on_and_on_is_not_let_far_ahead_of_who_handles) {
  constexpr int messages = 100'000;
  struct Taker : Actor {
    void on(const Token&) { ++taken; }
    int on(const Reset&) const { return taken; }
    int taken = 0;
  };
  const auto taker = system().spawn_on<Taker>(0);
  struct Sender : Actor {
    explicit Sender(Mailbox<Taker> to) : to_(to) {}
    std::int64_t on(const Tick&) {
      std::int64_t most = 0;
      for (int i = 0; i < messages; ++i) {
        static_cast<void>(to_.send(Token()));
        most = std::max(most, Token::alive.load());
      }
      return most;
    }
    Mailbox<Taker> to_;
  };
  const std::int64_t before = Token::alive;
  const auto most = ask(system().spawn_on<Sender>(0, taker), Tick{}, 60s);
  ASSERT_TRUE(most);
  // A thousand may wait; then it looks every 64, and as many are handled each time.
  EXPECT_LT(*most - before, 1200);
  EXPECT_EQ(ask(taker, Reset{}, 60s), messages);
}

TEST_P(MailboxTest, nor_far_ahead_of_one_that_is_slow) {
  // Of the messages that wait it handles few before its turn is over.
  struct Taker : Actor {
    void on(const Token&) {
      const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(20);
      while (std::chrono::steady_clock::now() < until) continue;
    }
    bool on(const Reset&) const { return true; }
  };
  const auto taker = system().spawn_on<Taker>(0);
  const auto sender = system().spawn_on(0, [taker](const Tick&) {
    std::int64_t most = 0;
    for (int i = 0; i < 5000; ++i) {
      static_cast<void>(taker.send(Token()));
      most = std::max(most, Token::alive.load());
    }
    return most;
  });
  EXPECT_LT(ask(sender, Tick{}, 60s).value_or(5000), 1200);
  EXPECT_TRUE(ask(taker, Reset{}, 60s).value_or(false));
}

TEST_P(MailboxTest, a_handler_steps_aside_for_nobody_who_cannot_take_what_it_sends) {
  // Suspended until the last message is there: to wait for it to catch up would be to wait for ever.
  struct Taker : Actor {
    int on(const Tick&) { return this_actor::receive<Reset>(60s) ? 1 : 0; }
    void on(const Token&) {}
    void on(const Reset&) {}
  };
  const auto taker = system().spawn_on<Taker>(0);
  struct Sender : Actor {
    explicit Sender(Mailbox<Taker> to) : to_(to) {}
    bool on(const Tick&) {
      for (int i = 0; i < 5000; ++i) static_cast<void>(to_.send(Token()));
      return to_.send(Reset{}).has_value();
    }
    Mailbox<Taker> to_;
  };
  static_cast<void>(taker.send(Tick{}));
  EXPECT_TRUE(ask(system().spawn_on<Sender>(0, taker), Tick{}, 60s).value_or(false));
}

TEST_P(MailboxTest, a_handler_that_was_told_to_stop_and_yields_lets_others_run) {
  std::atomic<bool> begun = false;
  std::atomic<bool> go_on = true;
  const auto dogged = system().spawn_on(0, [&](const Tick&) {
    begun = true;
    while (go_on) this_actor::yield();
  });
  ASSERT_TRUE(dogged.send(Tick{}));
  EXPECT_TRUE(until([&] { return begun.load(); }));
  dogged.stop();
  const auto other = system().spawn_on(0, [&](const Tick&) { go_on = false; });
  EXPECT_TRUE(ask(other, Tick{}, 20s));
  go_on = false;
  system().shutdown();
}

TEST_P(MailboxTest, a_sender_is_known_to_the_handler_and_a_plain_thread_is_one_for_a_moment) {
  auto replier = system().spawn([](const Reset&) {
    const auto sender = this_actor::sender<Pricer>();
    return sender && sender.send(Reset{});
  });
  class Sender : public LocalPricer {
   public:
    explicit Sender(decltype(replier) to) : to_(to) {}
    using LocalPricer::on;
    int on(const Token&) {
      static_cast<void>(ask(to_, Reset{}, 20s));
      return this_actor::receive<Reset>(20s) ? 1 : 0;
    }

   private:
    decltype(replier) to_;
  };
  auto sender = system().spawn<Sender>(replier);
  EXPECT_EQ(ask(sender, Token(), 20s), 1);
}

}  // namespace
}  // namespace ringmail::test

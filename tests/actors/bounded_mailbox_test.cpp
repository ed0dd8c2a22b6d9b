#include <gtest/gtest.h>

#include <latch>
#include <thread>

#include "system_test.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using transport::test::until;

/// Answers once it is open.
struct Gate : Actor {
  Later<int> on(const Tick&) {
    waiting_.push_back(this_actor::promise<int>());
    if (open_) on(Reset{});
    return {};
  }
  void on(const Reset&) {
    open_ = true;
    for (Promise<int>& promise : waiting_) promise.fulfil(1);
    waiting_.clear();
  }
  bool on(const Quote&) const { return !waiting_.empty(); }

  bool open_ = false;
  std::vector<Promise<int>> waiting_;
};

/// Waits for the gate in its first message, and then counts.
struct Slow : Actor {
  explicit Slow(Mailbox<Gate> gate = {}) : gate_(gate) {}
  void on(const Token&) {
    if (taken_ == 0 && gate_) static_cast<void>(ask(gate_, Tick{}, 60s));
    ++taken_;
  }
  std::uint64_t on(const Tick&) const { return taken_; }

  Mailbox<Gate> gate_;
  std::uint64_t taken_ = 0;
};

/// Sends so many to it, and says how many it could send.
struct Sender : Actor {
  Sender(Mailbox<Slow> to, std::chrono::nanoseconds timeout, std::atomic<int>* sent = nullptr)
      : to_(to), timeout_(timeout), sent_(sent) {}
  std::uint64_t on(const Tick& tick) {
    std::uint64_t sent = 0;
    for (std::uint64_t i = 0; i < tick.time; ++i) {
      if (!to_.send(Token(i), timeout_)) break;
      ++sent;
      if (sent_ != nullptr) ++*sent_;
    }
    return sent;
  }
  Mailbox<Slow> to_;
  std::chrono::nanoseconds timeout_;
  std::atomic<int>* sent_;
};

class BoundedMailboxTest : public SystemTest {
 protected:
  Mailbox<Slow> spawn_slow(std::uint32_t capacity, Overflow overflow) {
    gate_ = system().spawn<Gate>();
    return system().spawn_with<Slow>({.scheduler = 0, .mailbox = {.capacity = capacity, .overflow = overflow}}, gate_);
  }
  void open() { EXPECT_TRUE(gate_.send(Reset{})); }
  /// Its first message, which it is at until the gate is open.
  void occupy(const Mailbox<Slow>& slow) {
    EXPECT_TRUE(slow.send(Token()));
    wait_until_occupied();
  }
  void wait_until_occupied() {
    EXPECT_TRUE(until([&] { return ask(gate_, Quote{}, 20s).value_or(false); }));
  }

  Mailbox<Gate> gate_;
};

INSTANTIATE_TEST_SUITE_P(Schedulers, BoundedMailboxTest, testing::Values(1, 3), testing::PrintToStringParamName());

TEST_P(BoundedMailboxTest, who_sends_more_than_there_is_room_for_waits_and_nothing_is_lost) {
  for (const std::uint32_t capacity : {1u, 3u, 100u}) {
    const auto slow = spawn_slow(capacity, Overflow::block);
    occupy(slow);
    std::atomic<int> sent = 0;
    const auto sender = system().spawn_on<Sender>(1, slow, 60s, &sent);
    ASSERT_TRUE(sender.send(Tick{1000}));
    EXPECT_TRUE(until([&] { return sent == static_cast<int>(capacity); }));
    // However often it is looked at, there is no room for more.
    for (int i = 0; i < 100; ++i) static_cast<void>(system().explain_shutdown());
    EXPECT_EQ(sent, static_cast<int>(capacity));
    open();
    EXPECT_EQ(ask(sender, Tick{}, 20s), 0u);
    EXPECT_TRUE(until([&] { return ask(slow, Tick{}, 20s) == 1001u; }));
    sender.stop();
    slow.stop();
  }
  system().shutdown();
}

TEST_P(BoundedMailboxTest, who_finds_no_room_until_his_deadline_is_told_so_and_has_sent_nothing) {
  const auto slow = spawn_slow(2, Overflow::block);
  occupy(slow);
  const auto sender = system().spawn_on<Sender>(1, slow, 20ms);
  EXPECT_EQ(ask(sender, Tick{5}, 20s), 2u);
  // A plain thread waits likewise, and who asks.
  EXPECT_EQ(slow.send(Token(), 20ms).error(), SendError::full);
  EXPECT_EQ(ask(slow, Tick{}, 20ms).error(), AskError::full);
  open();
  EXPECT_EQ(ask(sender, Tick{5}, 20s), 5u);
}

TEST_P(BoundedMailboxTest, it_may_be_that_the_sender_is_told_at_once) {
  const auto slow = spawn_slow(2, Overflow::fail);
  occupy(slow);
  const auto sender = system().spawn_on<Sender>(1, slow, std::chrono::hours(1));
  EXPECT_EQ(ask(sender, Tick{5}, 20s), 2u);
  EXPECT_EQ(ask(sender, Tick{5}, 20s), 0u);
  EXPECT_EQ(slow.send(Token(), std::chrono::hours(1)).error(), SendError::full);
}

TEST_P(BoundedMailboxTest, who_was_told_that_it_is_full_can_send_again_once_there_is_room) {
  const auto slow = spawn_slow(2, Overflow::fail);
  occupy(slow);
  const auto sender = system().spawn_on<Sender>(1, slow, 20s);
  EXPECT_EQ(ask(sender, Tick{5}, 20s), 2u);
  open();
  EXPECT_TRUE(until([&] { return ask(sender, Tick{1}, 20s) == 1u; }));
}

TEST_P(BoundedMailboxTest, the_newest_may_be_forgotten) {
  const auto slow = spawn_slow(2, Overflow::drop_newest);
  occupy(slow);
  const auto sender = system().spawn_on<Sender>(1, slow, 20s);
  EXPECT_EQ(ask(sender, Tick{10}, 20s), 10u);
  EXPECT_EQ(ask(slow, Tick{}, 20s).error(), AskError::full);
  EXPECT_TRUE(until([&] { return system().counters().dropped == 9u; }));
  // One is being handled.
  EXPECT_EQ(Token::alive.load(), 3);
}

TEST_P(BoundedMailboxTest, the_latest_may_be_kept) {
  struct Latest : Actor {
    explicit Latest(Mailbox<Gate> gate) : gate_(gate) {}
    void on(const Tick&) { static_cast<void>(ask(gate_, Tick{}, 60s)); }
    void on(const Token& token) { seen_.push_back(token.number()); }
    std::vector<std::uint64_t> on(const Quote&) { return seen_; }
    Mailbox<Gate> gate_;
    std::vector<std::uint64_t> seen_;
  };
  gate_ = system().spawn<Gate>();
  const auto latest = system().spawn_with<Latest>(
      {.scheduler = 0, .mailbox = {.capacity = 1, .overflow = Overflow::keep_latest}}, gate_);
  ASSERT_TRUE(latest.send(Tick{}));
  wait_until_occupied();
  // From one scheduler, so that the first comes first.
  const auto sender = system().spawn_on(1, [latest](const Tick&) {
    for (std::uint64_t i = 0; i < 10; ++i) static_cast<void>(latest.send(Token(i)));
  });
  EXPECT_TRUE(ask(sender, Tick{}, 20s));
  EXPECT_TRUE(until([&] { return system().counters().dropped == 9u; }));
  open();
  // Before, the question would take its place.
  EXPECT_TRUE(until([] { return Token::alive == 0; }));
  EXPECT_EQ(ask(latest, Quote{}, 20s), (std::vector<std::uint64_t>{9}));
}

TEST_P(BoundedMailboxTest, what_finds_no_room_may_become_a_dead_letter) {
  struct Undertaker : Actor {
    void on(const DeadLetter& letter) {
      if (std::string_view(letter.why).find("full") != std::string_view::npos) ++full;
    }
    int on(const Tick&) const { return full; }
    int full = 0;
  };
  const auto undertaker = system().spawn<Undertaker>();
  system().dead_letters().subscribe(undertaker);
  const auto slow = spawn_slow(2, Overflow::dead_letters);
  occupy(slow);
  const auto sender = system().spawn_on<Sender>(1, slow, 20s);
  EXPECT_EQ(ask(sender, Tick{10}, 20s), 10u);
  EXPECT_TRUE(until([&] { return ask(undertaker, Tick{}, 20s) == 8; }));
}

TEST_P(BoundedMailboxTest, credits_that_somebody_has_and_does_not_use_keep_nobody_waiting) {
  for (const std::uint32_t capacity : {1u, 4u, 64u}) {
    const auto slow = system().spawn_with<Slow>({.scheduler = 0, .mailbox = {.capacity = capacity}});
    // Each gets credits, uses few, and has nothing more to say. Its scheduler stays busy.
    std::vector<Mailbox<Sender>> senders;
    for (std::uint32_t i = 0; i < GetParam(); ++i) senders.push_back(system().spawn_on<Sender>(i, slow, 20s));
    for (int round = 0; round < 50; ++round) {
      for (const auto& sender : senders) EXPECT_EQ(ask(sender, Tick{1}, 20s), 1u);
    }
    EXPECT_EQ(ask(senders.back(), Tick{5000}, 60s), 5000u);
    EXPECT_EQ(ask(senders.front(), Tick{5000}, 60s), 5000u);
  }
}

TEST_P(BoundedMailboxTest, many_senders_all_get_through) {
  constexpr std::uint64_t each = 2000;
  const auto slow = system().spawn_with<Slow>({.scheduler = 0, .mailbox = {.capacity = 7}});
  std::vector<Mailbox<Sender>> senders;
  for (std::uint32_t i = 0; i < 6; ++i) senders.push_back(system().spawn_on<Sender>(i, slow, 60s));
  for (const auto& sender : senders) ASSERT_TRUE(sender.send(Tick{each}));
  std::thread plain([&] {
    for (std::uint64_t i = 0; i < each / 10; ++i) EXPECT_TRUE(slow.send(Token(i)));
  });
  plain.join();
  EXPECT_TRUE(until([&] { return ask(slow, Tick{}, 20s) == 6 * each + each / 10; }));
}

TEST_P(BoundedMailboxTest, a_handler_that_waits_for_a_message_offers_what_room_there_is) {
  // Less than a quarter of the capacity is free when it suspends, and in it must go what it waits for.
  struct Waiting : Actor {
    bool on(const Tick&) { return this_actor::receive<Reset>(60s).has_value(); }
    void on(const Token&) {}
    void on(const Reset&) {}
  };
  const auto waiting = system().spawn_with<Waiting>({.scheduler = 0, .mailbox = {.capacity = 100}});
  const auto filler = system().spawn_on(1, [waiting](const Reset&) {
    static_cast<void>(waiting.send(Tick{}));
    int sent = 0;
    while (waiting.send(Token(), 10ms)) ++sent;
    return sent;
  });
  // It has taken the first message, so that there is room for as many more.
  EXPECT_EQ(ask(filler, Reset{}, 20s), 100);
  const auto opener = system().spawn_on(2, [waiting](const Tick&) { return waiting.send(Reset{}, 20ms).error(); });
  EXPECT_EQ(ask(opener, Tick{}, 20s), SendError::full);
  waiting.stop();
}

TEST_P(BoundedMailboxTest, the_end_of_the_actor_ends_the_wait_and_what_is_sent_becomes_a_dead_letter) {
  const auto slow = spawn_slow(2, Overflow::block);
  occupy(slow);
  std::atomic<int> sent = 0;
  const auto sender = system().spawn_on<Sender>(1, slow, 60s, &sent);
  ASSERT_TRUE(sender.send(Tick{20}));
  EXPECT_TRUE(until([&] { return sent == 2; }));
  slow.stop();
  EXPECT_TRUE(until([&] { return sent == 20; }));
  system().shutdown();
}

TEST_P(BoundedMailboxTest, so_it_does_where_another_scheduler_keeps_all_the_credits) {
  if (GetParam() == 1) GTEST_SKIP() << "there is no other";
  const auto slow = spawn_slow(1, Overflow::block);
  occupy(slow);
  // It has given up when there is room, so what its scheduler gets then is used by nobody.
  const auto keeper = system().spawn_on<Sender>(1, slow, 20ms);
  ASSERT_EQ(ask(keeper, Tick{2}, 20s), 1u);
  open();
  EXPECT_TRUE(until([] { return Token::alive == 0; }));
  // From one scheduler to another what was sent before is there before.
  const auto ask_from = [&](std::uint32_t scheduler, const Mailbox<Sender>& whom) {
    return ask(system().spawn_on(scheduler, [whom](const Tick&) { return ask(whom, Tick{0}, 20s).has_value(); }),
               Tick{}, 20s)
        .value_or(false);
  };
  EXPECT_TRUE(ask_from(0, keeper));
  std::atomic<bool> begun = false;
  std::atomic<bool> hold = true;
  const auto blocker = system().spawn_on(1, [&](const Reset&) {
    begun = true;
    while (hold) std::this_thread::yield();
  });
  ASSERT_TRUE(blocker.send(Reset{}));
  EXPECT_TRUE(until([&] { return begun.load(); }));
  std::atomic<int> sent = 0;
  const auto sender = system().spawn_on<Sender>(2, slow, 60s, &sent);
  const auto neighbour = system().spawn_on<Sender>(0, slow, 20ms);
  ASSERT_TRUE(sender.send(Tick{1}));
  EXPECT_TRUE(
      until([&] { return system().explain_shutdown().to_string().find("room in the mailbox") != std::string::npos; }));
  EXPECT_TRUE(ask_from(2, neighbour));
  EXPECT_EQ(sent, 0);
  slow.stop();
  EXPECT_TRUE(until([&] { return sent == 1; }));
  hold = false;
  system().shutdown();
}

TEST_P(BoundedMailboxTest, who_waits_for_room_can_be_stopped) {
  const auto slow = spawn_slow(1, Overflow::block);
  occupy(slow);
  std::atomic<int> sent = 0;
  const auto sender = system().spawn_on<Sender>(1, slow, 60s, &sent);
  ASSERT_TRUE(sender.send(Tick{20}));
  EXPECT_TRUE(until([&] { return sent == 1; }));
  sender.stop();
  const auto second = system().spawn_on<Sender>(1, slow, 60s);
  ASSERT_TRUE(second.send(Tick{3}));
  open();
  EXPECT_EQ(ask(second, Tick{3}, 20s), 3u);
  EXPECT_EQ(sent, 1);
  system().shutdown();
}

TEST_P(BoundedMailboxTest, ones_own_full_mailbox_is_no_place_to_wait_at) {
  struct Selfish : Actor {
    explicit Selfish(Mailbox<Selfish>* self) : self_(self) {}
    int on(const Tick&) {
      int sent = 0;
      while (self_->send(Token(), std::chrono::hours(1))) ++sent;
      return sent;
    }
    void on(const Token&) {}
    Mailbox<Selfish>* self_;
  };
  Mailbox<Selfish> self;
  self = system().spawn_with<Selfish>({.scheduler = 0, .mailbox = {.capacity = 5}}, &self);
  EXPECT_EQ(ask(self, Tick{}, 20s), 5);
  system().shutdown();
}

TEST_P(BoundedMailboxTest, two_that_fill_each_other_end_at_their_deadlines) {
  struct Filler : Actor {
    void on(const Mailbox<Filler>& other) { other_ = other; }
    int on(const Tick&) {
      // The other one may have given up before, and then takes all.
      int sent = 0;
      while (sent < 1000 && other_.send(Token(), 50ms)) ++sent;
      return sent;
    }
    void on(const Token&) {}
    Mailbox<Filler> other_;
  };
  const auto one = system().spawn_with<Filler>({.scheduler = 0, .mailbox = {.capacity = 3}});
  const auto other = system().spawn_with<Filler>({.scheduler = 1, .mailbox = {.capacity = 3}});
  ASSERT_TRUE(one.send(other));
  ASSERT_TRUE(other.send(one));
  const auto both = ask_all(std::array{one, other}, Tick{}, 20s);
  for (const auto& sent : both) EXPECT_GE(sent.value_or(-1), 1);
}

TEST_P(BoundedMailboxTest, a_delayed_message_that_finds_no_room_becomes_a_dead_letter) {
  const auto slow = spawn_slow(1, Overflow::block);
  occupy(slow);
  ASSERT_TRUE(slow.send(Token()));
  const auto later = system().spawn_on(1, [slow](const Tick&) { this_actor::send_after(1ms, slow, Token()); });
  const auto before = system().counters().dead_letters;
  ASSERT_TRUE(later.send(Tick{}));
  EXPECT_TRUE(until([&] { return system().counters().dead_letters == before + 1; }));
}

TEST_P(BoundedMailboxTest, news_of_an_end_needs_no_room) {
  struct Watcher : Actor {
    Watcher(Mailbox<Gate> gate, std::atomic<bool>* down) : gate_(gate), down_(down) {}
    void on(const Mailbox<Slow>& whom) { this_actor::monitor(whom); }
    void on(const Tick&) { static_cast<void>(ask(gate_, Tick{}, 60s)); }
    void on(const Token&) {}
    void on(const Down&) { *down_ = true; }
    Mailbox<Gate> gate_;
    std::atomic<bool>* down_;
  };
  for (const Overflow overflow : {Overflow::block, Overflow::fail, Overflow::drop_newest, Overflow::keep_latest}) {
    std::atomic<bool> down = false;
    gate_ = system().spawn<Gate>();
    const auto watcher =
        system().spawn_with<Watcher>({.scheduler = 0, .mailbox = {.capacity = 1, .overflow = overflow}}, gate_, &down);
    const auto watched = system().spawn_on<Slow>(1);
    ASSERT_TRUE(watcher.send(watched));
    ASSERT_TRUE(ask(watcher, Token(), 20s));  // behind it
    ASSERT_TRUE(watcher.send(Tick{}));
    wait_until_occupied();
    ASSERT_TRUE(watcher.send(Token()));
    watched.stop();
    EXPECT_FALSE(down);
    open();
    EXPECT_TRUE(until([&] { return down.load(); }));
    watcher.stop();
  }
  system().shutdown();
}

TEST_P(BoundedMailboxTest, mail_that_is_kept_for_the_next_life_counts) {
  struct Fragile : Actor {
    void on(const Tick&) { throw std::runtime_error("fails"); }
    void on(const Token&) {}
    int on(const Reset&) const { return 1; }
  };
  auto tree = supervise(system(), {.intensity = 10});
  const auto fragile = tree.child<Fragile>({.mailbox = {.capacity = 2}});
  tree.start();
  std::uint64_t taken = 0;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(fragile.send(Tick{}));
    for (int k = 0; k < 20; ++k) taken += fragile.send(Token(), 20s).has_value() ? 1 : 0;
  }
  EXPECT_EQ(taken, 60u);
  EXPECT_EQ(ask(fragile, Reset{}, 20s), 1);
}

}  // namespace
}  // namespace ringmail::test

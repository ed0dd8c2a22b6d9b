// Consumers that are killed after any instruction between taking a message and telling that it is finished, and of their sleep.
// The next one gets what is unfinished, each message whole and in order, and a producer that waits for room is woken.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <ostream>
#include <thread>

#include "deadline.hpp"
#include "kill_steps.hpp"
#include "numbered.hpp"
#include "test_ring.hpp"

namespace ringmail::transport::test {
namespace {

/// What the victim says of itself: of messages up to which number it has done something, said before and after.
struct Account {
  std::atomic<const char*> at{""};  // a literal: it lies at the same address in the tester
  std::atomic<std::uint64_t> taking{0}, taken{0};
  std::atomic<std::uint64_t> finishing{0}, finished{0};
  std::atomic<std::uint64_t> steps{0};  // of a life to its end
  std::atomic<bool> go{false};
};

struct Stage {
  SharedRing<page_bytes> ring;
  ConsumerBlock next_block;
  Account account;
};

/// The producer that stays alive: it publishes as long as there is room, and sleeps until there is.
class Survivor {
 public:
  Survivor(Stage& stage, const RingProducer& producer, std::uint64_t next)
      : stage_(stage), producer_(producer), next_(next) {}
  ~Survivor() { learn_of_death(); }

  /// Until it sleeps for want of room.
  void start() {
    thread_ = std::thread([this] { live(); });
    EXPECT_TRUE(until([this] { return id_ != 0 && is_asleep(id_); }));
  }

  /// What a pidfd leads to.
  void learn_of_death() {
    if (dead_.exchange(true, std::memory_order_seq_cst) || !thread_.joinable()) return;
    wake(stage_.ring.producer_bell);
    thread_.join();
  }

  /// Once it knows.
  RingProducer& producer() { return producer_; }
  std::uint64_t next() const { return next_; }

 private:
  void live() {
    id_ = gettid();
    Parker parker(stage_.ring.producer_bell, Ordering::asymmetric);
    Doorbell bell(stage_.ring.consumer_bell);
    bool committed = false;
    const auto try_commit = [&] { return committed = commit_number(producer_, next_); };
    const auto is_dead = [&] { return dead_.load(std::memory_order_seq_cst); };
    while (!is_dead()) {
      if (!try_commit()) {
        producer_.want_room(true);
        while (!committed && !is_dead() && !try_commit()) {
          parker.park(longest_sleep_ns, [&] { return is_dead() || try_commit(); });
        }
        producer_.want_room(false);
      }
      if (!committed) continue;
      ++next_;
      producer_.publish();
      bell.ring(producer_.cold_mark());
    }
    EXPECT_EQ(parker.lost_wakeups(), 0u);
  }

  Stage& stage_;
  RingProducer producer_;
  std::uint64_t next_;
  std::atomic<bool> dead_{false};
  std::atomic<pid_t> id_{0};
  std::thread thread_;
};

/// The next incarnation: it gets all that is unfinished, marked, and then what is new.
void take_up(Stage& stage, RingProducer& producer, std::uint64_t sent) {
  const Account& account = stage.account;
  const auto left = producer.unfinished();
  std::uint64_t next = sent - left.messages;
  EXPECT_GE(next, account.finished);
  EXPECT_LE(next, account.finishing);
  // The message at the cursor is blamed for the death if its handler had begun, and only then.
  const bool is_in_hand = producer.in_hand() == left.cursor;
  EXPECT_TRUE(is_in_hand || account.taken <= next);
  EXPECT_TRUE(!is_in_hand || account.taking > next);

  resume(stage.next_block, producer);
  RingConsumer consumer = stage.ring.consumer(stage.next_block);
  const std::uint64_t perhaps_seen = sent;
  do {
    while (const auto frame = consumer.peek()) {
      EXPECT_TRUE(is_intact(*frame, next)) << next;
      EXPECT_EQ(consumer.redelivers(), next < perhaps_seen);
      consumer.advance();
      consumer.store_cursor();
      ++next;
    }
    EXPECT_EQ(next, sent);
  } while (sent < perhaps_seen + 3 && send_number(producer, sent++));
  EXPECT_EQ(consumer.fault(), RingFault::none);
  EXPECT_EQ(producer.fault(), RingFault::none);
  EXPECT_EQ(producer.unfinished().messages, 0u);
}

/// The victim's life: takes messages, finishes each and tells so.
void finish(Stage& stage, RingConsumer& consumer, std::uint64_t from, std::uint64_t to) {
  Account& account = stage.account;
  Doorbell bell(stage.ring.producer_bell);
  for (std::uint64_t number = from; number < to; ++number) {
    account.at = "take";
    const auto frame = consumer.peek();
    if (!frame || frame->head.type != number) _exit(2);
    account.taking = number + 1;
    consumer.begin();
    account.taken = number + 1;
    account.at = "cursor";
    consumer.advance();
    account.finishing = number + 1;
    const bool wanted = consumer.store_cursor();
    account.finished = number + 1;
    account.at = "wake";
    if (wanted) bell.ring();
  }
  account.at = "work";
}

void start_account(Account& account, std::uint64_t from) {
  account.taking = account.taken = account.finishing = account.finished = from;
}

class KilledConsumer : public testing::TestWithParam<Ordering> {
 protected:
  void SetUp() override {
    if (!register_for_barriers()) GTEST_SKIP() << "the kernel has no membarrier, or forbids it";
  }

  /// Where one died that was killed after `step` instructions of its sleep and what comes after or, if `asleep` says so, in it.
  const char* park_and_die(std::uint64_t step, bool asleep) {
    start_watchdog();
    Stage& stage = memory_.renew();
    start_account(stage.account, padded);
    Ends ends(stage.ring, padded, GetParam());
    Bell& bell_word = stage.ring.consumer_bell;
    const pid_t victim = start_life([&] {
      register_for_barriers();
      Parker parker(bell_word, Ordering::asymmetric);
      ends.consumer.order(GetParam());
      die_after(step);
      stage.account.at = "park";
      while (ends.consumer.empty()) parker.park(longest_sleep_ns, [&] { return !ends.consumer.empty(); });
      finish(stage, ends.consumer, padded, padded + 1);
      stage.account.steps = live_on();
      EXPECT_EQ(parker.lost_wakeups(), 0u);
    });
    Doorbell bell(bell_word);
    std::uint64_t sent = padded;
    const bool died = killed(victim, [&] {
      if (asleep) {
        kill(victim, SIGKILL);
      } else if (send_number(ends.producer, sent)) {
        ++sent;
        bell.ring(ends.producer.cold_mark());
      }
    });
    // Nobody knows of the death yet: the bell of a dead sleeper is rung like any other.
    for (int more = 0; more < 3; ++more) {
      EXPECT_TRUE(send_number(ends.producer, sent++));
      bell.ring(ends.producer.cold_mark());
    }
    take_up(stage, ends.producer, sent);
    steps_ = stage.account.steps;
    return died ? stage.account.at.load() : "";
  }

  InSharedMemory<Stage> memory_;
  std::uint64_t steps_ = 0;
};

TEST_P(KilledConsumer, leaves_its_messages_to_the_next_and_no_producer_asleep) {
  kill_at_every_instruction(
      [&](std::uint64_t step) {
        Stage& stage = memory_.renew();
        Account& account = stage.account;
        start_account(account, padded);
        Ends ends(stage.ring, padded, GetParam());
        const pid_t victim = start_life([&] {
          register_for_barriers();
          ends.consumer.order(GetParam());
          EXPECT_TRUE(until([&] { return account.go.load(); }));
          die_after(step);
          finish(stage, ends.consumer, padded, padded + 2);
          account.steps = live_on();
        });
        Survivor survivor(stage, ends.producer, padded);
        survivor.start();
        account.go = true;
        const bool died = killed(victim);
        survivor.learn_of_death();
        take_up(stage, survivor.producer(), survivor.next());
        steps_ = account.steps;
        return died ? account.at.load() : "";
      },
      steps_);
}

TEST_P(KilledConsumer, may_die_on_its_way_to_sleep_and_back) {
  kill_at_every_instruction([&](std::uint64_t step) { return park_and_die(step, false); }, steps_);
  for (std::uint64_t left = wanted_kills(); left > 0; --left) EXPECT_STREQ(park_and_die(never, true), "park");
}

INSTANTIATE_TEST_SUITE_P(,
                         KilledConsumer,
                         testing::Values(Ordering::sequential, Ordering::asymmetric),
                         [](const auto& one) {
                           return one.param == Ordering::sequential ? "sequential" : "asymmetric";
                         });

}  // namespace
}  // namespace ringmail::transport::test

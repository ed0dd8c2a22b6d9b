// Producers that are killed after any instruction of a publish, of a wake, and of a wait for room. The consumer gets all of their
// batch or nothing of it, is woken by their death if not by them, and by the next producer even before the death is known.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <ostream>
#include <thread>

#include "deadline.hpp"
#include "kill_steps.hpp"
#include "numbered.hpp"

namespace ringmail::transport::test {
namespace {

/// What the victim says of itself.
struct Account {
  std::atomic<const char*> at{""};      // a literal: it lies at the same address in the tester
  std::atomic<std::uint64_t> begun{0};  // up to which message it has published, said before
  std::atomic<std::uint64_t> done{0};   // and after
  std::atomic<std::uint64_t> steps{0};  // of a life to its end
  std::atomic<bool> go{false};
};

struct Stage {
  SharedRing<page_bytes> ring;
  SharedRing<page_bytes> other;  // another producer's, to the same consumer and its bell
  Account account;
};

/// The consumer that stays alive.
class Survivor {
 public:
  Survivor(Stage& stage, const RingConsumer& consumer, std::uint64_t next, bool cold)
      : stage_(stage), consumer_(consumer), next_(next), cold_(cold) {}
  ~Survivor() { learn_of_death(); }

  void sleep() {
    thread_ = std::thread([this] { live(); });
    EXPECT_TRUE(until([this] { return id_ != 0 && is_asleep(id_); }));
  }

  /// What a pidfd leads to. It reads what is left and ends: the number of the first message that did not come.
  std::uint64_t learn_of_death() {
    if (dead_.exchange(true, std::memory_order_seq_cst)) return next_;
    wake(stage_.ring.consumer_bell);
    if (thread_.joinable()) {
      thread_.join();
    } else {
      live();
    }
    return next_;
  }

  /// Whether the other producer's message has come, and its bell, not the clock, had ended the sleep before it.
  bool has_other() const { return has_other_; }
  bool was_rung() const { return was_rung_; }

 private:
  void live() {
    id_ = gettid();
    Parker parker(stage_.ring.consumer_bell, Ordering::asymmetric);
    RingConsumer other = stage_.other.consumer();
    if (cold_) consumer_.mark_cold(1);
    const auto is_pending = [&] { return stage_.ring.consumer_bell.pending[0].load(std::memory_order_seq_cst) != 0; };
    auto slept = SleepResult::woken;
    while (true) {
      const bool dead = dead_.load(std::memory_order_seq_cst);
      if (!cold_ || dead || stage_.ring.consumer_bell.pending[0].exchange(0, std::memory_order_seq_cst) != 0) {
        drain(consumer_, next_);
      }
      if (!has_other_ && other.peek()) {
        was_rung_ = slept == SleepResult::woken;
        has_other_ = true;
        other.advance();
      }
      if (dead) break;
      slept = parker.park(longest_sleep_ns, [&] {
        return dead_.load(std::memory_order_seq_cst) || !other.empty() || (cold_ ? is_pending() : !consumer_.empty());
      });
    }
    EXPECT_EQ(parker.lost_wakeups(), 0u);
  }

  Stage& stage_;
  RingConsumer consumer_;
  std::uint64_t next_;
  bool cold_;
  std::atomic<bool> dead_{false};
  std::atomic<pid_t> id_{0};
  std::atomic<bool> has_other_{false};
  std::atomic<bool> was_rung_{false};
  std::thread thread_;
};

enum class State { awake, asleep, asleep_beside_another_producer, asleep_and_cold };

struct Publishing {
  const char* name;
  State consumer;
  Ordering ordering;
  std::uint64_t from;
  std::uint64_t batch;
};
void PrintTo(const Publishing& publishing, std::ostream* out) { *out << publishing.name; }

/// The victim's life.
void publish(Account& account, RingProducer& producer, Doorbell bell, std::uint64_t from, std::uint64_t batch) {
  account.at = "writing";
  for (std::uint64_t number = from; number < from + batch; ++number) commit_number(producer, number);
  account.begun = from + batch;
  account.at = "publish";
  producer.publish();
  account.done = from + batch;
  account.at = "wake";
  bell.ring(producer.cold_mark());
  account.at = "work";
}

class KilledProducer : public testing::TestWithParam<Publishing> {
 protected:
  InSharedMemory<Stage> memory_;
  std::uint64_t steps_ = 0;
};

TEST_P(KilledProducer, leaves_all_of_a_batch_or_nothing_and_nobody_asleep) {
  const auto& [name, state, ordering, from, batch] = GetParam();
  if (!register_for_barriers()) GTEST_SKIP() << "the kernel has no membarrier, or forbids it";
  kill_at_every_instruction(
      [&](std::uint64_t step) {
        Stage& stage = memory_.renew();
        Account& account = stage.account;
        account.begun = account.done = from;
        Ends ends(stage.ring, from, ordering);
        const pid_t victim = start_life([&] {
          register_for_barriers();
          EXPECT_TRUE(until([&] { return account.go.load(); }));
          die_after(step);
          publish(account, ends.producer, Doorbell(stage.ring.consumer_bell), from, batch);
          account.steps = live_on();
        });
        Survivor survivor(stage, ends.consumer, from, state == State::asleep_and_cold);
        if (state != State::awake) survivor.sleep();
        account.go = true;
        const bool died = killed(victim);
        if (state == State::asleep_beside_another_producer) {
          RingProducer other = stage.other.producer();
          EXPECT_TRUE(send_number(other, 0));
          Doorbell(stage.ring.consumer_bell).ring();
          EXPECT_TRUE(until([&] { return survivor.has_other(); }));
          EXPECT_TRUE(survivor.was_rung()) << "muted by the dead one";
        }
        const std::uint64_t came = survivor.learn_of_death();
        EXPECT_GE(came, account.done);
        EXPECT_LE(came, account.begun);
        EXPECT_EQ((came - from) % batch, 0u) << "a part of a batch";
        steps_ = account.steps;
        return died ? account.at.load() : "";
      },
      steps_);
}

INSTANTIATE_TEST_SUITE_P(
    ,
    KilledProducer,
    testing::Values(Publishing{"consumer_awake", State::awake, Ordering::sequential, second_lap, 1},
                    Publishing{"consumer_awake_and_padding", State::awake, Ordering::asymmetric, padded, 2},
                    Publishing{"consumer_asleep", State::asleep, Ordering::asymmetric, second_lap, 1},
                    Publishing{"consumer_asleep_and_padding", State::asleep, Ordering::sequential, padded, 2},
                    Publishing{"consumer_asleep_beside_another_producer", State::asleep_beside_another_producer,
                               Ordering::asymmetric, second_lap, 2},
                    Publishing{"consumer_asleep_and_cold", State::asleep_and_cold, Ordering::sequential, second_lap,
                               2}),
    testing::PrintToStringParamName());

/// The life of one that finds the ring full.
void wait_for_room(Stage& stage, RingProducer& producer, Parker& parker, std::uint64_t number) {
  Account& account = stage.account;
  account.at = "want";
  const auto try_commit = [&] { return commit_number(producer, number); };
  producer.want_room(true);
  account.at = "park";
  bool committed = try_commit();
  while (!committed) {
    parker.park(longest_sleep_ns, [&] { return committed = try_commit(); });
    committed = committed || try_commit();
  }
  account.at = "want no more";
  producer.want_room(false);
  account.begun = number + 1;
  account.at = "publish";
  producer.publish();
  account.done = number + 1;
  account.at = "wake";
  Doorbell(stage.ring.consumer_bell).ring(producer.cold_mark());
  account.at = "work";
}

enum class End { after_an_instruction, asleep };

class KilledWaiter : public testing::TestWithParam<Ordering> {
 protected:
  /// Where one died that was killed after `step` instructions or, if `end` says so, in its sleep.
  const char* wait_and_die(std::uint64_t step, End end) {
    start_watchdog();
    Stage& stage = memory_.renew();
    Account& account = stage.account;
    Ends ends(stage.ring, padded, GetParam());
    std::uint64_t next = padded;
    std::uint64_t sent = padded;
    while (send_number(ends.producer, sent)) ++sent;
    account.begun = account.done = sent;
    const pid_t victim = start_life([&] {
      register_for_barriers();
      Parker parker(stage.ring.producer_bell, Ordering::asymmetric);
      die_after(step);
      wait_for_room(stage, ends.producer, parker, sent);
      account.steps = live_on();
      EXPECT_EQ(parker.lost_wakeups(), 0u);
    });
    Doorbell bell(stage.ring.producer_bell);
    const bool died = killed(victim, [&] {
      if (end == End::asleep) {
        kill(victim, SIGKILL);
        return;
      }
      drain(ends.consumer, next);
      if (ends.consumer.store_cursor()) bell.ring();
    });
    // It may have died wanting. Who makes room then rings for nobody.
    drain(ends.consumer, next);
    if (ends.consumer.store_cursor()) bell.ring();
    EXPECT_GE(next, account.done);
    EXPECT_LE(next, account.begun);
    steps_ = account.steps;
    return died ? account.at.load() : "";
  }

  InSharedMemory<Stage> memory_;
  std::uint64_t steps_ = 0;
};

TEST_P(KilledWaiter, leaves_whole_messages_and_a_consumer_that_goes_on) {
  if (!register_for_barriers()) GTEST_SKIP() << "the kernel has no membarrier, or forbids it";
  kill_at_every_instruction([&](std::uint64_t step) { return wait_and_die(step, End::after_an_instruction); }, steps_);
  for (std::uint64_t left = wanted_kills(); left > 0; --left) {
    EXPECT_STREQ(wait_and_die(never, End::asleep), "park");
  }
}

INSTANTIATE_TEST_SUITE_P(,
                         KilledWaiter,
                         testing::Values(Ordering::sequential, Ordering::asymmetric),
                         [](const auto& one) {
                           return one.param == Ordering::sequential ? "sequential" : "asymmetric";
                         });

}  // namespace
}  // namespace ringmail::transport::test

// The real ring, bell and parker under relacy: no race, nothing torn or lost, nobody asleep for ever. And the same with faults put
// in, each of which must be found.
#include <array>
#include <climits>
#include <cstdlib>
#include <map>
#include <string>

#include "model_std.hpp"

// Nobody here rings otherwise than by the bell.
void ringmail::transport::Doorbell::ring_on_stream() { std::abort(); }
void ringmail::transport::Doorbell::ring_on_pipe() const { std::abort(); }

namespace {

using namespace ringmail::transport;

/// One ring of a page, and the bells of both ends.
struct Memory {
  alignas(page_bytes) std::array<std::byte, page_bytes> data;
  ProducerBlock producer_block;
  ConsumerBlock consumer_block;
  Bell producer_bell;
  Bell consumer_bell;

  RingProducer producer() {
    return RingProducer(
        {.data = data.data(), .capacity = page_bytes, .own = &producer_block, .other = &consumer_block});
  }
  RingConsumer consumer() {
    return RingConsumer(
        {.data = data.data(), .capacity = page_bytes, .other = &producer_block, .own = &consumer_block});
  }
};
std::array<Memory, 2> memories;

/// Of those who store, and of those who sleep.
Ordering ordering = Ordering::sequential;
Ordering sleepers_ordering = Ordering::sequential;

/// In lines of the ring's 64. The first two fill it but for the terminator, which has no room until the first is finished. The
/// fifth is preceded by padding, and the sixth ends where the third had its payload.
constexpr std::array<std::uint32_t, 6> lines{32, 32, 30, 30, 5, 1};
constexpr std::uint32_t length_of(std::uint64_t number) {
  return lines[number] * static_cast<std::uint32_t>(line_bytes) - 32;
}

/// The first word, and the words in which a consumer might look for a frame in the next lap, up to some lines.
template <class Each>
void each_word(const std::byte* payload, std::uint32_t length, Each each) {
  each(payload);
  for (std::uint32_t at = 32; at < length && at < 8 * 64; at += 64) each(payload + at);
}

void write(std::byte* payload, std::uint32_t length, std::uint64_t number) {
  each_word(payload, length, [&](const std::byte* word) {
    model::plain[word]($) = number;
    // What was payload may be taken for a commit word.
    if (reinterpret_cast<std::uintptr_t>(word) % line_bytes == 0) model::words[word].store(0xbad, rl::mo_relaxed, $);
  });
}

void check(const Frame& frame, std::uint32_t length, std::uint64_t number) {
  RL_ASSERT(frame.length == length && frame.head.type == number);
  each_word(frame.payload, length, [&](const std::byte* word) { RL_ASSERT(model::plain[word]($) == number); });
}

/// Sends `count` messages; where there is no room it sleeps or, without a parker, polls.
void produce(Memory& memory, Bell& consumer_bell, std::uint64_t count, Parker* parker) {
  auto producer = memory.producer();
  producer.order(ordering);
  Doorbell bell(consumer_bell);
  const auto publish = [&] {
    if (producer.publish()) bell.ring(producer.cold_mark());
  };
  for (std::uint64_t number = 0; number < count; ++number) {
    std::byte* room = nullptr;
    const auto try_loan = [&] { return (room = producer.try_loan(length_of(number))) != nullptr; };
    if (!try_loan()) {
      publish();
      producer.want_room(true);
      while (room == nullptr && !try_loan()) {
        if (parker != nullptr) {
          parker->park(longest_sleep_ns, try_loan);
        } else {
          rl::yield(1, $);
        }
      }
      producer.want_room(false);
    }
    write(room, length_of(number), number);
    producer.commit({.type = static_cast<std::uint32_t>(number)});
    if (number != 4) publish();  // the last two are a batch
  }
  RL_ASSERT(producer.fault() == RingFault::none);
}

void consume(Memory& memory, std::uint64_t count, Parker* parker) {
  auto consumer = memory.consumer();
  consumer.order(ordering);
  Doorbell bell(memory.producer_bell);
  for (std::uint64_t number = 0; number < count;) {
    if (const auto frame = consumer.peek()) {
      consumer.begin();
      check(*frame, length_of(number), number);
      consumer.advance();
      ++number;
      continue;
    }
    RL_ASSERT(consumer.fault() == RingFault::none);
    if (consumer.store_cursor()) bell.ring();
    if (parker != nullptr) {
      parker->park(longest_sleep_ns, [&] { return !consumer.empty(); });
    } else {
      rl::yield(1, $);
    }
  }
}

/// One run after another, each on memory that is new.
template <class Test, rl::thread_id_t threads>
struct Suite : rl::test_suite<Test, threads> {
  void before() {
    model::words.forget();
    model::plain.forget();
    model::threads.forget();
  }
  void thread(unsigned index) {
    model::threads.enter<threads>();
    static_cast<Test*>(this)->run(index);
  }
  void after() {
    model::words.end_run();
    model::plain.end_run();
  }
};

struct BothPoll : Suite<BothPoll, 2> {
  void run(unsigned index) {
    Memory& memory = memories[0];
    index == 0 ? produce(memory, memory.consumer_bell, lines.size(), nullptr) : consume(memory, lines.size(), nullptr);
  }
};

struct BothSleep : Suite<BothSleep, 2> {
  void run(unsigned index) {
    Memory& memory = memories[0];
    Parker parker(index == 0 ? memory.producer_bell : memory.consumer_bell, sleepers_ordering);
    index == 0 ? produce(memory, memory.consumer_bell, lines.size(), &parker) : consume(memory, lines.size(), &parker);
  }
};

/// Two rings to one sleeper: each of its producers rings for itself.
struct TwoProducers : Suite<TwoProducers, 3> {
  void run(unsigned index) {
    if (index < 2) return produce(memories[index], memories[0].consumer_bell, 1, nullptr);
    Parker parker(memories[0].consumer_bell, sleepers_ordering);
    std::array consumers{memories[0].consumer(), memories[1].consumer()};
    for (int left = 2; left > 0;) {
      for (RingConsumer& consumer : consumers) {
        if (const auto frame = consumer.peek()) {
          check(*frame, length_of(0), 0);
          consumer.advance();
          --left;
        }
      }
      const auto has_work = [&] { return !consumers[0].empty() || !consumers[1].empty(); };
      if (left > 0) parker.park(longest_sleep_ns, has_work);
    }
  }
};

/// The ring is polled only when its bit says so.
struct Cold : Suite<Cold, 2> {
  void run(unsigned index) {
    Memory& memory = memories[0];
    if (index == 0) return produce(memory, memory.consumer_bell, 2, nullptr);
    auto consumer = memory.consumer();
    Parker parker(memory.consumer_bell, sleepers_ordering);
    auto& pending = memory.consumer_bell.pending[0];
    for (std::uint64_t number = 0; number < 2;) {
      consumer.mark_cold(1);
      barrier_before_look(sleepers_ordering);
      if (consumer.empty()) {
        const auto is_pending = [&] { return pending.load(std::memory_order_seq_cst) != 0; };
        while (pending.exchange(0, std::memory_order_seq_cst) == 0) parker.park(longest_sleep_ns, is_pending);
      }
      while (const auto frame = consumer.peek()) {
        check(*frame, length_of(number), number);
        consumer.advance();
        ++number;
      }
      consumer.store_cursor();
      consumer.mark_cold(0);
    }
  }
};

/// RINGMAIL_RELACY_SWITCHES asks for more, which takes minutes with 3 and days with 5.
unsigned given_switches() {
  const char* given = std::getenv("RINGMAIL_RELACY_SWITCHES");
  return given != nullptr ? static_cast<unsigned>(std::atoi(given)) : 0;
}

/// Whether relacy finds nothing: in runs at random, and in all runs in which a thread is left where it could have gone on no more
/// often than that, or than twice.
template <class Test>
bool holds(bool quiet) {
  std::ostream nowhere(nullptr);
  rl::test_params params;
  params.execution_depth_limit = 20'000;
  params.progress_stream = &nowhere;
  if (quiet) params.output_stream = &nowhere;
  params.iteration_count = 20'000;
  rl::simulate<Test>(params);
  if (params.test_result != rl::test_result_success) return false;

  const unsigned more = given_switches();
  params.context_bound = more != 0 ? more : 2;
  params.iteration_count = UINT_MAX;
  params.search_type = rl::sched_bound;
  rl::simulate<Test>(params);
  return params.test_result == rl::test_result_success;
}

const std::map<std::string, bool (*)(bool quiet)> tests{{"both_poll", holds<BothPoll>},
                                                        {"both_sleep", holds<BothSleep>},
                                                        {"two_producers", holds<TwoProducers>},
                                                        {"cold", holds<Cold>}};

/// Of which all but the last two must be found.
const std::map<std::string, void (*)()> changes{
    {"stores_do_not_release", [] { model::faults.stores_do_not_release = true; }},
    {"loads_do_not_acquire", [] { model::faults.loads_do_not_acquire = true; }},
    {"park_is_not_sequential", [] { model::faults.park_is_not_sequential = true; }},
    {"stores_are_asymmetric_and_nobody_issues_barriers", [] { ordering = Ordering::asymmetric; }},
    {"asymmetric", [] { ordering = sleepers_ordering = Ordering::asymmetric; }},
    {"sequential", [] {}}};

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  const std::string change = arguments[2];
  changes.at(change)();
  const bool is_fault = change != "sequential" && change != "asymmetric";
  if (tests.at(arguments[1])(is_fault) != is_fault) return 0;
  std::cout << (is_fault ? "the fault was not found\n" : "a promise is broken\n");
  return 1;
}

// What one send takes of its sender's time: loan, write, commit, publish, and the bell.
#include <sched.h>

#include <atomic>
#include <cstring>
#include <optional>
#include <thread>

#include "latency/scenarios.hpp"
#include "measuring/cpus.hpp"
#include "ringmail/transport/barrier.hpp"
#include "ringmail/transport/lane.hpp"
#include "ringmail/transport/memory.hpp"
#include "ringmail/transport/pause.hpp"

namespace bench {
namespace {

namespace transport = ringmail::transport;

constexpr unsigned other_producers = 16;

struct SharedRing {
  static constexpr std::uint64_t capacity = 1 << 16;

  transport::ProducerBlock producer;
  transport::ConsumerBlock consumer;
  alignas(transport::page_bytes) std::byte data[capacity];
};

/// One consumer, the rings into it, and how far it is.
struct Shared {
  transport::Bell bell;
  alignas(transport::isolation_bytes) std::atomic<std::uint64_t> waiting;  ///< far end: for message n
  alignas(transport::isolation_bytes) std::atomic<std::uint64_t> taken;    ///< far end: message n, of every ring
  alignas(transport::page_bytes) SharedRing rings[1 + other_producers];
};

class Sender {
 public:
  Sender(SharedRing& ring, transport::Bell& bell)
      : ring_({.data = ring.data, .capacity = SharedRing::capacity, .own = &ring.producer, .other = &ring.consumer}),
        doorbell_(bell) {
    ring_.order(transport::best_ordering());
  }

  void send(std::uint64_t message) {
    const std::uint64_t payload[] = {message, message, message, message};
    std::memcpy(ring_.try_loan(sizeof payload), payload, sizeof payload);
    ring_.commit({.type = 1});
    ring_.publish();
    doorbell_.ring(ring_.cold_mark());
  }

 private:
  transport::RingProducer ring_;
  transport::Doorbell doorbell_;
};

/// Threads that send when they are told to, each through a ring of its own. They run on the CPUs that the near end leaves to
/// them, and while a block runs they wait awake, so that one of them at least is under way as soon as it is told.
class OtherProducers {
 public:
  OtherProducers(Shared& shared, const Placement& placement) {
    std::vector<int> cpus = allowed_cpus();
    std::erase(cpus, placement.near_cpu);
    for (unsigned i = 0; i < other_producers; ++i) {
      threads_.emplace_back([this, &ring = shared.rings[1 + i], &bell = shared.bell, cpu = cpus[i % cpus.size()]] {
        pin_this_thread(cpu);
        run(Sender(ring, bell));
      });
    }
  }
  ~OtherProducers() {
    ending_.store(true);
    set_active(true);
    for (std::thread& thread : threads_) thread.join();
  }

  void set_active(bool active) {
    active_.store(active);
    active_.notify_all();
  }
  void send(std::uint64_t message) { message_.store(message, std::memory_order_release); }

 private:
  void run(Sender sender) {
    std::uint64_t sent = 0;
    while (true) {
      active_.wait(false);
      if (ending_.load()) return;
      const std::uint64_t message = message_.load(std::memory_order_acquire);
      if (message != sent) {
        sender.send(message);
        sent = message;
      } else {
        sched_yield();
      }
    }
  }

  std::atomic<std::uint64_t> message_{0};
  std::atomic<bool> active_{false};
  std::atomic<bool> ending_{false};
  std::vector<std::thread> threads_;
};

class SenderCost : public Scenario {
 public:
  enum class Consumer : std::uint8_t { awake, parked, parked_16_ringing };

  explicit SenderCost(Consumer consumer)
      : consumer_(consumer),
        mapping_(value_of(value_of(transport::Segment::create("latency.sender_cost", sizeof(Shared)))
                              .map(transport::Mapping::Access::write))),
        shared_(*mapping_.at<Shared>(0)) {}

  std::uint64_t payload_bytes() const override { return 4 * sizeof(std::uint64_t); }

  std::string variant() const override {
    switch (consumer_) {
      case Consumer::awake: return "awake";
      case Consumer::parked: return "parked";
      case Consumer::parked_16_ringing: return "parked_16_ringing";
    }
    return {};
  }

  std::uint64_t messages(std::uint64_t round_trips) const override {
    constexpr std::uint64_t settling_as_round_trips = 100, crowd_as_round_trips = 400;
    const std::uint64_t part = consumer_ == Consumer::awake    ? 1
                               : consumer_ == Consumer::parked ? settling_as_round_trips
                                                               : crowd_as_round_trips;
    return std::max<std::uint64_t>(1, round_trips / part);
  }

  void start(const Placement& placement) override {
    sender_.emplace(shared_.rings[0], shared_.bell);
    if (has_others()) others_.emplace(shared_, placement);
  }

  Ticks near_end(std::uint64_t messages, Sample* each) override {
    const Ticks start = ticks();
    if (others_) others_->set_active(true);
    for (std::uint64_t i = 0; i < messages; ++i) {
      ++message_;
      await(shared_.waiting);
      if (consumer_ != Consumer::awake) await_sleep();
      if (others_) others_->send(message_);
      const Ticks before = ticks();
      sender_->send(message_);
      record(each, i, ticks() - before);
      await(shared_.taken);
    }
    if (others_) others_->set_active(false);
    return ticks() - start;
  }

  void far_end(std::uint64_t messages) override {
    join();
    const auto has_work = [this] {
      return std::ranges::any_of(rings_, [](const auto& ring) { return !ring.empty(); });
    };
    for (std::uint64_t i = 0; i < messages; ++i) {
      ++message_;
      shared_.waiting.store(message_, std::memory_order_release);
      for (std::size_t left = rings_.size(); left > 0;) {
        const std::size_t found = take();
        left -= found;
        if (left == 0 || found != 0) continue;
        if (consumer_ == Consumer::awake) {
          transport::pause();
        } else {
          parker_.park(transport::longest_sleep_ns, has_work);
        }
      }
      shared_.taken.store(message_, std::memory_order_release);
    }
  }

 private:
  static constexpr std::uint64_t settle_ns = 50'000;

  bool has_others() const { return consumer_ == Consumer::parked_16_ringing; }

  void await(const std::atomic<std::uint64_t>& word) const {
    while (word.load(std::memory_order_acquire) != message_) transport::pause();
  }

  /// Until the consumer has said that it sleeps, and for as long as it takes to get there.
  void await_sleep() const {
    const auto is_parked = [this] {
      return transport::ParkWord::state(shared_.bell.park.load(std::memory_order_acquire)) ==
             transport::ParkState::parked;
    };
    std::uint64_t until_ns = transport::monotonic_ns() + settle_ns;
    while (transport::monotonic_ns() < until_ns) {
      if (!is_parked()) until_ns = transport::monotonic_ns() + settle_ns;
      transport::pause();
    }
  }

  /// How many rings had a message. Each has one at most.
  std::size_t take() {
    std::size_t found = 0;
    for (auto& ring : rings_) {
      if (!ring.peek()) continue;
      ring.advance();
      ring.store_cursor();
      ++found;
    }
    return found;
  }

  /// Once, in the far process.
  void join() {
    if (!rings_.empty()) return;
    const auto ordering = transport::best_ordering();
    for (unsigned i = 0; i < (has_others() ? 1 + other_producers : 1); ++i) {
      SharedRing& ring = shared_.rings[i];
      rings_.emplace_back(transport::ConsumerMemory{
          .data = ring.data, .capacity = SharedRing::capacity, .other = &ring.producer, .own = &ring.consumer});
      rings_.back().order(ordering);
    }
    parker_ = transport::Parker(shared_.bell, ordering);
  }

  Consumer consumer_;
  transport::Mapping mapping_;
  Shared& shared_;
  std::uint64_t message_ = 0;  // each process counts for itself
  // The near end's.
  std::optional<Sender> sender_;
  std::optional<OtherProducers> others_;
  // The far end's.
  std::vector<transport::RingConsumer> rings_;
  transport::Parker parker_;
};

}  // namespace

std::unique_ptr<Scenario> make_sender_cost_awake() { return std::make_unique<SenderCost>(SenderCost::Consumer::awake); }
std::unique_ptr<Scenario> make_sender_cost_parked() {
  return std::make_unique<SenderCost>(SenderCost::Consumer::parked);
}
std::unique_ptr<Scenario> make_sender_cost_contended() {
  return std::make_unique<SenderCost>(SenderCost::Consumer::parked_16_ringing);
}

}  // namespace bench

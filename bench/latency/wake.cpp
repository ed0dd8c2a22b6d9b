// How long a sleeper takes to wake: from the moment before its message is sent until it has the message in hand.
#include <sys/eventfd.h>

#include <cerrno>
#include <cstring>

#include "latency/scenarios.hpp"
#include "ringmail/transport/barrier.hpp"
#include "ringmail/transport/descriptor.hpp"
#include "ringmail/transport/lane.hpp"
#include "ringmail/transport/memory.hpp"
#include "ringmail/transport/pause.hpp"

namespace bench {
namespace {

namespace transport = ringmail::transport;

/// What both ends see, whatever wakes the sleeper.
struct Stage {
  alignas(transport::isolation_bytes) std::atomic<std::uint64_t> asleep;  ///< far end: about to sleep for message n
  alignas(transport::isolation_bytes) std::atomic<std::uint64_t> awake;   ///< far end: has message n in hand
  std::atomic<Ticks> took;                                                ///< and this is how long it was on its way
  alignas(transport::isolation_bytes) std::atomic<Ticks> sent;            ///< near end: when, for who has no ring
  std::atomic<std::uint32_t> word;                                        ///< near end: for a bare futex
};

/// Bell: made before the fork, from memory of its own. The near end calls ring(), the far end sleep(), which tells `about_to`
/// just before it sleeps and returns what ring() was given.
template <class Bell>
class Wake : public Scenario {
 public:
  explicit Wake(const char* name)
      : mapping_(value_of(value_of(transport::Segment::create(name, Bell::bytes + transport::page_bytes))
                              .map(transport::Mapping::Access::write))),
        stage_(*mapping_.at<Stage>(0)),
        bell_(stage_, mapping_) {}

  std::uint64_t payload_bytes() const override { return sizeof(Ticks); }
  std::uint64_t messages(std::uint64_t round_trips) const override {
    return std::max<std::uint64_t>(1, round_trips / 100);
  }

  Ticks near_end(std::uint64_t messages, Sample* each) override {
    const Ticks start = ticks();
    for (std::uint64_t i = 0; i < messages; ++i) {
      ++message_;
      while (stage_.asleep.load(std::memory_order_acquire) != message_) transport::pause();
      // It has said so, and has now to get there; its CPU comes to rest.
      const std::uint64_t until_ns = transport::monotonic_ns() + settle_ns;
      while (transport::monotonic_ns() < until_ns) transport::pause();
      bell_.ring(ticks());
      while (stage_.awake.load(std::memory_order_acquire) != message_) transport::pause();
      record(each, i, stage_.took.load(std::memory_order_relaxed));
    }
    return ticks() - start;
  }

  void far_end(std::uint64_t messages) override {
    for (std::uint64_t i = 0; i < messages; ++i) {
      ++message_;
      const Ticks sent = bell_.sleep([this] { stage_.asleep.store(message_, std::memory_order_release); });
      stage_.took.store(ticks() - sent, std::memory_order_relaxed);
      stage_.awake.store(message_, std::memory_order_release);
    }
  }

 private:
  static constexpr std::uint64_t settle_ns = 50'000;

  transport::Mapping mapping_;
  Stage& stage_;
  Bell bell_;
  std::uint64_t message_ = 0;  // each process counts for itself
};

/// A message through a ring to a parked consumer.
class RingBell {
 public:
  static constexpr std::uint64_t capacity = 1 << 16;
  struct Shared {
    transport::Bell bell;
    transport::ProducerBlock producer;
    transport::ConsumerBlock consumer;
    alignas(transport::page_bytes) std::byte data[capacity];
  };
  static constexpr std::uint64_t bytes = sizeof(Shared);

  RingBell(Stage&, transport::Mapping& mapping)
      : shared_(*mapping.at<Shared>(transport::page_bytes)),
        producer_({.data = shared_.data, .capacity = capacity, .own = &shared_.producer, .other = &shared_.consumer}),
        consumer_({.data = shared_.data, .capacity = capacity, .other = &shared_.producer, .own = &shared_.consumer}),
        doorbell_(shared_.bell) {}

  void ring(Ticks sent) {
    join();
    std::memcpy(producer_.try_loan(sizeof sent), &sent, sizeof sent);
    producer_.commit({.type = 1});
    producer_.publish();
    doorbell_.ring(producer_.cold_mark());
  }

  template <class AboutTo>
  Ticks sleep(AboutTo&& about_to) {
    join();
    about_to();
    std::optional<transport::Frame> frame;
    while (!(frame = consumer_.peek()))
      parker_.park(transport::longest_sleep_ns, [this] { return !consumer_.empty(); });
    Ticks sent = 0;
    std::memcpy(&sent, frame->payload, sizeof sent);
    consumer_.advance();
    consumer_.store_cursor();
    return sent;
  }

 private:
  /// Once in each process.
  void join() {
    if (joined_) return;
    joined_ = true;
    const auto ordering = transport::best_ordering();
    producer_.order(ordering);
    consumer_.order(ordering);
    parker_ = transport::Parker(shared_.bell, ordering);
  }

  Shared& shared_;
  transport::RingProducer producer_;
  transport::RingConsumer consumer_;
  transport::Doorbell doorbell_;
  transport::Parker parker_;
  bool joined_ = false;
};

/// A word and a futex: what the kernel needs.
class FutexBell {
 public:
  static constexpr std::uint64_t bytes = transport::page_bytes;
  FutexBell(Stage& stage, transport::Mapping&) : stage_(stage) {}

  void ring(Ticks sent) {
    stage_.sent.store(sent, std::memory_order_relaxed);
    stage_.word.store(++rung_, std::memory_order_release);
    transport::futex_wake(stage_.word);
  }

  template <class AboutTo>
  Ticks sleep(AboutTo&& about_to) {
    about_to();
    while (stage_.word.load(std::memory_order_acquire) == rung_) {
      transport::futex_wait(stage_.word, rung_, transport::longest_sleep_ns);
    }
    ++rung_;
    return stage_.sent.load(std::memory_order_relaxed);
  }

 private:
  Stage& stage_;
  std::uint32_t rung_ = 0;  // each process counts for itself
};

class EventfdBell {
 public:
  static constexpr std::uint64_t bytes = transport::page_bytes;
  EventfdBell(Stage& stage, transport::Mapping&) : stage_(stage), event_(eventfd(0, EFD_CLOEXEC)) {
    if (!event_) throw std::runtime_error(std::string("eventfd: ") + std::strerror(errno));
  }

  void ring(Ticks sent) {
    stage_.sent.store(sent, std::memory_order_relaxed);
    if (eventfd_write(event_.get(), 1) != 0)
      throw std::runtime_error(std::string("eventfd_write: ") + std::strerror(errno));
  }

  template <class AboutTo>
  Ticks sleep(AboutTo&& about_to) {
    about_to();
    eventfd_t count = 0;
    if (eventfd_read(event_.get(), &count) != 0) {
      throw std::runtime_error(std::string("eventfd_read: ") + std::strerror(errno));
    }
    return stage_.sent.load(std::memory_order_relaxed);
  }

 private:
  Stage& stage_;
  transport::Descriptor event_;
};

}  // namespace

std::unique_ptr<Scenario> make_futex_wake() { return std::make_unique<Wake<FutexBell>>("latency.futex_wake"); }
std::unique_ptr<Scenario> make_eventfd_wake() { return std::make_unique<Wake<EventfdBell>>("latency.eventfd_wake"); }
std::unique_ptr<Scenario> make_wake() { return std::make_unique<Wake<RingBell>>("latency.wake"); }

}  // namespace bench

// What wakes a sleeper: a ring and its bell, a bare futex, an eventfd.
#include <sys/eventfd.h>

#include <cerrno>
#include <cstring>

#include "latency/scenarios.hpp"
#include "measuring/wake_turns.hpp"
#include "ringmail/transport/barrier.hpp"
#include "ringmail/transport/descriptor.hpp"
#include "ringmail/transport/lane.hpp"
#include "ringmail/transport/memory.hpp"

namespace bench {
namespace {

namespace transport = ringmail::transport;

/// Bell: made before the fork, from memory of its own. The near end calls ring(), the far end sleep(), which tells `about_to`
/// just before it sleeps and returns what ring() was given.
template <class Bell>
class Wake : public Scenario {
 public:
  explicit Wake(const char* name)
      : mapping_(value_of(value_of(transport::Segment::create(name, Bell::bytes + transport::page_bytes))
                              .map(transport::Mapping::Access::write))),
        stage_(*mapping_.at<WakeStage>(0)),
        bell_(stage_, mapping_),
        waker_(stage_),
        sleeper_(stage_) {}

  std::uint64_t payload_bytes() const override { return sizeof(Ticks); }
  std::uint64_t messages(std::uint64_t round_trips) const override {
    return std::max<std::uint64_t>(1, round_trips / 100);
  }

  Ticks near_end(std::uint64_t messages, Sample* each) override {
    const Ticks start = ticks();
    for (std::uint64_t i = 0; i < messages; ++i) {
      record(each, i, waker_.wake([this](Ticks sent) { bell_.ring(sent); }));
    }
    return ticks() - start;
  }

  void far_end(std::uint64_t messages) override {
    for (std::uint64_t i = 0; i < messages; ++i) {
      sleeper_.sleep([this](auto&& about_to) { return bell_.sleep(about_to); });
    }
  }

 private:
  transport::Mapping mapping_;
  WakeStage& stage_;
  Bell bell_;
  Waker waker_;  // each process uses one of the two
  Sleeper sleeper_;
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

  RingBell(WakeStage&, transport::Mapping& mapping)
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

struct BareFutexBell : FutexBell {
  static constexpr std::uint64_t bytes = transport::page_bytes;
  BareFutexBell(WakeStage& stage, transport::Mapping&) : FutexBell(stage) {}
};

class EventfdBell {
 public:
  static constexpr std::uint64_t bytes = transport::page_bytes;
  EventfdBell(WakeStage& stage, transport::Mapping&) : stage_(stage), event_(eventfd(0, EFD_CLOEXEC)) {
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
  WakeStage& stage_;
  transport::Descriptor event_;
};

}  // namespace

std::unique_ptr<Scenario> make_futex_wake() { return std::make_unique<Wake<BareFutexBell>>("latency.futex_wake"); }
std::unique_ptr<Scenario> make_eventfd_wake() { return std::make_unique<Wake<EventfdBell>>("latency.eventfd_wake"); }
std::unique_ptr<Scenario> make_wake() { return std::make_unique<Wake<RingBell>>("latency.wake"); }

}  // namespace bench

// Other rings in shared memory, whose ends poll.
#include <boost/lockfree/spsc_queue.hpp>

#include "latency/lamport_ring.hpp"
#include "latency/scenarios.hpp"
#include "ringmail/transport/pause.hpp"

namespace bench {
namespace {

namespace transport = ringmail::transport;

/// boost::lockfree::spsc_queue. It has no way to sleep.
class BoostSpsc {
 public:
  static constexpr bool uses_kernel = false;

  explicit BoostSpsc(const std::string& name)
      : mapping_(
            value_of(value_of(transport::Segment::create(name.c_str(), bytes)).map(transport::Mapping::Access::write))),
        queue_(*new(mapping_.data()) Queue) {}

  void send(const Payload& payload) {
    while (!queue_.push(payload)) transport::pause();
  }
  void receive(Payload& payload) {
    while (!queue_.pop(payload)) transport::pause();
  }

 private:
  using Queue = boost::lockfree::spsc_queue<Payload, boost::lockfree::capacity<16 * 1024>>;
  static constexpr std::uint64_t bytes = (sizeof(Queue) + transport::page_bytes - 1) & ~(transport::page_bytes - 1);

  transport::Mapping mapping_;
  Queue& queue_;
};

/// A stream through a Lamport ring, as ring.oneway is one through ours.
class LamportOneWay : public Scenario {
 public:
  Figure figure() const override { return Figure::one_way; }
  std::uint64_t payload_bytes() const override { return sizeof(Payload); }
  std::uint64_t messages(std::uint64_t round_trips) const override { return 5 * round_trips; }

  Ticks near_end(std::uint64_t messages, Sample*) override {
    const Ticks start = ticks();
    for (std::uint64_t i = 0; i < messages; ++i) there_.send({i, i, i, i});
    Payload sum;
    back_.receive(sum);
    const Ticks elapsed = ticks() - start;
    if (sum[0] != 4 * (messages * (messages - 1) / 2)) throw std::runtime_error("lamport.oneway: something is lost");
    return elapsed;
  }

  void far_end(std::uint64_t messages) override {
    Payload sum{};
    for (std::uint64_t i = 0; i < messages; ++i) {
      Payload payload;
      there_.receive(payload);
      sum[0] += payload[0] + payload[1] + payload[2] + payload[3];
    }
    back_.send(sum);
  }

 private:
  LamportRing there_{"latency.lamport.oneway.there"};
  LamportRing back_{"latency.lamport.oneway.back"};
};

}  // namespace

std::unique_ptr<Scenario> make_lamport_rtt() { return std::make_unique<EchoRtt<LamportRing>>("latency.lamport"); }
std::unique_ptr<Scenario> make_boost_spsc_rtt() { return std::make_unique<EchoRtt<BoostSpsc>>("latency.boost_spsc"); }
std::unique_ptr<Scenario> make_lamport_oneway() { return std::make_unique<LamportOneWay>(); }

}  // namespace bench

// A message of 32 bytes through a ring and an answer of 32 bytes through another, each one line: the whole path of a lane,
// with the look at the other side's park word, and no actor around it.
#include <cstring>

#include "latency/echo_rtt.hpp"
#include "latency/lane_pair.hpp"
#include "latency/scenarios.hpp"

namespace bench {
namespace {

class RingRtt : public Scenario {
 public:
  std::uint64_t payload_bytes() const override { return sizeof(Payload); }

  Ticks near_end(std::uint64_t messages, Sample* each) override {
    LaneEnd& end = lanes_.near_end();
    return time_each(messages, each, [&](std::uint64_t i) {
      const Payload sent{i, i + 1, i + 2, i + 3};
      std::memcpy(end.loan(sizeof sent), &sent, sizeof sent);
      end.publish();
      if (receive(end) != sent) throw std::runtime_error("ring.rtt: the answer is not what was sent");
    });
  }

  void far_end(std::uint64_t messages) override {
    LaneEnd& end = lanes_.far_end();
    for (std::uint64_t i = 0; i < messages; ++i) {
      const Payload received = receive(end);
      std::memcpy(end.loan(sizeof received), &received, sizeof received);
      end.publish();
    }
  }

 private:
  static Payload receive(LaneEnd& end) {
    Payload payload;
    std::memcpy(&payload, end.next().payload, sizeof payload);
    end.finish();
    return payload;
  }

  LanePair lanes_;
};

}  // namespace

std::unique_ptr<Scenario> make_ring_rtt() { return std::make_unique<RingRtt>(); }

}  // namespace bench

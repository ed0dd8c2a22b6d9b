// A stream of messages through one ring, each written in place, published by itself and read in place. The far end answers
// once, after the last, with the sum of all words that it read.
#include <cstring>

#include "latency/lane_pair.hpp"
#include "latency/scenarios.hpp"

namespace bench {
namespace {

template <std::uint32_t bytes>
class RingOneWay : public Scenario {
 public:
  explicit RingOneWay(std::uint64_t ring_bytes) : lanes_(ring_bytes) {}

  Figure figure() const override { return Figure::one_way; }
  std::uint64_t payload_bytes() const override { return bytes; }

  // Long enough that the one answer and the first messages weigh nothing, short enough to stay beside the floor's block.
  std::uint64_t messages(std::uint64_t round_trips) const override {
    constexpr std::uint64_t as_bytes = 1600;
    return bytes <= 64 ? 5 * round_trips : std::max<std::uint64_t>(1, round_trips * as_bytes / bytes);
  }

  Ticks near_end(std::uint64_t messages, Sample*) override {
    LaneEnd& end = lanes_.near_end();
    std::uint64_t expected = 0;
    const Ticks start = ticks();
    for (std::uint64_t i = 0; i < messages; ++i) {
      const auto byte = static_cast<unsigned char>(i);
      std::memset(end.loan(bytes), byte, bytes);
      end.publish();
      expected += word_of(byte) * words;
    }
    std::uint64_t sum = 0;
    std::memcpy(&sum, end.next().payload, sizeof sum);
    const Ticks elapsed = ticks() - start;
    end.finish();
    if (sum != expected) throw std::runtime_error("ring.oneway: what was read is not what was written");
    return elapsed;
  }

  void far_end(std::uint64_t messages) override {
    LaneEnd& end = lanes_.far_end();
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < messages; ++i) {
      sum += sum_of(end.next().payload);
      end.finish();
    }
    std::memcpy(end.loan(sizeof sum), &sum, sizeof sum);
    end.publish();
  }

 private:
  static constexpr std::uint64_t words = bytes / sizeof(std::uint64_t);

  static constexpr std::uint64_t word_of(unsigned char byte) { return byte * 0x0101010101010101u; }

  static std::uint64_t sum_of(const std::byte* payload) {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < words; ++i) {
      std::uint64_t word = 0;
      std::memcpy(&word, payload + i * sizeof word, sizeof word);
      sum += word;
    }
    return sum;
  }

  LanePair lanes_;
};

}  // namespace

std::unique_ptr<Scenario> make_ring_oneway_32(std::uint64_t ring_bytes) {
  return std::make_unique<RingOneWay<32>>(ring_bytes);
}
std::unique_ptr<Scenario> make_ring_oneway_1024(std::uint64_t ring_bytes) {
  return std::make_unique<RingOneWay<1024>>(ring_bytes);
}
std::unique_ptr<Scenario> make_ring_oneway_65536(std::uint64_t ring_bytes) {
  return std::make_unique<RingOneWay<65536>>(ring_bytes);
}

}  // namespace bench

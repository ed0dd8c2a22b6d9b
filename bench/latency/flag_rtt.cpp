// What the hardware needs: a word that goes from core to core and back, with nothing around it.
#include "latency/scenarios.hpp"
#include "measuring/flag_turns.hpp"
#include "ringmail/transport/layout.hpp"
#include "ringmail/transport/memory.hpp"

namespace bench {
namespace {

namespace transport = ringmail::transport;

class FlagRtt : public Scenario {
 public:
  /// Where the words of the near and of the far end lie.
  FlagRtt(std::uint64_t near_offset, std::uint64_t far_offset)
      : mapping_(value_of(value_of(transport::Segment::create("latency.flags", transport::page_bytes))
                              .map(transport::Mapping::Access::write))),
        near_(*mapping_.at<Flag>(near_offset), *mapping_.at<Flag>(far_offset)),
        far_(*mapping_.at<Flag>(far_offset), *mapping_.at<Flag>(near_offset)) {}

  std::uint64_t payload_bytes() const override { return sizeof(Flag); }

  Ticks near_end(std::uint64_t messages, Sample* each) override {
    return time_each(messages, each, [this](std::uint64_t) { near_.trip(); });
  }

  void far_end(std::uint64_t messages) override {
    for (std::uint64_t i = 0; i < messages; ++i) far_.answer();
  }

 private:
  transport::Mapping mapping_;
  FlagTurns near_;  // each process uses one of the two
  FlagTurns far_;
};

}  // namespace

std::unique_ptr<Scenario> make_floor_rtt() { return std::make_unique<FlagRtt>(0, 0); }

std::unique_ptr<Scenario> make_flags_rtt() { return std::make_unique<FlagRtt>(0, transport::isolation_bytes); }

}  // namespace bench

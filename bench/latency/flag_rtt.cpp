// What the hardware needs: a word that goes from core to core and back, with nothing around it.
#include <atomic>

#include "latency/scenarios.hpp"
#include "ringmail/transport/layout.hpp"
#include "ringmail/transport/memory.hpp"
#include "ringmail/transport/pause.hpp"

namespace bench {
namespace {

namespace transport = ringmail::transport;

class FlagRtt : public Scenario {
 public:
  /// Where the words of the near and of the far end lie.
  FlagRtt(std::uint64_t near_offset, std::uint64_t far_offset)
      : mapping_(value_of(value_of(transport::Segment::create("latency.flags", transport::page_bytes))
                              .map(transport::Mapping::Access::write))),
        near_(*mapping_.at<Flag>(near_offset)),
        far_(*mapping_.at<Flag>(far_offset)) {}

  std::uint64_t payload_bytes() const override { return sizeof(Flag); }

  Ticks near_end(std::uint64_t messages, Sample* each) override {
    return time_each(messages, each, [this](std::uint64_t) {
      store_next(near_);
      await_next(far_);
    });
  }

  void far_end(std::uint64_t messages) override {
    for (std::uint64_t i = 0; i < messages; ++i) {
      await_next(near_);
      store_next(far_);
    }
  }

 private:
  using Flag = std::atomic<std::uint64_t>;

  void store_next(Flag& flag) { flag.store(++turn_, std::memory_order_release); }
  void await_next(const Flag& flag) {
    ++turn_;
    while (flag.load(std::memory_order_acquire) != turn_) transport::pause();
  }

  transport::Mapping mapping_;
  Flag& near_;
  Flag& far_;
  std::uint64_t turn_ = 0;  // each process has its own, and both are in step
};

}  // namespace

std::unique_ptr<Scenario> make_floor_rtt() { return std::make_unique<FlagRtt>(0, 0); }

std::unique_ptr<Scenario> make_flags_rtt() { return std::make_unique<FlagRtt>(0, transport::isolation_bytes); }

}  // namespace bench

// How fast one core reads lines that another has just written: what bounds a ring of large messages.
#include <cstring>

#include "latency/scenarios.hpp"
#include "ringmail/transport/layout.hpp"
#include "ringmail/transport/memory.hpp"
#include "ringmail/transport/pause.hpp"

namespace bench {
namespace {

namespace transport = ringmail::transport;

/// The near end writes a block, the far end reads it and times itself; then the next one.
class LinesOneWay : public Scenario {
 public:
  LinesOneWay()
      : mapping_(value_of(value_of(transport::Segment::create("latency.lines", block_bytes + transport::page_bytes))
                              .map(transport::Mapping::Access::write))),
        control_(*mapping_.at<Control>(block_bytes)) {}

  Figure figure() const override { return Figure::one_way; }
  std::uint64_t payload_bytes() const override { return block_bytes; }
  std::uint64_t messages(std::uint64_t round_trips) const override {
    return std::max<std::uint64_t>(1, round_trips / 40);
  }

  Ticks near_end(std::uint64_t messages, Sample*) override {
    const Ticks before = control_.reading.load(std::memory_order_relaxed);
    for (std::uint64_t i = 0; i < messages; ++i) {
      std::memset(mapping_.data(), static_cast<int>(++written_), block_bytes);
      control_.written.store(written_, std::memory_order_release);
      while (control_.read.load(std::memory_order_acquire) != written_) transport::pause();
    }
    return control_.reading.load(std::memory_order_relaxed) - before;
  }

  void far_end(std::uint64_t messages) override {
    for (std::uint64_t i = 0; i < messages; ++i) {
      ++written_;
      while (control_.written.load(std::memory_order_acquire) != written_) transport::pause();
      const Ticks start = ticks();
      std::uint64_t sum = 0;
      for (std::uint64_t at = 0; at < block_bytes; at += sizeof sum) {
        std::uint64_t word = 0;
        std::memcpy(&word, mapping_.data() + at, sizeof word);
        sum += word;
      }
      control_.sum = sum;  // so that it is computed
      control_.reading.store(control_.reading.load(std::memory_order_relaxed) + (ticks() - start),
                             std::memory_order_relaxed);
      control_.read.store(written_, std::memory_order_release);
    }
  }

 private:
  static constexpr std::uint64_t block_bytes = 65536;
  struct Control {
    alignas(transport::isolation_bytes) std::atomic<std::uint64_t> written;
    alignas(transport::isolation_bytes) std::atomic<std::uint64_t> read;
    std::atomic<Ticks> reading;  // in all
    std::uint64_t sum;
  };

  transport::Mapping mapping_;
  Control& control_;
  std::uint64_t written_ = 0;  // each process counts for itself
};

}  // namespace

std::unique_ptr<Scenario> make_lines_oneway() { return std::make_unique<LinesOneWay>(); }

}  // namespace bench

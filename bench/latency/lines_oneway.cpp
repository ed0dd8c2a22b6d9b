// How fast one core reads lines that another has just written, and how fast it can write them again after that: what bounds a
// ring of large messages, since its memory is used again and again.
#include <cstring>

#include "latency/scenarios.hpp"
#include "ringmail/transport/layout.hpp"
#include "ringmail/transport/memory.hpp"
#include "ringmail/transport/pause.hpp"

namespace bench {
namespace {

namespace transport = ringmail::transport;

enum class Timed { reading, writing };

/// The near end writes a block, the far end reads it; then the next one. Only one of the two is timed.
class LinesOneWay : public Scenario {
 public:
  explicit LinesOneWay(Timed timed)
      : timed_(timed),
        mapping_(value_of(value_of(transport::Segment::create("latency.lines", block_bytes + transport::page_bytes))
                              .map(transport::Mapping::Access::write))),
        control_(*mapping_.at<Control>(block_bytes)) {}

  Figure figure() const override { return Figure::one_way; }
  std::uint64_t payload_bytes() const override { return block_bytes; }
  std::uint64_t messages(std::uint64_t round_trips) const override {
    return std::max<std::uint64_t>(1, round_trips / 40);
  }

  Ticks near_end(std::uint64_t messages, Sample*) override {
    const Ticks before = control_.reading.load(std::memory_order_relaxed);
    Ticks writing = 0;
    for (std::uint64_t i = 0; i < messages; ++i) {
      const Ticks start = ticks();
      std::memset(mapping_.data(), static_cast<int>(++written_), block_bytes);
      std::atomic_thread_fence(std::memory_order_seq_cst);  // or they would be under way when the clock is read
      writing += ticks() - start;
      control_.written.store(written_, std::memory_order_release);
      while (control_.read.load(std::memory_order_acquire) != written_) transport::pause();
    }
    return timed_ == Timed::writing ? writing : control_.reading.load(std::memory_order_relaxed) - before;
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

  const Timed timed_;
  transport::Mapping mapping_;
  Control& control_;
  std::uint64_t written_ = 0;  // each process counts for itself
};

}  // namespace

std::unique_ptr<Scenario> make_lines_oneway() { return std::make_unique<LinesOneWay>(Timed::reading); }
std::unique_ptr<Scenario> make_lines_rewritten() { return std::make_unique<LinesOneWay>(Timed::writing); }

}  // namespace bench

// Asks that wait for their answer until a deadline. They are told from the others by a bit of their correlation, so that an
// answer which comes late is known for one even though nothing of its ask is kept.
//
// Allocates when more are open than ever before, and nothing otherwise. The clock is looked at by the caller.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace ringmail::transport {

class TimedAsks {
 public:
  static constexpr std::uint32_t mark = 0x8000'0000;  ///< in the correlation of such an ask, and of no other
  static constexpr std::uint64_t never = UINT64_MAX;

  /// Makes room for one more.
  void reserve();
  /// After reserve().
  void add(std::uint32_t correlation, std::uint64_t deadline_ns);
  bool contains(std::uint32_t correlation) const {
    return !slots_.empty() && slots_[find(correlation)].correlation != 0;
  }
  /// The answer has come. False: too late.
  bool remove(std::uint32_t correlation);

  bool empty() const { return open_ == 0 && expired_.empty(); }
  /// No ask expires before; it may be later.
  std::uint64_t earliest_ns() const { return expired_.empty() ? earliest_ns_ : 0; }
  /// The correlation of one whose time is up, each once.
  std::optional<std::uint32_t> take_expired(std::uint64_t now_ns);

 private:
  struct Slot {
    std::uint32_t correlation = 0;  // 0: empty
    std::uint64_t deadline_ns = 0;
  };

  std::size_t home(std::uint32_t correlation) const { return correlation & (slots_.size() - 1); }
  std::size_t find(std::uint32_t correlation) const;
  void erase(std::size_t hole);

  std::vector<Slot> slots_;  // open addressing by the low bits, a power of two, no more than half taken
  std::size_t open_ = 0;
  std::uint64_t earliest_ns_ = never;
  std::vector<std::uint32_t> expired_;  // found together, given out one by one
};

}  // namespace ringmail::transport

// A hierarchical timing wheel, to be measured against the heap that schedulers have: what it could cost at best. It has the heap's
// ids and callbacks; what it has not is said at each function.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include "ringmail/runtime/timer_queue.hpp"

namespace bench {

using ringmail::runtime::TimerCallback;
using ringmail::runtime::TimerId;

class TimerWheel {
 public:
  static constexpr unsigned tick_bits = 14;  ///< a tick is 16 µs: nothing comes earlier, and up to one later
  static constexpr unsigned slot_bits = 6;
  static constexpr unsigned levels = 8;  // 64^8 ticks: 146 years

  explicit TimerWheel(std::uint64_t now_ns) : tick_(now_ns >> tick_bits) {
    for (auto& level : heads_) level.fill(none);
  }

  TimerId add(std::uint64_t deadline_ns, TimerCallback callback) {
    std::uint32_t index = free_;
    if (index == none) {
      index = static_cast<std::uint32_t>(nodes_.size());
      nodes_.emplace_back();
    } else {
      free_ = nodes_[index].next;
    }
    Node& node = nodes_[index];
    node.callback = callback;
    node.sequence = ++last_sequence_;
    // Rounded up, so that nothing comes before its time.
    node.tick = std::max((deadline_ns + (std::uint64_t{1} << tick_bits) - 1) >> tick_bits, tick_ + 1);
    link(index);
    ++size_;
    return {node.sequence, index};
  }

  bool cancel(TimerId id) {
    if (id.sequence == 0 || id.slot >= nodes_.size() || nodes_[id.slot].sequence != id.sequence) return false;
    unlink(id.slot);
    give_back(id.slot);
    return true;
  }

  /// In the order of the ticks; those of one tick in no order. No callback may cancel one of its own tick.
  std::size_t expire(std::uint64_t now_ns) {
    const std::uint64_t end = now_ns >> tick_bits;
    std::size_t count = 0;
    while (tick_ < end) {
      if (size_ == 0) {
        tick_ = end;
        break;
      }
      tick_ = std::min(end, next_tick());
      for (unsigned level = levels - 1; level > 0; --level) {
        // What this level has in the slot that begins now goes down by at least one.
        if ((tick_ & ((std::uint64_t{1} << (level * slot_bits)) - 1)) == 0) cascade(level);
      }
      std::uint32_t index = take(0, tick_ & (slots - 1));
      while (index != none) {
        const std::uint32_t next = nodes_[index].next;
        const TimerCallback callback = nodes_[index].callback;
        give_back(index);
        callback.function(callback.context, callback.argument);
        ++count;
        index = next;
      }
    }
    return count;
  }

  /// When to look next: a deadline, or the end of a slot that has some.
  std::uint64_t next_deadline_ns() const { return size_ == 0 ? ~std::uint64_t{0} : next_tick() << tick_bits; }
  std::size_t size() const { return size_; }

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  static constexpr std::uint64_t slots = std::uint64_t{1} << slot_bits;

  struct Node {
    TimerCallback callback;
    std::uint64_t tick = 0;
    std::uint64_t sequence = 0;
    std::uint32_t next = none;
    std::uint32_t previous = none;  // none: the first of its slot
    std::uint16_t place = 0;
  };

  void link(std::uint32_t index) {
    Node& node = nodes_[index];
    const std::uint64_t differ = node.tick ^ tick_;
    const unsigned level = differ == 0 ? 0 : static_cast<unsigned>(std::bit_width(differ) - 1) / slot_bits;
    const std::uint64_t slot = node.tick >> (level * slot_bits) & (slots - 1);
    node.place = static_cast<std::uint16_t>(level << slot_bits | slot);
    std::uint32_t& head = heads_[level][slot];
    node.next = head;
    node.previous = none;
    if (head != none) nodes_[head].previous = index;
    head = index;
    full_[level] |= std::uint64_t{1} << slot;
  }

  void unlink(std::uint32_t index) {
    const Node& node = nodes_[index];
    const unsigned level = node.place >> slot_bits;
    const std::uint64_t slot = node.place & (slots - 1);
    if (node.next != none) nodes_[node.next].previous = node.previous;
    if (node.previous != none) {
      nodes_[node.previous].next = node.next;
    } else {
      heads_[level][slot] = node.next;
      if (node.next == none) full_[level] &= ~(std::uint64_t{1} << slot);
    }
  }

  void give_back(std::uint32_t index) {
    nodes_[index].sequence = 0;
    nodes_[index].next = free_;
    free_ = index;
    --size_;
  }

  std::uint32_t take(unsigned level, std::uint64_t slot) {
    full_[level] &= ~(std::uint64_t{1} << slot);
    return std::exchange(heads_[level][slot], none);
  }

  void cascade(unsigned level) {
    std::uint32_t index = take(level, tick_ >> (level * slot_bits) & (slots - 1));
    while (index != none) {
      const std::uint32_t next = nodes_[index].next;
      link(index);
      index = next;
    }
  }

  std::uint64_t next_tick() const {
    for (unsigned level = 0; level < levels; ++level) {
      const unsigned shift = level * slot_bits;
      const std::uint64_t here = tick_ >> shift & (slots - 1);
      // A slot of a level lies within the slot of the one above that tick_ is in, and behind tick_.
      const std::uint64_t later = here == slots - 1 ? 0 : full_[level] >> (here + 1) << (here + 1);
      if (later == 0) continue;
      const auto slot = static_cast<std::uint64_t>(std::countr_zero(later));
      return ((tick_ >> (shift + slot_bits) << slot_bits) | slot) << shift;
    }
    return ~std::uint64_t{0} >> tick_bits;
  }

  std::uint64_t tick_;
  std::array<std::array<std::uint32_t, slots>, levels> heads_;
  std::array<std::uint64_t, levels> full_{};
  std::vector<Node> nodes_;
  std::uint32_t free_ = none;
  std::uint64_t last_sequence_ = 0;
  std::size_t size_ = 0;
};

}  // namespace bench

#include "timed_asks.hpp"

#include <algorithm>
#include <utility>

namespace ringmail::transport {

std::size_t TimedAsks::find(std::uint32_t correlation) const {
  std::size_t at = home(correlation);
  while (slots_[at].correlation != 0 && slots_[at].correlation != correlation) at = (at + 1) & (slots_.size() - 1);
  return at;
}

void TimedAsks::reserve() {
  // Together with the open ones, so that take_expired() need not allocate.
  if (expired_.capacity() < open_ + expired_.size() + 1) expired_.reserve(2 * (open_ + expired_.size() + 8));
  if (2 * (open_ + 1) <= slots_.size()) return;
  const auto old = std::exchange(slots_, std::vector<Slot>(std::max<std::size_t>(16, 2 * slots_.size())));
  for (const Slot& slot : old) {
    if (slot.correlation != 0) slots_[find(slot.correlation)] = slot;
  }
}

void TimedAsks::add(std::uint32_t correlation, std::uint64_t deadline_ns) {
  slots_[find(correlation)] = {.correlation = correlation, .deadline_ns = deadline_ns};
  ++open_;
  earliest_ns_ = std::min(earliest_ns_, deadline_ns);
}

/// Closes the gap, so that nobody who was put behind it is lost.
void TimedAsks::erase(std::size_t hole) {
  const std::size_t last = slots_.size() - 1;
  for (std::size_t at = (hole + 1) & last; slots_[at].correlation != 0; at = (at + 1) & last) {
    const std::size_t way = (at - home(slots_[at].correlation)) & last;
    if (way < ((at - hole) & last)) continue;
    slots_[hole] = slots_[at];
    hole = at;
  }
  slots_[hole] = {};
  if (--open_ == 0) earliest_ns_ = never;
}

bool TimedAsks::remove(std::uint32_t correlation) {
  if (!contains(correlation)) return false;
  erase(find(correlation));
  return true;
}

std::optional<std::uint32_t> TimedAsks::take_expired(std::uint64_t now_ns) {
  if (expired_.empty() && now_ns >= earliest_ns_) {
    earliest_ns_ = never;
    for (const Slot& slot : slots_) {
      if (slot.correlation == 0) continue;
      if (slot.deadline_ns <= now_ns) {
        expired_.push_back(slot.correlation);
      } else {
        earliest_ns_ = std::min(earliest_ns_, slot.deadline_ns);
      }
    }
    const std::uint64_t earliest_ns = earliest_ns_;
    for (const std::uint32_t correlation : expired_) erase(find(correlation));
    earliest_ns_ = earliest_ns;
  }
  if (expired_.empty()) return std::nullopt;
  const std::uint32_t correlation = expired_.back();
  expired_.pop_back();
  return correlation;
}

}  // namespace ringmail::transport

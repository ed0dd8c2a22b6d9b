#include "ringmail/runtime/timer_queue.hpp"

#include <algorithm>
#include <cassert>

namespace ringmail::runtime {

namespace {

constexpr std::size_t arity = 4;  // half the depth of a binary heap, and four elements lie in two cache lines

}  // namespace

void TimerQueue::reserve(std::size_t count) {
  heap_.reserve(count);
  slots_.reserve(count);
}

TimerId TimerQueue::add(std::uint64_t deadline_ns, TimerCallback callback) {
  assert(callback.function != nullptr);
  if (heap_.size() == heap_.capacity()) heap_.reserve(std::max<std::size_t>(16, 2 * heap_.size()));
  const std::uint32_t slot = take_slot();

  const Element element{std::max(deadline_ns, earliest_allowed_ns_), ++last_sequence_, slot};
  slots_[slot].callback = callback;
  slots_[slot].sequence = element.sequence;
  heap_.push_back(element);
  move_up(heap_.size() - 1, element);
  return {element.sequence, slot};
}

bool TimerQueue::cancel(TimerId id) noexcept {
  if (id.sequence == 0 || id.slot >= slots_.size() || slots_[id.slot].sequence != id.sequence) return false;
  remove(slots_[id.slot].place);
  free_slot(id.slot);
  return true;
}

std::size_t TimerQueue::expire(std::uint64_t now_ns) noexcept {
  assert(now_ns != never);
  assert(earliest_allowed_ns_ == 0 && "a timer's callback may not call expire()");
  earliest_allowed_ns_ = now_ns + 1;
  std::size_t count = 0;
  for (; !heap_.empty() && heap_.front().deadline_ns <= now_ns; ++count) {
    const std::uint32_t slot = heap_.front().slot;
    const TimerCallback callback = slots_[slot].callback;
    remove(0);
    free_slot(slot);
    callback.function(callback.context, callback.argument);
  }
  earliest_allowed_ns_ = 0;
  return count;
}

std::uint32_t TimerQueue::take_slot() {
  if (first_free_ == no_slot) {
    assert(slots_.size() < no_slot);
    slots_.push_back({});
    return static_cast<std::uint32_t>(slots_.size() - 1);
  }
  const std::uint32_t slot = first_free_;
  first_free_ = slots_[slot].place;
  return slot;
}

void TimerQueue::free_slot(std::uint32_t slot) noexcept {
  slots_[slot].sequence = 0;
  slots_[slot].place = first_free_;
  first_free_ = slot;
}

void TimerQueue::remove(std::size_t place) noexcept {
  const Element last = heap_.back();
  heap_.pop_back();
  if (place == heap_.size()) return;
  // The last element comes from another branch, so it may be earlier than the parent of the gap as well as later than
  // its children.
  if (place > 0 && last.is_before(heap_[(place - 1) / arity])) {
    move_up(place, last);
  } else {
    move_down(place, last);
  }
}

void TimerQueue::move_up(std::size_t place, Element element) noexcept {
  while (place > 0) {
    const std::size_t parent = (place - 1) / arity;
    if (!element.is_before(heap_[parent])) break;
    put(place, heap_[parent]);
    place = parent;
  }
  put(place, element);
}

void TimerQueue::move_down(std::size_t place, Element element) noexcept {
  for (;;) {
    const std::size_t first = place * arity + 1;
    if (first >= heap_.size()) break;
    const std::size_t end = std::min(first + arity, heap_.size());
    std::size_t earliest = first;
    for (std::size_t child = first + 1; child < end; ++child) {
      if (heap_[child].is_before(heap_[earliest])) earliest = child;
    }
    if (!heap_[earliest].is_before(element)) break;
    put(place, heap_[earliest]);
    place = earliest;
  }
  put(place, element);
}

void TimerQueue::put(std::size_t place, const Element& element) noexcept {
  heap_[place] = element;
  slots_[element.slot].place = static_cast<std::uint32_t>(place);
}

}  // namespace ringmail::runtime

// Handlers that wait for the same thing, each for its turn.
#pragma once

#include "ringmail/runtime/scheduler.hpp"

namespace ringmail::runtime {

struct WaitLine {
  Waiter* first = nullptr;
  Waiter* last = nullptr;

  bool empty() const { return first == nullptr; }
  void line_up(Waiter& waiter) {
    (first == nullptr ? first : last->next_in_line) = &waiter;
    last = &waiter;
  }
  void leave(Waiter& waiter) {
    Waiter* previous = nullptr;
    for (Waiter** link = &first; *link != &waiter; link = &(*link)->next_in_line) previous = *link;
    (previous == nullptr ? first : previous->next_in_line) = waiter.next_in_line;
    if (last == &waiter) last = previous;
  }
};

}  // namespace ringmail::runtime

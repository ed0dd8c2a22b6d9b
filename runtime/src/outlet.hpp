// A ring out of a scheduler, who waits for room in it, and what may not wait.
//
// Backpressure, with what breaks without each rule:
//   1. A scheduler never leaves a frame in a ring because its actor is busy; it takes it out and queues it at the actor.
//      Else a suspended actor stops its neighbours, and two schedulers that send to each other stop for ever.
//   2. A handler that finds no room suspends, with a deadline, and then fails with `full`. The scheduler never blocks.
//   3. What may not wait (replies, stop, monitors) goes to the overflow, which is flushed before anything newer. Else a reply
//      has nowhere to go while the ring is full of questions.
#pragma once

#include <deque>
#include <functional>

#include "ringmail/runtime/scheduler.hpp"
#include "ringmail/transport/ring_producer.hpp"

namespace ringmail::runtime {

struct Outlet {
  transport::RingProducer* ring = nullptr;
  transport::Doorbell* bell = nullptr;
  bool dirty = false;    // in Scheduler::dirty_
  bool crowded = false;  // in Scheduler::crowded_
  Waiter* first = nullptr;
  Waiter* last = nullptr;
  std::deque<std::move_only_function<bool()>> overflow;  // each tries again; true when it is done

  bool is_crowded() const { return first != nullptr || !overflow.empty(); }
};

/// An outlet to another scheduler of this process owns its ring's end.
struct LocalOutlet : Outlet {
  transport::RingProducer producer;
  transport::Doorbell doorbell;

  LocalOutlet(transport::RingProducer ring_end, transport::Bell& target) : producer(ring_end), doorbell(target) {
    ring = &producer;
    bell = &doorbell;
  }
};

}  // namespace ringmail::runtime

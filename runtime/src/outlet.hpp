// A ring out of a scheduler, who waits for room in it, and what may not wait.
//
// Backpressure, with what breaks without each rule:
//   1. A scheduler never leaves a frame in a ring because its actor is busy; it takes it out and queues it at the actor.
//      Else a suspended actor stops its neighbours, and two schedulers that send to each other stop for ever.
//   2. A handler that finds no room suspends, with a deadline, and then fails with `full`. The scheduler never blocks.
//   3. What may not wait (replies, stop, monitors) goes to the overflow, which is flushed before anything newer. Else a reply
//      has nowhere to go while the ring is full of questions.
//   4. Who waits for room stays in line until it has it or gives up, and then lets the next one try. Else whoever needs little
//      would overtake for ever whoever needs much.
#pragma once

#include <deque>

#include "local_ring.hpp"
#include "ringmail/runtime/move_only_function.hpp"
#include "ringmail/runtime/scheduler.hpp"
#include "ringmail/transport/ring_producer.hpp"
#include "wait_line.hpp"

namespace ringmail::runtime {

struct Outlet {
  enum class State : std::uint8_t {
    unopened,  ///< the ring does not exist yet; who sends waits for it
    open,
    closed,  ///< nothing more may be sent, and the ring may be gone
  };

  /// A frame that waits for room.
  struct Pending {
    std::uint32_t bytes;
    transport::FrameHead head;
    MoveOnlyFunction<void(std::byte*)> write;
    bool is_message() const {
      return head.kind == transport::FrameKind::message || head.kind == transport::FrameKind::local;
    }
    /// Of a message.
    std::uint32_t message_type() const {
      return head.kind == transport::FrameKind::local ? LocalFrame::binding(head).type->id : head.type;
    }
  };

  transport::RingProducer* ring = nullptr;
  transport::Doorbell* bell = nullptr;
  RemoteLane* lane = nullptr;  ///< of a ring between processes
  State state = State::open;
  bool dirty = false;    // in Scheduler::dirty_
  bool crowded = false;  // in Scheduler::crowded_
  WaitLine line;
  std::deque<Pending> overflow;

  bool is_crowded() const { return !line.empty() || !overflow.empty(); }
  bool is_faulted() const { return ring->fault() != transport::RingFault::none; }

  /// Whether it is worth trying again. A faulted ring has no room until its consumer is another one.
  bool may_have_room() const { return state == State::open && !is_faulted() && ring->cursor_moved(); }
};

/// An outlet to another scheduler of this process owns its ring's end. Whoever makes the system makes those of all schedulers, one
/// beside the other, and each is written with every message.
struct alignas(transport::isolation_bytes) LocalOutlet : Outlet {
  transport::RingProducer producer;
  transport::Doorbell doorbell;

  LocalOutlet(transport::RingProducer ring_end, transport::Bell& target) : producer(ring_end), doorbell(target) {
    ring = &producer;
    bell = &doorbell;
  }
};

}  // namespace ringmail::runtime

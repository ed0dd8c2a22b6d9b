// Rings between the schedulers of one process: what they say to each other in them beside messages, and what is left at the end.
#include "credits.hpp"
#include "farewell.hpp"
#include "local_ring.hpp"
#include "outlet.hpp"
#include "poll_set.hpp"
#include "ringmail/runtime/scheduler.hpp"
#include "scheduler_cells.hpp"

namespace ringmail::runtime {
namespace {

/// Of a control frame that has one.
void destroy_object(const transport::Frame& frame) {
  const MessageType& type = object_type(frame.head);
  if (type.destroy != nullptr) type.destroy(const_cast<std::byte*>(frame.payload));
}

Farewell take_farewell(std::byte* payload) {
  auto* const object = std::launder(reinterpret_cast<Farewell*>(payload));
  Farewell farewell = std::move(*object);
  object->~Farewell();
  return farewell;
}

}  // namespace

LocalInlet& Scheduler::make_inlet(LocalRing& ring, transport::Bell& sender) {
  auto& own = local_inlets_.emplace_back(std::make_unique<LocalInlet>(ring.consumer(), sender));
  own->consumer.order(ordering_);
  return *own;
}

void Scheduler::connect_from(LocalRing& ring, transport::Bell& sender) { inlets_->add(make_inlet(ring, sender)); }

void Scheduler::poll_own_lane(std::uint32_t from, LocalRing& ring, transport::Bell& sender) {
  LocalInlet& inlet = make_inlet(ring, sender);
  inlet.may_go_cold = false;
  own_inlets_.push_back({.from = from, .inlet = &inlet});
}

void Scheduler::connect_to(std::uint32_t target, LocalRing& ring, transport::Bell& bell, std::uint32_t lane) {
  const std::size_t place = target << ActorId::lane_bits | lane;
  if (outlets_.size() <= place) outlets_.resize(place + 1);
  outlets_[place] = std::make_unique<LocalOutlet>(ring.producer(), bell);
  outlets_[place]->producer.order(ordering_);
}

void Scheduler::take_local_control(Inlet& inlet, const transport::Frame& frame) {
  std::byte* payload = const_cast<std::byte*>(frame.payload);
  const transport::FrameHead head = frame.head;
  switch (static_cast<Operation>(head.type)) {
    case Operation::reply: complete(head.correlation, 0, object_type(head), payload); break;
    case Operation::refuse: complete_refused(head.correlation, 0, static_cast<AskError>(head.target)); break;
    case Operation::stop: {
      if (Cell* cell = find(ActorId(head.target))) request_stop(*cell);
      break;
    }
    case Operation::monitor: {
      const Binding* down = nullptr;
      std::memcpy(&down, payload, sizeof down);
      monitor({0, ActorId(head.target)}, ActorId(head.sender), *down);
      break;
    }
    case Operation::demonitor: demonitor({0, ActorId(head.target)}, ActorId(head.sender)); break;
    case Operation::link: take_link(ActorId(head.target), {0, ActorId(head.sender)}); break;
    case Operation::unlink: take_unlink(ActorId(head.target), {0, ActorId(head.sender)}); break;
    case Operation::exit: {
      const Farewell farewell = take_farewell(payload);
      take_exit(ActorId(head.target), farewell.who, farewell.reason);
      break;
    }
    case Operation::child_started: child_started(ActorId(head.target), {0, ActorId(head.sender)}); break;
    case Operation::child_down: {
      const Farewell farewell = take_farewell(payload);
      child_down(ActorId(head.target), farewell);
      break;
    }
    case Operation::restart: restart(ActorId(head.target)); break;
    case Operation::close: close(ActorId(head.target)); break;
    case Operation::remove: remove(ActorId(head.target)); break;
    case Operation::credit_request: take_credit_request(ActorId(head.target), ActorId(head.sender).thread()); break;
    case Operation::credit_notice: {
      std::uint64_t notice = 0;
      std::memcpy(&notice, payload, sizeof notice);
      take_credit_notice(ActorId(head.sender), notice);
      credits_->forget_if_over(ActorId(head.sender));
      break;
    }
    case Operation::credit_return: {
      std::uint64_t credits = 0;
      std::memcpy(&credits, payload, sizeof credits);
      take_credits_back(ActorId(head.target), static_cast<std::uint32_t>(credits));
      break;
    }
  }
  inlet.ring->advance();
}

void Scheduler::bury() {
  for (const auto& inlet : local_inlets_) {
    while (const auto frame = inlet->ring->peek()) {
      if (frame->head.kind == transport::FrameKind::local) {
        Message message = LocalFrame::message(*inlet->ring, *frame);
        bury(message, "the system has been shut down");
        continue;
      }
      // Nobody waits for it any more.
      if (has_object(static_cast<Operation>(frame->head.type))) destroy_object(*frame);
      inlet->ring->advance();
    }
  }
  for (const auto& outlet : outlets_) {
    if (outlet != nullptr) discard_overflow(*outlet);
  }
}

}  // namespace ringmail::runtime

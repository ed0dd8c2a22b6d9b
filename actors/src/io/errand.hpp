// What somebody is told of in messages, fetched by an actor of its own through the calls that suspend.
#pragma once

#include <functional>
#include <memory>

#include "ringmail/actors/actor.hpp"
#include "ringmail/actors/io/timeout.hpp"
#include "ringmail/actors/mailbox.hpp"
#include "ringmail/actors/this_actor.hpp"

namespace ringmail::io::detail {

class Errand : public Actor {
 public:
  explicit Errand(std::function<void()> work) : work_(std::move(work)) {}
  void started() override {
    work_();
    this_actor::stop();
  }

 private:
  std::function<void()> work_;
};

/// `work` runs as a handler, on the scheduler of `receiver`.
inline void run_errand(runtime::System& system, runtime::ActorId receiver, std::function<void()> work) {
  if (!receiver || system.is_forked()) return;
  system.scheduler(receiver.thread()).add(std::make_unique<ringmail::detail::ActorCell<Errand>>(std::move(work)));
}

/// In an errand, to whom it was sent for. False: that one has ended.
template <class M>
bool bring(const MessageReceiver& to, M&& message) {
  static_assert(!std::is_reference_v<M> && std::is_same_v<Carrier<M>, M>);
  runtime::Scheduler& here = *runtime::Scheduler::current();
  if (!here.is_live(to.actor)) return false;
  ringmail::detail::Room<M> room;
  ::new (room.place()) M(std::move(message));
  here.send_system({0, to.actor}, *to.binding, room.place());
  return true;
}

}  // namespace ringmail::io::detail

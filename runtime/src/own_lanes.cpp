#include "own_lanes.hpp"

#include <algorithm>

#include "ringmail/transport/handshake.hpp"

namespace ringmail::runtime {

// Mail that a peer has for such an actor comes by the lane of its scheduler, like mail for any other.
static_assert(transport::lane_of(ActorId(200, 1, 1, true, 15).value()) == 200);

std::uint32_t OwnLanes::take(std::uint32_t scheduler) {
  if (schedulers_.size() == 1) return 0;
  const std::lock_guard lock(mutex_);
  auto& of = of_[scheduler];
  // The first of equals, so that no lane is made while another one is free.
  const auto lane = std::ranges::min_element(of, {}, &Lane::users);
  if (lane->rings.empty()) make(*lane, scheduler);
  ++lane->users;
  return static_cast<std::uint32_t>(lane - of.begin()) + 1;
}

void OwnLanes::give_back(std::uint32_t scheduler, std::uint32_t lane) {
  const std::lock_guard lock(mutex_);
  --of_[scheduler][lane - 1].users;
}

bool OwnLanes::open(std::uint32_t from, ActorId to) {
  if (to.thread() >= of_.size() || to.lane() == 0) return false;
  const std::lock_guard lock(mutex_);
  const Lane& lane = of_[to.thread()][to.lane() - 1];
  if (lane.rings.empty()) return false;
  schedulers_[from]->connect_to(to.thread(), *lane.rings[from], bells_[to.thread()], to.lane());
  return true;
}

void OwnLanes::make(Lane& lane, std::uint32_t scheduler) const {
  Scheduler& reader = *schedulers_[scheduler];
  lane.rings.resize(schedulers_.size());
  for (std::uint32_t from = 0; from < schedulers_.size(); ++from) {
    if (from == scheduler) continue;
    LocalRing& ring = *(lane.rings[from] = std::make_unique<LocalRing>(ring_bytes_));
    transport::Bell& bell = bells_[from];
    // Its tasks run before whatever is sent by who learns of the actor: the actor itself comes after them.
    if (Scheduler::current() == &reader) {
      reader.poll_own_lane(from, ring, bell);
    } else {
      reader.post([&reader, from, &ring, &bell] { reader.poll_own_lane(from, ring, bell); });
    }
  }
}

}  // namespace ringmail::runtime

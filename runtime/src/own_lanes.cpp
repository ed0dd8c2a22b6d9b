#include "own_lanes.hpp"

#include <algorithm>

namespace ringmail::runtime {

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

LocalRing& OwnLanes::ring(std::uint32_t from, std::uint32_t to, std::uint32_t lane) {
  const std::lock_guard lock(mutex_);
  return *of_[to][lane - 1].rings[from];
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

// Lanes of one actor each, besides those that every two schedulers have: what is sent on one waits behind nothing that others are
// sent. docs/scheduling.md
//
// A lane is a ring from every other scheduler. Its number is part of the actor's id, so that a sender looks nothing up but where
// the ring begins, once. A lane whose actor has ended is the next one's; what still lies in it says whom it was for, and becomes
// a dead letter. With more such actors on a scheduler than lanes, some share one.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "local_ring.hpp"
#include "ringmail/runtime/address.hpp"
#include "ringmail/runtime/scheduler.hpp"
#include "ringmail/transport/link.hpp"

namespace ringmail::runtime {

/// Threads: any.
class OwnLanes {
 public:
  /// Both outlive it.
  OwnLanes(std::span<const std::unique_ptr<Scheduler>> schedulers, transport::Bells& bells, std::uint64_t ring_bytes)
      : schedulers_(schedulers), bells_(bells), ring_bytes_(ring_bytes), of_(schedulers.size()) {}

  /// A lane into that scheduler, which polls it before anybody can know of it. 0: there is nobody who could send on it.
  std::uint32_t take(std::uint32_t scheduler);
  void give_back(std::uint32_t scheduler, std::uint32_t lane);

  /// Connects scheduler `from`, on its own thread, to the lane of an actor. False: it has none.
  bool open(std::uint32_t from, ActorId to);

 private:
  static constexpr std::uint32_t lanes = (1u << ActorId::lane_bits) - 1;  // 0 is the lane that all share

  struct Lane {
    std::uint32_t users = 0;
    std::vector<std::unique_ptr<LocalRing>> rings;  // by sender; null: the scheduler itself
  };

  void make(Lane& lane, std::uint32_t scheduler) const;

  const std::span<const std::unique_ptr<Scheduler>> schedulers_;
  transport::Bells& bells_;
  const std::uint64_t ring_bytes_;
  std::mutex mutex_;
  std::vector<std::array<Lane, lanes>> of_;  // by scheduler
};

}  // namespace ringmail::runtime

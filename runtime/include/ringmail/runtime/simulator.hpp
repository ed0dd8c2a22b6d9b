// Takes the place of a system's threads: whoever waits for something runs schedulers until it has come about. ringmail::testing
// has one.
//
// Threads: one, for the system and everything in it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "ringmail/runtime/exit_reason.hpp"
#include "ringmail/runtime/link_owner.hpp"
#include "ringmail/runtime/peer_keeper.hpp"
#include "ringmail/runtime/scheduler.hpp"

namespace ringmail::runtime {

class Simulator {
 public:
  virtual ~Simulator() = default;

  /// Once, before anything of `system` runs. Returns who has its peers. `links` is the system, as that one sees it.
  virtual std::unique_ptr<PeerKeeper> attach(System& system, LinkOwner& links) = 0;

  /// Runs schedulers until `done`, which is asked after each turn. False: so much time has passed, or nothing can happen any
  /// more.
  virtual bool run_until(const std::function<bool()>& done, std::chrono::nanoseconds limit) = 0;

  /// What would be random elsewhere.
  virtual std::uint64_t random() = 0;

  /// A cell is given a message of that type; null: it starts. Called on the loop: must not throw or send.
  virtual void handled(const Scheduler& scheduler, const Cell& cell, const MessageType* type) = 0;
};

}  // namespace ringmail::runtime

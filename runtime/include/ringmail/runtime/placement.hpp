// On which scheduler a new actor is to live, for good.
#pragma once

#include <cstdint>

#include "ringmail/runtime/address.hpp"

namespace ringmail::runtime {

class Placement {
 public:
  /// Number `scheduler`, modulo how many there are.
  constexpr Placement(std::uint32_t scheduler) : value_(scheduler) {}

  /// The next in turn.
  static constexpr Placement round_robin() { return {next_in_turn}; }
  /// The one at which fewest messages wait or, among equals, fewest actors live, by what is known at the moment.
  static constexpr Placement least_loaded() { return {fewest}; }
  /// Beside an actor of this process: what they send to each other then crosses no thread.
  static constexpr Placement same_as(ActorId actor) { return {actor.thread()}; }

  constexpr bool is_round_robin() const { return value_ == next_in_turn; }
  constexpr bool is_least_loaded() const { return value_ == fewest; }
  constexpr std::uint32_t scheduler() const { return value_; }

 private:
  static constexpr std::uint32_t next_in_turn = ~0u;
  static constexpr std::uint32_t fewest = ~1u;

  std::uint32_t value_;
};

}  // namespace ringmail::runtime

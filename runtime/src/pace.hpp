// How often to look at the clock while messages are handled.
//
// A look costs as much as a message, so a loop of quick handlers looks once in 32 of them, and one of slow handlers after each.
// Each actor and each ring has a pace of its own: it begins by looking after every message and looks half as often
// each time that there was time left. One that was quick and turns slow is found out at its next look.
#pragma once

#include <cstdint>

#include "ringmail/runtime/clock.hpp"

namespace ringmail::runtime {

/// Doublings of the messages between two looks.
constexpr std::uint8_t slowest_pace = 0;
constexpr std::uint8_t quickest_pace = 5;

constexpr std::uint32_t messages_per_look(std::uint8_t pace) { return 1u << pace; }

/// After a look: `taken_ns` for all messages of this turn so far, of `budget_ns`.
constexpr std::uint8_t next_pace(std::uint8_t pace, std::uint64_t taken_ns, std::uint64_t budget_ns) {
  if (taken_ns >= budget_ns) return slowest_pace;
  // Twice as many must fit into what is left.
  if (taken_ns < budget_ns / 4 && pace < quickest_pace) return static_cast<std::uint8_t>(pace + 1);
  return pace;
}

/// One phase of the loop, or one ring's share of it. The time of the first message is not counted: most phases have no second one,
/// and then there is no look at the clock.
class Phase {
 public:
  explicit Phase(std::uint8_t pace) : until_look_(messages_per_look(pace)) {}

  /// After each message but the last.
  bool is_over(std::uint8_t& pace, std::uint64_t budget_ns) {
    if (began_ns_ == 0) {
      began_ns_ = now_ns();
      return false;
    }
    if (--until_look_ > 0) return false;
    const std::uint64_t taken_ns = now_ns() - began_ns_;
    pace = next_pace(pace, taken_ns, budget_ns);
    until_look_ = messages_per_look(pace);
    return taken_ns >= budget_ns;
  }

 private:
  std::uint64_t began_ns_ = 0;
  std::uint32_t until_look_;
};

}  // namespace ringmail::runtime

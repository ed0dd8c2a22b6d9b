// How often to look at the clock while messages are handled.
//
// A look costs as much as a message, so a loop of quick handlers looks once in 32 of them, and one of slow handlers after each.
// Each actor and each ring has a pace of its own: it begins by looking after every message and looks half as often
// each time that there was time left. One that was quick and turns slow is found out at its next look.
#pragma once

#include <cstdint>
#include <utility>

#include "ringmail/runtime/clock.hpp"

namespace ringmail::runtime {

/// Doublings of the messages between two looks.
inline constexpr std::uint8_t slowest_pace = 0;
inline constexpr std::uint8_t quickest_pace = 5;

constexpr std::uint32_t messages_per_look(std::uint8_t pace) { return 1u << pace; }

/// After a look: `taken_ns` for all messages so far, of `budget_ns`.
constexpr std::uint8_t next_pace(std::uint8_t pace, std::uint64_t taken_ns, std::uint64_t budget_ns) {
  if (taken_ns >= budget_ns) return slowest_pace;
  // Twice as many must fit into what is left.
  if (taken_ns < budget_ns / 4 && pace < quickest_pace) return static_cast<std::uint8_t>(pace + 1);
  return pace;
}

/// The last look at the clock by this thread, whatever it was for: where that is less than a budget ago, whatever began
/// since cannot have used it up, and need not have looked when it began.
struct LastLook {
  std::uint64_t at_ns = 0;
};

/// Messages that are handled one after the other: an actor's turn, a phase of the loop, or one ring's share of it.
class Stretch {
 public:
  /// Without a look at the clock: most stretches end after one message.
  void begin(std::uint8_t pace) {
    began_ns_ = 0;
    until_look_ = messages_per_look(pace);
  }
  /// So that the first message counts.
  void begin_now(std::uint8_t pace, LastLook& last) {
    begin(pace);
    began_ns_ = last.at_ns = now_ns();
  }

  /// After each message but the last.
  bool is_over(std::uint8_t& pace, std::uint64_t budget_ns, LastLook& last) {
    if (--until_look_ > 0) return false;
    return look(pace, budget_ns, last);
  }

 private:
  bool look(std::uint8_t& pace, std::uint64_t budget_ns, LastLook& last) {
    const std::uint64_t now = now_ns();
    const std::uint64_t before = std::exchange(last.at_ns, now);
    if (began_ns_ == 0) {
      if (now - before >= budget_ns) {
        // Perhaps this thread slept since, or somebody else was slow. From here on it is known.
        began_ns_ = now;
        pace /= 2;
        until_look_ = messages_per_look(pace);
        return false;
      }
      began_ns_ = before;
    }
    const std::uint64_t taken_ns = now - began_ns_;
    pace = next_pace(pace, taken_ns, budget_ns);
    until_look_ = messages_per_look(pace);
    return taken_ns >= budget_ns;
  }

  std::uint64_t began_ns_ = 0;  // 0: not known
  std::uint32_t until_look_ = 1;
};

}  // namespace ringmail::runtime

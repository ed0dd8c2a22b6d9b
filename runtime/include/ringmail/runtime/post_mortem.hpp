// What is known of a peer process that has died. A plain value; ExitReason has it, and so monitors, supervisors and whoever waits
// for its end. docs/post_mortem.md
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ringmail/runtime/address.hpp"
#include "ringmail/runtime/exit_reason.hpp"

namespace ringmail::runtime {

/// As the kernel counted it when the process was reaped.
struct ResourceUsage {
  std::chrono::microseconds user{0};
  std::chrono::microseconds system{0};
  std::uint64_t max_resident_bytes = 0;
  std::uint64_t major_faults = 0;          ///< that waited for a disk
  std::uint64_t involuntary_switches = 0;  ///< times that its CPU was taken away
};

/// The message that a peer had in hand.
struct MessageInHand {
  std::uint32_t lane = 0;  ///< which scheduler had sent it
  std::uint32_t type = 0;
  std::uint32_t length = 0;  ///< of its payload in bytes
  ActorId target{};          ///< whom it was for; nobody: the peer itself
  ActorId sender{};
  bool asked = false;          ///< whether somebody waits for the answer
  bool has_body = false;       ///< it is a large one: its payload begins with where that is (docs/spec/large.md)
  std::uint32_t attempts = 0;  ///< how many incarnations in a row have died with it, this one included. 0: not known
  bool given_up = false;       ///< it goes to the dead letters (PeerOptions::max_attempts)
  std::vector<std::byte> payload{};  ///< as the host wrote it; cut at `most_payload_bytes` unless it is given up
  std::string text{};                ///< the same by the schema, in one printable line

  static constexpr std::size_t most_payload_bytes = 64 << 10;
};

struct PostMortem {
  std::string peer{};
  std::uint64_t incarnation = 0;
  int pid = 0;
  ExitReason reason{};              ///< without a post-mortem of its own
  std::chrono::nanoseconds age{0};  ///< from its start to its death
  std::optional<ResourceUsage> usage{};
  std::vector<std::string> last_lines{};  ///< of its stderr, each printable and cut short
  std::vector<MessageInHand> in_hand{};   ///< one at most for each scheduler that it was sent mail by
  std::uint64_t waiting = 0;              ///< messages that it had not finished, those in hand included
  std::uint64_t deaths = 0;               ///< of this peer, this one included; being stopped is none
  bool dumped_core = false;
  std::string core{};  ///< where that is, or how one comes to it; empty: not known
};

/// The one of `reason`, or of the nearest of its causes that has one. Null: no process has died of which it is known.
const PostMortem* post_mortem_of(const ExitReason& reason);

/// Several lines, without an end of line behind the last.
std::string to_string(const PostMortem& post_mortem);

/// "handler of market.Tick {...}, 56 bytes, asked, attempt 2".
std::string to_string(const MessageInHand& message);

}  // namespace ringmail::runtime

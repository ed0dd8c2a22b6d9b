// What a peer does at the moment, by what it shows in shared memory and what the kernel says of its process. Nobody asks the peer.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ringmail/runtime/post_mortem.hpp"

namespace ringmail::runtime {

enum class PeerActivity : std::uint8_t {
  down,       ///< it has no process, or one that is not ready yet; PeerStatus::phase says which
  idle,       ///< awake, with no message in hand
  parked,     ///< asleep, with no message in hand
  busy,       ///< its handler works on a message
  waiting,    ///< its handler sleeps: it waits for an answer, for time, for another peer
  blocked,    ///< it waits until there is room in its ring of mail to a scheduler, which has not read what is in there
  suspended,  ///< stopped by a signal, or by a debugger, or frozen with its cgroup
};

struct PeerStatus {
  std::string name{};
  std::uint32_t link = 0;
  int pid = 0;
  std::uint64_t incarnation = 0;
  PeerActivity activity = PeerActivity::down;
  std::string phase{};  ///< of its life: "running", "starting", "delayed"
  /// It is known to have held this message for so long; counted from when it was first seen to, so from a quarter of
  /// PeerHang::after later at most. Without the time for which it was blocked or suspended.
  std::optional<MessageInHand> in_hand{};
  std::chrono::nanoseconds held_for{0};
  std::optional<std::uint32_t> blocked_on{};  ///< the scheduler that has not read its mail
  std::string suspended_by{};  ///< "stopped by a signal", "stopped by a debugger", "frozen with its cgroup"
  std::uint64_t waiting = 0;   ///< messages that it has not finished
  bool is_complete = true;     ///< false: a scheduler did not say in time what it knows of in_hand and waiting
  std::uint64_t deaths = 0;
  ExitReason last_death{};  ///< with its post-mortem. Of kind `normal`: none yet
};

std::string_view to_string(PeerActivity activity);
/// One phrase: "running, busy; in hand for 3.2 s: market.Tick {...}, 56 bytes; 17 messages not finished".
std::string to_string(const PeerStatus& status);

}  // namespace ringmail::runtime

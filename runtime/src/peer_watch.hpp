// What a running peer does, by the words that it shows: which lanes' messages it holds, and for how long.
//
// A message is in hand while the word that names it lies at or behind the cursor: the cursor passes it when its handler has ended, at
// the latest before the peer sleeps. So two looks that find the same two words have found one handler at work in between, and a peer
// that has nothing to do is not taken for one that hangs. All of it is the peer's own word, by which it hurts itself alone.
//
// Threads: the loop's.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ringmail/runtime/peer_status.hpp"
#include "ringmail/transport/link.hpp"

namespace ringmail::runtime {

class PeerWatch {
 public:
  struct Sight {
    PeerActivity activity = PeerActivity::idle;
    std::string suspended_by;
    std::optional<std::uint32_t> blocked_on;  ///< lane
    std::optional<std::uint32_t> held_lane;   ///< that of the message which has been held for longest
    std::chrono::nanoseconds held_for{0};
  };

  /// Another incarnation: nothing was seen of it.
  void reset(std::uint32_t lanes) { lanes_.assign(lanes, {}); }

  /// The more often, the better it is known since when. `pid` 0: whether it is suspended is not known.
  Sight look(const transport::Incarnation& memory, int pid, std::uint64_t now_ns);

 private:
  struct Lane {
    std::uint64_t cursor = 0;
    std::uint64_t in_hand = 0;
    std::uint64_t looked_ns = 0;  // 0: it was not in hand
    std::chrono::nanoseconds held{0};
  };

  std::vector<Lane> lanes_;
};

}  // namespace ringmail::runtime

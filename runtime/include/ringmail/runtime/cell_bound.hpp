// The limit of a mailbox, as its own scheduler keeps it. The rules stand in credits.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "ringmail/runtime/mailbox_limit.hpp"

namespace ringmail::runtime {

struct CellBound {
  MailboxLimit limit;
  std::uint32_t promised = 0;            ///< credits that senders have and have not used
  std::vector<std::uint32_t> holders{};  ///< schedulers that have asked for credits
  std::vector<std::uint32_t> waiting{};  ///< those that have none, in the order in which they asked
  bool peers_wait = false;               ///< a peer's mail stays in its ring
  bool peers_turn = false;               ///< what room there is next is left to them

  std::uint32_t room(std::uint32_t queued) const {
    return queued + promised < limit.capacity ? limit.capacity - queued - promised : 0;
  }
  /// Whether who has credits and does not use them keeps others waiting.
  bool is_wanted() const { return !waiting.empty() || peers_wait; }
};

}  // namespace ringmail::runtime

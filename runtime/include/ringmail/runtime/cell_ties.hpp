// How one life of an actor is bound up with those of others. Most actors have no ties, and pay one pointer for it.
#pragma once

#include <algorithm>
#include <optional>
#include <unordered_set>
#include <vector>

#include "ringmail/runtime/address.hpp"
#include "ringmail/runtime/exit_reason.hpp"
#include "ringmail/runtime/message.hpp"

namespace ringmail::runtime {

/// Threads: the scheduler's of the actor. Made anew for each life.
struct CellTies {
  struct Monitor {
    Address watcher;
    const Binding* down;
  };

  std::optional<ExitReason> failure;     ///< what it ends for, unless it was only asked to; the first one stands
  std::vector<Monitor> monitors;         ///< who is told of the end
  std::vector<Address> links;            ///< who fails with it. Each side has the other's, so an unlink counts at once
  std::unordered_set<Address> children;  ///< who ends before it does
  const Binding* traps_exits = nullptr;  ///< its handler of Exit, if exits of links are to be messages

  /// False: they are linked already.
  bool link(const Address& other) {
    if (std::ranges::find(links, other) != links.end()) return false;
    links.push_back(other);
    return true;
  }
};

}  // namespace ringmail::runtime

// What an actor does at the moment, where that is not what its class says: handlers on top of its own, and mail put aside.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "ringmail/runtime/message.hpp"

namespace ringmail::runtime {

/// A set of handlers that an actor puts on.
class Behaviour {
 public:
  virtual ~Behaviour() = default;
  /// Who handles such a message. Null: the actor's class.
  virtual const Binding* find(const Message& message) const noexcept = 0;
};

/// Made for a cell that puts on a behaviour or stashes a message, and for no other.
struct Conduct {
  Conduct() = default;
  Conduct(const Conduct&) = delete;
  Conduct& operator=(const Conduct&) = delete;

  Behaviour* top() const { return stack.empty() ? nullptr : stack.back().get(); }

  std::vector<std::unique_ptr<Behaviour>> stack;
  std::vector<std::unique_ptr<Behaviour>>
      past;  ///< taken off by a handler that may be one of their own; until its turn ends
  /// Of messages that a handler has received while it ran; until no handler runs any more.
  std::vector<std::pair<std::uint32_t, Receipt>> receipts;
  Envelope* first_stashed = nullptr;
  Envelope* last_stashed = nullptr;
  std::size_t stashed = 0;
};

}  // namespace ringmail::runtime

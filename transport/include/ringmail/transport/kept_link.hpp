// The memory of a link whose host has died, as the next host sees it: read, and never written.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <vector>

#include "ringmail/transport/carry.hpp"
#include "ringmail/transport/descriptor.hpp"
#include "ringmail/transport/layout.hpp"
#include "ringmail/transport/memory.hpp"

namespace ringmail::transport {

class KeptLink {
 public:
  /// Its mail, then what host and peer wrote in each incarnation that is not wholly taken over by the one behind it: one or two.
  static std::expected<KeptLink, MemoryFailure> open(const LinkLayout& layout, std::vector<Descriptor> descriptors);

  const LinkLayout& layout() const { return layout_; }

  /// What the peer has not finished. Nothing: what lies there is none. The peer runs no more, or has said that it is done with it.
  std::optional<LeftFrames> to_peer(std::uint32_t lane) const;
  /// What the host has not finished. Likewise.
  std::optional<LeftFrames> to_host(std::uint32_t lane) const;
  /// Whether the peer has the first of to_peer() in hand.
  bool is_in_hand(std::uint32_t lane) const;

 private:
  struct Incarnation {
    Mapping host;
    Mapping peer;
  };
  /// Whose words count for that lane.
  const Incarnation& counting(std::uint32_t lane) const;

  LinkLayout layout_;
  Mapping mail_;
  std::vector<Incarnation> incarnations_;
};

}  // namespace ringmail::transport

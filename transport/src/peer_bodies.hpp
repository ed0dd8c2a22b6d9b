// The bodies that a peer has received and not given back, over all lanes. Outlives the link while some are kept: a user's object may
// be the last to know of one.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <vector>

#include "ringmail.h"
#include "ringmail/transport/arena.hpp"
#include "ringmail/transport/fork_guard.hpp"
#include "ringmail/transport/peer_segments.hpp"

namespace ringmail::transport {

/// Threads: take() and keep() are the peer's thread's; give_back() and unkeep() may be called from any.
class PeerBodies {
 public:
  /// Or errno.
  static std::expected<PeerBodies*, int> create(std::shared_ptr<PeerSegments> segments);
  /// The peer needs it no longer. It goes with the last body that is kept.
  void leave() { drop(); }

  std::expected<ringmail_body, RingFault> take(std::uint32_t lane, std::span<const std::byte> payload);
  void give_back(const ringmail_body& body);
  void keep(const ringmail_body& body);
  /// False: it is not kept.
  bool unkeep(const ringmail_body& body);
  bool is_forked() const { return owner_.is_forked(); }

 private:
  struct Lane {
    ArenaConsumer consumer;
    std::array<std::atomic<std::uint32_t>, arena_slots> kept{};  // serial, by slot; 0: not kept
  };

  PeerBodies(ForkGuard owner, std::shared_ptr<PeerSegments> segments);
  void drop();

  ForkGuard owner_;
  std::shared_ptr<PeerSegments> segments_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::atomic<std::size_t> users_{1};  // the peer, and who keeps a body
};

}  // namespace ringmail::transport

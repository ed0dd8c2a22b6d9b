// The memory of a link as its peer has it: which segment it maps how, and where the rings of a lane lie in them.
//
// Threads: one at a time. What lane() gives points into the mappings.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <span>

#include "ringmail/transport/arena_segment.hpp"
#include "ringmail/transport/handshake.hpp"
#include "ringmail/transport/lane.hpp"
#include "ringmail/transport/layout.hpp"
#include "ringmail/transport/memory.hpp"

namespace ringmail::transport {

struct PeerSegments {
  LinkLayout layout;
  Mapping mail{}, host{}, peer{}, host_bells{}, host_parked{}, peer_bells{};
  std::shared_ptr<Arena> arena_out{};  ///< where `large` was chosen
  Mapping arena_in{};
  Descriptor doorbell{};  ///< where the host rings by a pipe

  /// Refuses one that has, or was announced with, another size than the layout says, or that its other writers could change.
  std::expected<void, MemoryFailure> map(const WelcomeSegment& announced, Descriptor descriptor);
  /// Once all are mapped: whether frames can start where the host says that they are taken up.
  bool starts_on_lines() const;
  /// The peer's end: made anew, so once.
  Lane lane(std::uint32_t index, Doorbell bell);
  /// Of a lane's bodies, where there are any. Each made anew, so once.
  ArenaProducer body_producer(std::uint32_t lane);
  ArenaConsumer body_consumer(std::uint32_t lane);
  /// Where the data of a ring of mail lie: of the one from the host, which cannot be written, or of the one to it.
  std::span<const std::byte> mail_memory(std::uint32_t lane, bool outgoing) const;
};

}  // namespace ringmail::transport

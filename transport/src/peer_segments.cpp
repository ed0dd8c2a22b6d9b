#include "ringmail/transport/peer_segments.hpp"

#include <utility>

namespace ringmail::transport {

std::expected<void, MemoryFailure> PeerSegments::map(const WelcomeSegment& announced, Descriptor descriptor) {
  const SegmentRole role = announced.role;
  if (role == SegmentRole::doorbell) {
    if (announced.bytes != doorbell_bytes) return std::unexpected(MemoryFailure{MemoryError::wrong_size, 0});
    doorbell = std::move(descriptor);
    return {};
  }
  struct Plan {
    Mapping* mapping;
    std::uint64_t bytes;
    Mapping::Access access;
    Seal seal;
  };
  const auto plan = [&]() -> Plan {
    using enum Mapping::Access;
    switch (role) {
      case SegmentRole::mail: return {&mail, layout.mail_bytes(), read, Seal::no_more_writers};
      case SegmentRole::host: return {&host, layout.host_bytes(), read, Seal::no_more_writers};
      case SegmentRole::peer: return {&peer, layout.peer_bytes(), write, Seal::size};
      case SegmentRole::host_bells: return {&host_bells, layout.lanes * sizeof(Bell), write, Seal::shared_writers};
      case SegmentRole::host_parked:
        return {&host_parked, park_mirror_bytes(layout.lanes), read, Seal::no_more_writers};
      case SegmentRole::arena_to_peer: return {&arena_in, layout.arenas_to_peer_bytes(), read, Seal::no_more_writers};
      case SegmentRole::arena_to_host:
        arena_out = std::make_shared<Arena>();
        return {&arena_out->mapping, layout.arenas_to_host_bytes(), write, Seal::size};
      case SegmentRole::peer_bells:
      case SegmentRole::doorbell: break;
    }
    return {&peer_bells, sizeof(Bell), write, Seal::shared_writers};
  }();
  if (announced.bytes != plan.bytes) return std::unexpected(MemoryFailure{MemoryError::wrong_size, 0});
  auto segment = Segment::join(std::move(descriptor), plan.bytes, plan.seal);
  auto mapping = segment ? segment->map(plan.access) : std::unexpected(segment.error());
  if (!mapping) return std::unexpected(mapping.error());
  *plan.mapping = std::move(*mapping);
  // Its pages are populated as they are needed.
  if (role == SegmentRole::arena_to_host) arena_out->segment = std::move(*segment);
  return {};
}

bool PeerSegments::starts_on_lines() const {
  for (std::uint32_t i = 0; i < layout.lanes; ++i) {
    // Relaxed: written before this process was given the memory.
    const auto& block = *peer.at<ConsumerBlock>(layout.peer_mail_consumer(i));
    if (block.cursor.load(std::memory_order_relaxed) % line_bytes != 0) return false;
    if (peer.at<ProducerBlock>(layout.peer_mail_producer(i))->start % line_bytes != 0) return false;
  }
  return true;
}

Lane PeerSegments::lane(std::uint32_t i, Doorbell bell) {
  // Only what the peer writes is writable.
  const Mapping& mail_in = mail;
  const Mapping& from_host = host;
  Lane lane;
  lane.mail_in = RingConsumer({.data = mail_in.data() + layout.mail_data(i),
                               .capacity = layout.mail_to_peer_bytes,
                               .other = mail_in.at<ProducerBlock>(layout.mail_producer(i)),
                               .own = peer.at<ConsumerBlock>(layout.peer_mail_consumer(i))});
  lane.control_in = RingConsumer({.data = from_host.data() + layout.host_control_data(i),
                                  .capacity = layout.control_bytes,
                                  .other = from_host.at<ProducerBlock>(layout.host_control_producer(i)),
                                  .own = peer.at<ConsumerBlock>(layout.peer_control_consumer(i))});
  lane.mail_out = RingProducer({.data = peer.data() + layout.peer_mail_data(i),
                                .capacity = layout.mail_to_host_bytes,
                                .own = peer.at<ProducerBlock>(layout.peer_mail_producer(i)),
                                .other = from_host.at<ConsumerBlock>(layout.host_mail_consumer(i))});
  lane.control_out = RingProducer({.data = peer.data() + layout.peer_control_data(i),
                                   .capacity = layout.control_bytes,
                                   .own = peer.at<ProducerBlock>(layout.peer_control_producer(i)),
                                   .other = from_host.at<ConsumerBlock>(layout.host_control_consumer(i))});
  lane.bell = bell;
  return lane;
}

ArenaProducer PeerSegments::body_producer(std::uint32_t i) {
  const Mapping& from_host = host;
  return ArenaProducer(
      Arena::memory(arena_out, i, layout.arena_to_host_bytes, from_host.at<ReturnsBlock>(layout.host_returns(i))));
}

ArenaConsumer PeerSegments::body_consumer(std::uint32_t i) {
  const Mapping& mail_in = mail;
  return ArenaConsumer({arena_in.data() + i * layout.arena_to_peer_bytes, layout.arena_to_peer_bytes},
                       peer.at<ReturnsBlock>(layout.peer_returns(i)),
                       mail_in.at<ProducerBlock>(layout.mail_producer(i)));
}

std::span<const std::byte> PeerSegments::mail_memory(std::uint32_t lane, bool outgoing) const {
  return outgoing ? std::span(peer.data() + layout.peer_mail_data(lane), layout.mail_to_host_bytes)
                  : std::span(mail.data() + layout.mail_data(lane), layout.mail_to_peer_bytes);
}

}  // namespace ringmail::transport

#include "ringmail/transport/kept_link.hpp"

#include <utility>

namespace ringmail::transport {

std::expected<KeptLink, MemoryFailure> KeptLink::open(const LinkLayout& layout, std::vector<Descriptor> descriptors) {
  if (descriptors.size() != 3 && descriptors.size() != 5) {
    return std::unexpected(MemoryFailure{MemoryError::wrong_size, 0});
  }
  KeptLink link;
  link.layout_ = layout;
  const auto map = [](Descriptor descriptor, std::uint64_t bytes, Seal seal) -> std::expected<Mapping, MemoryFailure> {
    auto segment = Segment::join(std::move(descriptor), bytes, seal);
    if (!segment) return std::unexpected(segment.error());
    return segment->map(Mapping::Access::read);
  };
  auto mail = map(std::move(descriptors[0]), layout.mail_bytes(), Seal::no_more_writers);
  if (!mail) return std::unexpected(mail.error());
  link.mail_ = std::move(*mail);
  for (std::size_t i = 1; i < descriptors.size(); i += 2) {
    auto host = map(std::move(descriptors[i]), layout.host_bytes(), Seal::no_more_writers);
    if (!host) return std::unexpected(host.error());
    // Sealed against writers once its peer was ready, and it may never have been.
    auto peer = map(std::move(descriptors[i + 1]), layout.peer_bytes(), Seal::size);
    if (!peer) return std::unexpected(peer.error());
    link.incarnations_.push_back({.host = std::move(*host), .peer = std::move(*peer)});
  }
  return link;
}

const KeptLink::Incarnation& KeptLink::counting(std::uint32_t lane) const {
  const Incarnation& last = incarnations_.back();
  // SYNC(carried): with Incarnation::mark_carried().
  const bool is_carried = std::as_const(last.host)
                              .at<ConsumerBlock>(layout_.host_mail_consumer(lane))
                              ->carried.load(std::memory_order_acquire) != 0;
  return is_carried ? last : incarnations_.front();
}

std::optional<LeftFrames> KeptLink::to_peer(std::uint32_t lane) const {
  const auto& consumer = *counting(lane).peer.at<ConsumerBlock>(layout_.peer_mail_consumer(lane));
  const std::byte* const data = mail_.data() + layout_.mail_data(lane);
  const auto where = survey(data, layout_.mail_to_peer_bytes, consumer);
  if (!where) return std::nullopt;
  return LeftFrames{.data = data, .capacity = layout_.mail_to_peer_bytes, .where = *where};
}

std::optional<LeftFrames> KeptLink::to_host(std::uint32_t lane) const {
  const Incarnation& incarnation = counting(lane);
  const std::byte* const data = incarnation.peer.data() + layout_.peer_mail_data(lane);
  const auto where =
      survey(data, layout_.mail_to_host_bytes, *incarnation.host.at<ConsumerBlock>(layout_.host_mail_consumer(lane)));
  if (!where) return std::nullopt;
  return LeftFrames{.data = data, .capacity = layout_.mail_to_host_bytes, .where = *where};
}

bool KeptLink::is_in_hand(std::uint32_t lane) const {
  const auto& consumer = *counting(lane).peer.at<ConsumerBlock>(layout_.peer_mail_consumer(lane));
  const auto left = to_peer(lane);
  // Relaxed: with the cursor, whose writer has stopped.
  return left && left->where.messages != 0 && consumer.in_hand.load(std::memory_order_relaxed) == left->where.first + 1;
}

}  // namespace ringmail::transport

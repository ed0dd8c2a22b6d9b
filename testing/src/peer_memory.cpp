#include "peer_memory.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace ringmail::testing {

using transport::SegmentRole;

PeerMemory::PeerMemory(const transport::LinkLayout& layout,
                       const transport::LinkMail& mail,
                       const transport::Incarnation& incarnation,
                       const transport::Bells& bells)
    : layout_(layout) {
  std::vector<int> descriptors;
  const auto segments = incarnation.segments(mail, bells.segment(), descriptors);
  for (std::size_t i = 0; i < segments.size(); ++i) map(segments[i], descriptors[i]);
  for (std::uint32_t i = 0; i < layout_.lanes; ++i) lanes_.push_back(lane(i));
}

void PeerMemory::map(const transport::WelcomeSegment& segment, int descriptor) {
  using Access = transport::Mapping::Access;
  const bool is_own = segment.role != SegmentRole::mail && segment.role != SegmentRole::host;
  const auto seal = !is_own                             ? transport::Seal::no_more_writers
                    : segment.role == SegmentRole::peer ? transport::Seal::size
                                                        : transport::Seal::shared_writers;
  auto joined = transport::Segment::join(transport::Descriptor(::dup(descriptor)), segment.bytes, seal);
  auto mapping = joined ? joined->map(is_own ? Access::write : Access::read) : std::unexpected(joined.error());
  if (!mapping) {
    std::fprintf(stderr, "a fake peer has no memory: %s\n", to_string(mapping.error()).c_str());
    std::abort();
  }
  switch (segment.role) {
    case SegmentRole::mail: mail_ = std::move(*mapping); break;
    case SegmentRole::host: host_ = std::move(*mapping); break;
    case SegmentRole::peer: peer_ = std::move(*mapping); break;
    case SegmentRole::host_bells: host_bells_ = std::move(*mapping); break;
    case SegmentRole::peer_bells: peer_bell_ = std::move(*mapping); break;
    case SegmentRole::host_parked: break;  // of peers that are not trusted
  }
}

transport::Lane PeerMemory::lane(std::uint32_t i) {
  using transport::ConsumerBlock;
  using transport::ProducerBlock;
  const transport::Mapping& mail = mail_;
  const transport::Mapping& host = host_;
  return {.mail_out = transport::RingProducer({.data = peer_.data() + layout_.peer_mail_data(i),
                                               .capacity = layout_.mail_to_host_bytes,
                                               .own = peer_.at<ProducerBlock>(layout_.peer_mail_producer(i)),
                                               .other = host.at<ConsumerBlock>(layout_.host_mail_consumer(i))}),
          .control_out = transport::RingProducer({.data = peer_.data() + layout_.peer_control_data(i),
                                                  .capacity = layout_.control_bytes,
                                                  .own = peer_.at<ProducerBlock>(layout_.peer_control_producer(i)),
                                                  .other = host.at<ConsumerBlock>(layout_.host_control_consumer(i))}),
          .mail_in = transport::RingConsumer({.data = mail.data() + layout_.mail_data(i),
                                              .capacity = layout_.mail_to_peer_bytes,
                                              .other = mail.at<ProducerBlock>(layout_.mail_producer(i)),
                                              .own = peer_.at<ConsumerBlock>(layout_.peer_mail_consumer(i))}),
          .control_in = transport::RingConsumer({.data = host.data() + layout_.host_control_data(i),
                                                 .capacity = layout_.control_bytes,
                                                 .other = host.at<ProducerBlock>(layout_.host_control_producer(i)),
                                                 .own = peer_.at<ConsumerBlock>(layout_.peer_control_consumer(i))}),
          .bell = transport::Doorbell(host_bells_.at<transport::Bell>(0)[i])};
}

}  // namespace ringmail::testing

#include "latency/lane_pair.hpp"

#include <unistd.h>

#include <stdexcept>
#include <utility>
#include <vector>

#include "latency/scenario.hpp"

namespace bench {

using namespace ringmail::transport;

void LaneEnd::idle() {
  if (lane_.fault() != RingFault::none) unexpected();
  lane_.store_cursors();
  const auto has_input = [this] { return lane_.has_input(); };
  if (spin_.spin(has_input, std::exchange(taken_, 0))) return;
  while (!has_input()) parker_.park(longest_sleep_ns, has_input);
  spin_.observe();
}

std::byte* LaneEnd::wait_for_room(std::uint32_t length) {
  std::byte* room = nullptr;
  const auto has_room = [&] { return (room = lane_.mail_out.try_loan(length)) != nullptr; };
  if (spin_.spin(has_room, 0)) return room;
  lane_.mail_out.want_room(true);
  while (room == nullptr && !has_room()) {
    if (lane_.fault() != RingFault::none) unexpected();
    parker_.park(longest_sleep_ns, has_room);
  }
  lane_.mail_out.want_room(false);
  return room;
}

void LaneEnd::unexpected() const {
  throw std::runtime_error(lane_.fault() == RingFault::none ? "a control frame that nobody sent"
                                                            : std::string(to_string(lane_.fault())));
}

LanePair::LanePair(std::uint64_t mail_bytes)
    : layout_{.mail_to_peer_bytes = mail_bytes, .mail_to_host_bytes = mail_bytes},
      near_bell_(value_of(Bells::create("latency.bell", 1))),
      mail_(value_of(LinkMail::create(layout_))),
      incarnation_(value_of(Incarnation::create(layout_))) {}

LaneEnd& LanePair::near_end() {
  if (!end_) {
    const auto host = incarnation_.host_end(0);
    end_.emplace(Lane{.mail_out = RingProducer(mail_.producer(0, host.mail_consumer)),
                      .control_out = host.control_out,
                      .mail_in = host.mail_in,
                      .control_in = host.control_in,
                      .bell = host.bell},
                 near_bell_[0]);
  }
  return *end_;
}

LaneEnd& LanePair::far_end() {
  if (end_) return *end_;
  std::vector<int> descriptors;
  const auto segments = incarnation_.segments(mail_, near_bell_.segment(), descriptors);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const WelcomeSegment& segment = segments[i];
    const auto map = [&](Seal seal, Mapping::Access access) {
      return value_of(value_of(Segment::join(Descriptor(dup(descriptors[i])), segment.bytes, seal)).map(access));
    };
    switch (segment.role) {
      case SegmentRole::mail: mail_map_ = map(Seal::no_more_writers, Mapping::Access::read); break;
      case SegmentRole::host: host_map_ = map(Seal::no_more_writers, Mapping::Access::read); break;
      case SegmentRole::peer: peer_map_ = map(Seal::size, Mapping::Access::write); break;
      case SegmentRole::host_bells:
      case SegmentRole::host_parked:
      case SegmentRole::doorbell: break;  // the mapping made before the fork serves
      case SegmentRole::arena_to_peer:
      case SegmentRole::arena_to_host: break;  // not asked for
      case SegmentRole::peer_bells: far_bell_map_ = map(Seal::shared_writers, Mapping::Access::write); break;
    }
  }
  const Mapping& mail = mail_map_;
  const Mapping& host = host_map_;
  end_.emplace(Lane{.mail_out = RingProducer({.data = peer_map_.data() + layout_.peer_mail_data(0),
                                              .capacity = layout_.mail_to_host_bytes,
                                              .own = peer_map_.at<ProducerBlock>(layout_.peer_mail_producer(0)),
                                              .other = host.at<ConsumerBlock>(layout_.host_mail_consumer(0))}),
                    .control_out = RingProducer({.data = peer_map_.data() + layout_.peer_control_data(0),
                                                 .capacity = layout_.control_bytes,
                                                 .own = peer_map_.at<ProducerBlock>(layout_.peer_control_producer(0)),
                                                 .other = host.at<ConsumerBlock>(layout_.host_control_consumer(0))}),
                    .mail_in = RingConsumer({.data = mail.data() + layout_.mail_data(0),
                                             .capacity = layout_.mail_to_peer_bytes,
                                             .other = mail.at<ProducerBlock>(layout_.mail_producer(0)),
                                             .own = peer_map_.at<ConsumerBlock>(layout_.peer_mail_consumer(0))}),
                    .control_in = RingConsumer({.data = host.data() + layout_.host_control_data(0),
                                                .capacity = layout_.control_bytes,
                                                .other = host.at<ProducerBlock>(layout_.host_control_producer(0)),
                                                .own = peer_map_.at<ConsumerBlock>(layout_.peer_control_consumer(0))}),
                    .bell = Doorbell(near_bell_[0])},
               *far_bell_map_.at<Bell>(0));
  return *end_;
}

}  // namespace bench

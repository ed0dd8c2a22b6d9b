// The memory of a link, from both its sides in one process: who may write what, where a peer takes up, and what a host
// says of one that forges.
#include "ringmail/transport/link.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <map>

#include "open_descriptors.hpp"
#include "test_host.hpp"
#include "test_ring.hpp"

namespace ringmail::transport::test {
namespace {

using testing::ElementsAre;

/// A peer that has the segments and no manners.
struct RawPeer {
  std::map<SegmentRole, Mapping> maps;

  explicit RawPeer(TestHost& host) {
    const Welcome welcome = host.make_welcome();
    for (std::size_t i = 0; i < welcome.segments.size(); ++i) {
      auto segment = Segment::join(Descriptor(fcntl(host.descriptors[i], F_DUPFD_CLOEXEC, 0)),
                                   welcome.segments[i].bytes, Seal::size);
      if (!segment) continue;
      auto mapping = segment->map(Mapping::Access::write);
      if (mapping) maps.emplace(welcome.segments[i].role, std::move(*mapping));
    }
  }
  Mapping& peer() { return maps.at(SegmentRole::peer); }
};

struct Region {
  const char* name;
  std::uint64_t at;
  std::uint64_t bytes;
  std::uint64_t alignment;
};

void expect_apart(std::vector<Region> regions, std::uint64_t segment_bytes) {
  std::ranges::sort(regions, {}, &Region::at);
  std::uint64_t end = 0;
  for (const Region& region : regions) {
    EXPECT_GE(region.at, end) << region.name;
    EXPECT_EQ(region.at % region.alignment, 0u) << region.name;
    end = region.at + region.bytes;
  }
  EXPECT_LE(end, segment_bytes);
}

TEST(LinkLayout, nothing_overlaps_and_all_is_aligned) {
  const LinkLayout layout{.lanes = 3, .mail_to_peer_bytes = 8192, .mail_to_host_bytes = 16384, .control_bytes = 4096};
  std::vector<Region> mail, host, peer;
  for (std::uint32_t lane = 0; lane < layout.lanes; ++lane) {
    mail.push_back({"mail producer", layout.mail_producer(lane), sizeof(ProducerBlock), 128});
    mail.push_back({"mail data", layout.mail_data(lane), layout.mail_to_peer_bytes, page_bytes});
    host.push_back({"mail consumer", layout.host_mail_consumer(lane), sizeof(ConsumerBlock), 128});
    host.push_back({"control consumer", layout.host_control_consumer(lane), sizeof(ConsumerBlock), 128});
    host.push_back({"control producer", layout.host_control_producer(lane), sizeof(ProducerBlock), 128});
    host.push_back({"control data", layout.host_control_data(lane), layout.control_bytes, page_bytes});
    peer.push_back({"mail consumer", layout.peer_mail_consumer(lane), sizeof(ConsumerBlock), 128});
    peer.push_back({"control consumer", layout.peer_control_consumer(lane), sizeof(ConsumerBlock), 128});
    peer.push_back({"mail producer", layout.peer_mail_producer(lane), sizeof(ProducerBlock), 128});
    peer.push_back({"control producer", layout.peer_control_producer(lane), sizeof(ProducerBlock), 128});
    peer.push_back({"mail data", layout.peer_mail_data(lane), layout.mail_to_host_bytes, page_bytes});
    peer.push_back({"control data", layout.peer_control_data(lane), layout.control_bytes, page_bytes});
  }
  expect_apart(mail, layout.mail_bytes());
  expect_apart(host, layout.host_bytes());
  expect_apart(peer, layout.peer_bytes());
}

TEST(Link, a_peer_can_write_its_own_memory_and_the_bells_and_nothing_else) {
  TestHost host;
  RawPeer peer(host);
  EXPECT_TRUE(peer.maps.contains(SegmentRole::peer));
  EXPECT_TRUE(peer.maps.contains(SegmentRole::host_bells));
  EXPECT_TRUE(peer.maps.contains(SegmentRole::peer_bells));
  EXPECT_FALSE(peer.maps.contains(SegmentRole::mail));
  EXPECT_FALSE(peer.maps.contains(SegmentRole::host));
}

TEST(Link, once_a_peer_is_ready_nobody_else_can_write_its_memory) {
  TestHost host;
  RawPeer peer(host);
  ASSERT_TRUE(host.incarnation().seal_peer());
  EXPECT_FALSE(RawPeer(host).maps.contains(SegmentRole::peer));
  // The peer itself goes on.
  *peer.peer().at<std::uint64_t>(0) = 0;
}

TEST(Link, an_incarnation_starts_where_it_is_told_to) {
  TestHost host;
  const LinkLayout layout{.lanes = 1, .mail_to_peer_bytes = 4096, .mail_to_host_bytes = 4096, .control_bytes = 4096};
  ASSERT_TRUE(host.incarnation().resume_at(0, {.cursor = 640, .tail = 1280, .sequence = 70'000, .attempt = 2}));
  RawPeer peer(host);
  const auto& block = *peer.peer().at<ConsumerBlock>(layout.peer_mail_consumer(0));
  EXPECT_EQ(block.cursor.load(), 640u);
  EXPECT_EQ(block.resume_tail, 1280u);
  EXPECT_EQ(block.resume_sequence, 70'000u);
  EXPECT_EQ(block.attempt, 2u);
  EXPECT_EQ(block.in_hand.load(), 0u);
}

TEST(Link, no_descriptor_is_left_behind) {
  const std::size_t before = open_descriptors();
  {
    TestHost host(4);
    RawPeer peer(host);
    ASSERT_TRUE(host.incarnation().seal_peer());
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST(Link, a_lane_publishes_mail_before_control) {
  TestHost host;
  const LinkLayout layout{.lanes = 1, .mail_to_peer_bytes = 4096, .mail_to_host_bytes = 4096, .control_bytes = 4096};
  RawPeer peer(host);
  Lane lane;
  lane.mail_out = RingProducer({.data = peer.peer().data() + layout.peer_mail_data(0),
                                .capacity = 4096,
                                .own = peer.peer().at<ProducerBlock>(layout.peer_mail_producer(0)),
                                .other = peer.peer().at<ConsumerBlock>(layout.peer_mail_consumer(0))});
  lane.control_out = RingProducer({.data = peer.peer().data() + layout.peer_control_data(0),
                                   .capacity = 4096,
                                   .own = peer.peer().at<ProducerBlock>(layout.peer_control_producer(0)),
                                   .other = peer.peer().at<ConsumerBlock>(layout.peer_control_consumer(0))});
  lane.bell = Doorbell(peer.maps.at(SegmentRole::host_bells).at<Bell>(0)[0]);
  commit(lane.control_out, "reply", {.kind = FrameKind::reply});
  commit(lane.mail_out, "mail");
  EXPECT_FALSE(host.lane().has_input());
  lane.publish();
  EXPECT_TRUE(host.lane().has_input());
  const auto came = host.drain();
  ASSERT_EQ(came.size(), 2u);
  EXPECT_EQ(came[0].text, "reply") << "what is control is read first, whenever it came";
  EXPECT_EQ(came[1].text, "mail");
}

/// Of what a peer can forge, the name under which its host ends the link.
TEST(Link, what_a_peer_forges_has_a_name) {
  const LinkLayout layout{.lanes = 1, .mail_to_peer_bytes = 4096, .mail_to_host_bytes = 4096, .control_bytes = 4096};
  const auto fault_of = [&](const std::function<void(Mapping&)>& forge) {
    TestHost host;
    RawPeer peer(host);
    host.send(std::string(300, 'x'));
    host.send("two");
    forge(peer.peer());
    EXPECT_THAT(host.drain(), ElementsAre());
    host.lane().mail_out.unfinished();
    return host.lane().fault();
  };
  const auto frame = [&](std::uint64_t ring, CommitWord commit) {
    return [=](Mapping& peer) { *peer.at<std::uint64_t>(ring) = std::bit_cast<std::uint64_t>(commit); };
  };
  const auto cursor = [&](std::uint64_t value) {
    return [=, at = layout.peer_mail_consumer(0)](Mapping& peer) { *peer.at<std::uint64_t>(at) = value; };
  };
  for (const std::uint64_t ring : {layout.peer_mail_data(0), layout.peer_control_data(0)}) {
    EXPECT_EQ(fault_of(frame(ring, {UINT32_MAX, FrameKind::message, 0})), RingFault::frame_too_long);
    EXPECT_EQ(fault_of(frame(ring, {0, FrameKind::message, 9})), RingFault::sequence_gap);
    EXPECT_EQ(fault_of(frame(ring, {0, FrameKind::local, 0})), RingFault::unknown_kind);
    EXPECT_EQ(fault_of(frame(ring, {0, FrameKind::padding, 0})), RingFault::padding_length);
  }
  EXPECT_EQ(fault_of(cursor(1)), RingFault::cursor_unaligned);
  EXPECT_EQ(fault_of(cursor(64)), RingFault::cursor_unaligned) << "aligned, and inside a frame";
  EXPECT_EQ(fault_of(cursor(64'000)), RingFault::cursor_past_tail);
  EXPECT_EQ(fault_of(cursor(0)), RingFault::none);
}

}  // namespace
}  // namespace ringmail::transport::test

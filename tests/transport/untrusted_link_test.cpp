// A peer that does not share what the host sleeps on: what it sees instead, and how it rings.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <thread>
#include <vector>

#include "deadline.hpp"
#include "ringmail/transport/handshake.hpp"
#include "ringmail/transport/link.hpp"

namespace ringmail::transport::test {
namespace {

TEST(UntrustedLink, is_not_given_what_the_host_sleeps_on) {
  const LinkLayout layout{.lanes = 2, .mail_to_peer_bytes = 4096, .mail_to_host_bytes = 4096, .control_bytes = 4096};
  auto mirrors = ParkMirrors::create(2);
  auto mail = LinkMail::create(layout);
  auto incarnation = Incarnation::create(layout, Trust::untrusted);
  ASSERT_TRUE(mirrors && mail && incarnation);
  std::vector<int> descriptors;
  const auto segments = incarnation->segments(*mail, mirrors->segment(), descriptors);
  EXPECT_EQ(std::ranges::count(segments, SegmentRole::host_bells, &WelcomeSegment::role), 0);
  EXPECT_EQ(std::ranges::count(segments, SegmentRole::host_parked, &WelcomeSegment::role), 1);
  auto segment = Segment::join(Descriptor(fcntl(mirrors->segment().descriptor(), F_DUPFD_CLOEXEC, 0)),
                               park_mirror_bytes(2), Seal::no_more_writers);
  ASSERT_TRUE(segment);
  EXPECT_FALSE(segment->map(Mapping::Access::write));
}

// Whoever maps the word on which another sleeps can wake him or have him wait for something else: not through this page.
TEST(UntrustedLink, cannot_take_a_wake_away) {
  start_watchdog();
  auto mirrors = ParkMirrors::create(1);
  ASSERT_TRUE(mirrors);
  const auto mapping = mirrors->segment().map(Mapping::Access::read);
  ASSERT_TRUE(mapping);
  const auto& mirror = *mapping->at<ParkMirror>(0);
  const auto is_parked = [&] { return ParkWord::state(mirror.park.load()) == ParkState::parked; };
  Bell bell;
  SleepResult slept = SleepResult::interrupted;
  std::thread sleeper([&] {
    Parker parker(bell);
    parker.show((*mirrors)[0]);
    slept = parker.park(longest_sleep_ns, [] { return false; });
  });
  EXPECT_TRUE(until(is_parked));
  std::uint32_t other = 0;
  while (is_parked()) {
    ASSERT_EQ(syscall(SYS_futex, &mirror.park, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0), 0);
    ASSERT_LE(syscall(SYS_futex, &mirror.park, FUTEX_REQUEUE, INT_MAX, INT_MAX, &other, 0), 0);
  }
  sleeper.join();
  EXPECT_EQ(slept, SleepResult::timed_out);
}

class StreamDoorbellTest : public testing::Test {
 protected:
  StreamDoorbellTest() {
    auto ends = control_pair();
    peer_.emplace(std::move(ends->first));
    host_.emplace(std::move(ends->second));
  }
  void park(std::uint32_t count) { mirror_.park = ParkWord::make(count, ParkState::parked); }
  /// What the host reads: so many rings, and nothing else.
  std::uint32_t heard() {
    std::uint32_t rings = 0;
    while (true) {
      const auto frame = host_->receive();
      EXPECT_TRUE(frame);
      if (!frame || !*frame) return rings;
      const auto ring = decode<Ring>(**frame);
      EXPECT_TRUE(ring);
      EXPECT_EQ(ring->lane, lane);
      ++rings;
    }
  }

  static constexpr std::uint32_t lane = 3;
  ParkMirror mirror_;
  std::optional<ControlStream> peer_, host_;
};

TEST_F(StreamDoorbellTest, is_rung_once_a_sleep) {
  Doorbell bell(mirror_, *peer_, lane);
  bell.ring();
  EXPECT_EQ(heard(), 0u) << "it is awake";
  park(1);
  bell.ring();
  bell.ring(7);  // a mark that no host gives it is no reason to write anywhere
  EXPECT_EQ(heard(), 1u);
  park(2);
  bell.ring();
  EXPECT_EQ(heard(), 1u);
}

TEST_F(StreamDoorbellTest, that_nobody_reads_is_not_filled_up) {
  Doorbell bell(mirror_, *peer_, lane);
  constexpr std::uint32_t sleeps = 1'000'000;
  for (std::uint32_t count = 1; count <= sleeps; ++count) {
    park(count);
    bell.ring();
  }
  EXPECT_TRUE(peer_->wants_write());
  std::uint32_t rings = heard();
  EXPECT_LT(rings, sleeps);
  // What was cut in the middle is finished by what comes next.
  EXPECT_TRUE(peer_->flush());
  rings = heard();
  EXPECT_EQ(rings, 1u);
  park(sleeps + 1);
  bell.ring();
  EXPECT_EQ(heard(), 1u);
}

TEST_F(StreamDoorbellTest, is_rung_behind_what_else_waits_to_be_written) {
  const std::vector<std::byte> text(1 << 16);
  while (!peer_->wants_write()) ASSERT_TRUE(peer_->send(ControlKind::goodbye, text));
  Doorbell bell(mirror_, *peer_, lane);
  park(1);
  bell.ring();
  bool rung = false;
  while (!rung) {
    ASSERT_TRUE(peer_->flush());
    auto frame = host_->receive();
    ASSERT_TRUE(frame);
    if (!*frame) break;
    rung = (*frame)->kind == ControlKind::ring;
  }
  EXPECT_TRUE(rung);
}

}  // namespace
}  // namespace ringmail::transport::test

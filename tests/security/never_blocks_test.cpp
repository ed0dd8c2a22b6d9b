// Peers that break no rule of the rings and mean no good: who waits for one of them waits as long as it said, and nobody
// else waits at all.
#include "attacked_host.hpp"

namespace ringmail::test {
namespace {

class NeverBlocksTest : public AttackedHost, public testing::WithParamInterface<const char*> {};

TEST_P(NeverBlocksTest, a_peer_keeps_those_waiting_who_deal_with_it_until_their_deadlines_and_nobody_else) {
  start_good_peer();
  const auto attacker_mailbox = system().spawn_peer<attack::Peer>(attacker({GetParam()}));
  ASSERT_TRUE(attacker_mailbox) << attacker_mailbox.error();
  const std::uint32_t link = attacker_mailbox->address().link;
  ASSERT_TRUE(system().runtime().wait_until_ready(link));
  for (std::uint32_t i = 0; i < 4; ++i) system().spawn_on<Asker>(i, seen_, *attacker_mailbox);
  // Its mail is full from here on.
  ASSERT_TRUE(until([&] { return seen_.not_sent > 10; }));
  EXPECT_TRUE(until([&, before = seen_.round_trips.load()] { return seen_.round_trips > before + 5'000; }));
  EXPECT_TRUE(until([&, before = seen_.not_sent.load()] { return seen_.not_sent > before + 50; }));
  EXPECT_LT(seen_.latest_ns, slowest_ns);
  EXPECT_EQ(seen_.answered, 0u);
  expect_good_peer_well();
  EXPECT_EQ(system().runtime().incarnation(link), 1u) << "it has done nothing that is forbidden";
  std::printf("%llu round trips, the slowest %.1f ms; the latest wait ended %.1f ms after its deadline\n",
              static_cast<unsigned long long>(seen_.round_trips), static_cast<double>(seen_.slowest_ns) / 1e6,
              static_cast<double>(seen_.latest_ns) / 1e6);
}

INSTANTIATE_TEST_SUITE_P(, NeverBlocksTest, testing::Values("deaf", "want", "ring", "punch"), [](const auto& info) {
  return std::string(info.param);
});

TEST_F(AttackedHost, refuses_a_peer_that_has_closed_its_segment_before_the_host_could) {
  start_good_peer();
  const auto spawned = system().spawn_peer<attack::Peer>(peer("early", {"seal-early"}));
  ASSERT_TRUE(spawned);
  const auto end = system().wait_for_end(*spawned);
  EXPECT_EQ(end.reason.kind, ExitReason::Kind::handshake);
  EXPECT_NE(end.reason.text.find("the host cannot seal what the peer writes"), std::string::npos) << end.reason.text;
  expect_good_peer_well();
}

}  // namespace
}  // namespace ringmail::test

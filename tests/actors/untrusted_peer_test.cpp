// Peers with whom the host does not share what its threads sleep on.
#include <gtest/gtest.h>

#include <chrono>

#include "echo.mail.hpp"
#include "ringmail/actors/actors.hpp"
#include "system_test.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;

class UntrustedPeerTest : public SystemTest {
 protected:
  Mailbox<echo::Echo> spawn_peer(std::string name, int delay_ms) {
    auto peer = system().spawn_peer<echo::Echo>(
        {.name = std::move(name), .command = {RINGMAIL_LATE_ECHO_PEER, std::to_string(delay_ms)}, .trusted = false});
    EXPECT_TRUE(peer) << peer.error();
    EXPECT_TRUE(system().runtime().wait_until_ready(peer->address().link));
    return *peer;
  }
};

// Without its ring each answer would be found at the end of a bounded sleep of 250 ms.
TEST_P(UntrustedPeerTest, wakes_a_host_that_sleeps) {
  constexpr int asks = 40;
  const auto peer = spawn_peer("late", 3);
  const auto sleeps_before = system().counters().sleeps;
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < asks; ++i) {
    const auto answer = ask(peer, echo::Ping{.number = i}, 10s);
    ASSERT_TRUE(answer) << to_string(answer.error());
    EXPECT_EQ(answer->number, i);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, asks * 250ms / 2);
  EXPECT_GE(system().counters().sleeps - sleeps_before, static_cast<std::uint64_t>(asks));
}

TEST_P(UntrustedPeerTest, answers_as_many_asks_as_any_other) {
  const auto peer = spawn_peer("prompt", 0);
  for (std::uint64_t i = 0; i < 1'000; ++i) {
    const auto answer = ask(peer, echo::Ping{.number = i}, 10s);
    ASSERT_TRUE(answer) << to_string(answer.error());
    ASSERT_EQ(answer->number, i);
  }
  const auto end = system().stop_and_wait(peer);
  EXPECT_EQ(to_string(end.reason), "ended normally");
  EXPECT_EQ(end.account.unfinished, 0u);
}

INSTANTIATE_TEST_SUITE_P(Schedulers, UntrustedPeerTest, testing::Values(1u, 3u));

}  // namespace
}  // namespace ringmail::test

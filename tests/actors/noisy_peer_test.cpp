// A peer that floods its control stream with questions, which reach the schedulers: the links of others do not notice.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "../transport/deadline.hpp"
#include "echo.mail.hpp"
#include "ringmail/actors/actors.hpp"

namespace ringmail {
namespace {

using namespace std::chrono_literals;

#ifdef RINGMAIL_SANITIZED
constexpr auto at_once = 1000ms;
#else
constexpr auto at_once = 100ms;
#endif

struct Known : Actor {
  using Protocol = echo::Echo;
  echo::Ping on(const echo::Ping& ping) { return ping; }
};

/// The longest of as many asks as there are within a second.
std::chrono::nanoseconds longest_ask(const Mailbox<echo::Echo>& peer) {
  std::chrono::nanoseconds longest{0};
  const auto end = std::chrono::steady_clock::now() + 1s;
  for (std::uint64_t number = 0; std::chrono::steady_clock::now() < end; ++number) {
    const auto start = std::chrono::steady_clock::now();
    const auto answer = ask(peer, echo::Ping{.number = number}, 10s);
    longest = std::max<std::chrono::nanoseconds>(longest, std::chrono::steady_clock::now() - start);
    if (!answer || answer->number != number) {
      ADD_FAILURE() << "ask " << number << " was not answered";
      break;
    }
  }
  return longest;
}

TEST(NoisyPeer, keeps_no_other_link_waiting) {
  transport::test::start_watchdog();
  auto system = System::create({.schedulers = 1});
  ASSERT_TRUE(system) << system.error();
  ASSERT_TRUE(system->publish("known", system->spawn<Known>()));
  const auto peer = system->spawn_peer<echo::Echo>({.name = "good", .command = {RINGMAIL_ECHO_PEER}});
  ASSERT_TRUE(peer) << peer.error();
  ASSERT_TRUE(ask(*peer, echo::Ping{}, 10s));

  const auto noisy = system->runtime().spawn_peer(
      {.name = "noisy", .command = {RINGMAIL_TEST_PEER, "flood-of-questions"}, .deadlines = {.drain = 100ms}});
  ASSERT_TRUE(noisy) << noisy.error();
  ASSERT_TRUE(system->runtime().wait_until_ready(noisy->link));
  const auto longest = longest_ask(*peer);
  EXPECT_LE(longest, at_once);
  std::printf("the longest ask: %lld us\n",
              static_cast<long long>(std::chrono::duration_cast<std::chrono::microseconds>(longest).count()));
}

}  // namespace
}  // namespace ringmail

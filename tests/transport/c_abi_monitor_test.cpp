// What a peer of the C ABI is told of actors of the host, and what it tells the host's log.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "abi_pair.hpp"

namespace ringmail::transport::test {
namespace {

constexpr std::uint32_t signal_monitor = 2, signal_demonitor = 3, signal_down = 4;  // docs/spec/ring.md
constexpr std::size_t most_monitors = 1024;

/// An exit reason of one entry.
std::string reason(std::uint32_t kind, std::string_view text) {
  const std::uint32_t words[] = {kind, 0, 0, static_cast<std::uint32_t>(text.size())};
  std::string bytes(reinterpret_cast<const char*>(words), sizeof words);
  return bytes.append(text);
}

FrameHead down_of(std::uint64_t monitor) {
  return {.kind = FrameKind::signal, .type = signal_down, .target = monitor, .sender = host_actor};
}

TEST(CAbiMonitor, a_down_comes_once_and_in_its_place) {
  Pair pair([](AbiPeer& peer) {
    std::uint64_t first = 0, second = 0;
    PEER_EXPECT(ringmail_monitor(peer, host_actor, -1, &first) == 0);
    PEER_EXPECT(ringmail_monitor(peer, host_actor, -1, &second) == 0);
    PEER_EXPECT(first != 0 && second != 0 && first != second);
    ringmail_message message{};
    PEER_EXPECT(peer.next(message) == 1 && text_of(message) == "before");
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(message.kind == RINGMAIL_DOWN && message.type == RINGMAIL_EXIT_FAILED);
    PEER_EXPECT(message.target == second && message.sender == host_actor && text_of(message) == "failed: disk full");
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(ringmail_demonitor(peer, second, -1) == RINGMAIL_ENOTFOUND);
    PEER_EXPECT(peer.next(message) == 1 && text_of(message) == "after");
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(ringmail_receive(peer, &message) == 0);
    return 0;
  });
  const auto came = pair.host.drain_until(2);
  ASSERT_EQ(came.size(), 2u);
  for (const Mail& mail : came) {
    EXPECT_EQ(mail.head.kind, FrameKind::signal);
    EXPECT_EQ(mail.head.type, signal_monitor);
    EXPECT_EQ(mail.head.target, host_actor);
    EXPECT_EQ(mail.text, "");
  }
  pair.host.send("before");
  pair.host.send(reason(RINGMAIL_EXIT_FAILED, "failed: disk full"), down_of(came[1].head.sender));
  pair.host.send(reason(RINGMAIL_EXIT_NORMAL, "again"), down_of(came[1].head.sender));
  pair.host.send("after");
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiMonitor, what_is_not_monitored_any_more_is_not_received) {
  Pair pair([](AbiPeer& peer) {
    std::uint64_t monitor = 0;
    PEER_EXPECT(ringmail_monitor(peer, host_actor, -1, &monitor) == 0);
    PEER_EXPECT(ringmail_demonitor(peer, monitor, -1) == 0);
    PEER_EXPECT(ringmail_demonitor(peer, monitor, -1) == RINGMAIL_ENOTFOUND);
    PEER_EXPECT(ringmail_monitor(peer, 0, -1, &monitor) == RINGMAIL_ENOTFOUND);
    PEER_EXPECT(ringmail_monitor(peer, actor_on(7), -1, &monitor) == RINGMAIL_ENOTFOUND);
    ringmail_message message{};
    PEER_EXPECT(peer.next(message) == 1 && text_of(message) == "mail");
    PEER_EXPECT(ringmail_release(peer) == 0);
    return 0;
  });
  const auto came = pair.host.drain_until(2);
  ASSERT_EQ(came.size(), 2u);
  EXPECT_EQ(came[1].head.type, signal_demonitor);
  EXPECT_EQ(came[1].head.sender, came[0].head.sender);
  pair.host.send(reason(RINGMAIL_EXIT_NORMAL, ""), down_of(came[0].head.sender));
  pair.host.send(reason(RINGMAIL_EXIT_NORMAL, ""), down_of(77));
  pair.host.send("mail");
  EXPECT_EQ(pair.host.join(), 0);
  EXPECT_EQ(pair.host.unfinished().messages, 0u);
}

TEST(CAbiMonitor, a_successor_does_not_receive_what_its_predecessor_asked_for) {
  Pair pair([](AbiPeer& peer) {
    std::uint64_t monitor = 0;
    PEER_EXPECT(ringmail_monitor(peer, host_actor, -1, &monitor) == 0);
    PEER_EXPECT(ringmail_flush(peer) == 0 && step(peer) == 0);
    return 0;
  });
  const auto before = pair.host.drain_until(1);
  ASSERT_EQ(before.size(), 1u);
  pair.wait_for_step();
  pair.host.send(reason(RINGMAIL_EXIT_NORMAL, "ended normally"), down_of(before[0].head.sender));
  pair.next_step();
  EXPECT_EQ(pair.host.join(), 0);
  ASSERT_TRUE(pair.host.respawn([]() -> int {
    AbiPeer peer;
    PEER_EXPECT(peer.attached() == 0);
    std::uint64_t monitor = 0;
    PEER_EXPECT(ringmail_monitor(peer, host_actor, -1, &monitor) == 0);
    ringmail_message message{};
    PEER_EXPECT(peer.next(message) == 1 && text_of(message) == "mail");
    PEER_EXPECT(ringmail_release(peer) == 0);
    return 0;
  }));
  const auto after = pair.host.drain_until(1);
  ASSERT_EQ(after.size(), 1u);
  EXPECT_NE(after[0].head.sender, before[0].head.sender);
  pair.host.send("mail");
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiMonitor, there_are_so_many_and_no_more) {
  Pair pair([](AbiPeer& peer) {
    std::uint64_t monitor = 0;
    for (std::size_t i = 0; i < most_monitors; ++i) PEER_EXPECT(ringmail_monitor(peer, host_actor, -1, &monitor) == 0);
    PEER_EXPECT(ringmail_monitor(peer, host_actor, -1, &monitor) == RINGMAIL_EMISUSE);
    PEER_EXPECT(ringmail_demonitor(peer, monitor, -1) == 0);
    PEER_EXPECT(ringmail_monitor(peer, host_actor, -1, &monitor) == 0);
    return ringmail_flush(peer);
  });
  EXPECT_EQ(pair.host.drain_until(most_monitors + 2).size(), most_monitors + 2);
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiMonitor, a_reason_that_is_none_is_the_fault_of_the_host) {
  for (const std::string& bytes : {std::string("short"), reason(1, "text").substr(0, 18)}) {
    Pair pair([](AbiPeer& peer) {
      std::uint64_t monitor = 0;
      PEER_EXPECT(ringmail_monitor(peer, host_actor, -1, &monitor) == 0);
      ringmail_message message{};
      PEER_EXPECT(peer.next(message) == RINGMAIL_EPROTOCOL);
      PEER_EXPECT(contains(peer.error(), "exit reason"));
      return 0;
    });
    const auto came = pair.host.drain_until(1);
    ASSERT_EQ(came.size(), 1u);
    pair.host.send(bytes, down_of(came[0].head.sender));
    EXPECT_EQ(pair.host.join(), 0);
  }
}

TEST(CAbiMonitor, an_older_host_has_no_monitors_and_takes_no_log) {
  TestHost host;
  host.more_features = 0;
  host.spawn([]() -> int {
    AbiPeer peer;
    std::uint64_t monitor = 0;
    PEER_EXPECT(peer.attached() == 0);
    PEER_EXPECT(ringmail_monitor(peer, host_actor, -1, &monitor) == RINGMAIL_EREFUSED);
    PEER_EXPECT(contains(peer.error(), "monitors"));
    PEER_EXPECT(ringmail_log(peer, RINGMAIL_LOG_INFO, "line") == RINGMAIL_EREFUSED);
    return 0;
  });
  ASSERT_TRUE(host.shake_hands());
  EXPECT_EQ(host.join(), 0);
  EXPECT_TRUE(host.drain().empty());
}

TEST(CAbiLog, lines_reach_the_host_with_their_level) {
  Pair pair([](AbiPeer& peer) {
    PEER_EXPECT(ringmail_log(peer, RINGMAIL_LOG_WARNING, "one\ntwo") == 0);
    PEER_EXPECT(ringmail_log(peer, RINGMAIL_LOG_CRITICAL, std::string(20'000, 'x').c_str()) == 0);
    PEER_EXPECT(ringmail_log(peer, 6, "line") == RINGMAIL_EMISUSE &&
                ringmail_log(peer, -1, "line") == RINGMAIL_EMISUSE);
    return 0;
  });
  EXPECT_EQ(pair.host.next<Log>(), (Log{.level = LogLevel::warning, .text = "one\ntwo"}));
  EXPECT_EQ(pair.host.next<Log>(), (Log{.level = LogLevel::critical, .text = std::string(max_text_bytes, 'x')}));
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiLog, lines_are_left_out_where_the_host_does_not_read) {
  Pair pair([](AbiPeer& peer) {
    const std::string text(1000, 'x');
    int result = 0;
    std::uint64_t said = 0;
    while ((result = ringmail_log(peer, RINGMAIL_LOG_INFO, text.c_str())) == 0) ++said;
    PEER_EXPECT(result == RINGMAIL_EFULL);
    // As mail, so that the host reads the stream only then.
    PEER_EXPECT(send(peer, std::to_string(said)) == 0 && ringmail_flush(peer) == 0);
    return step(peer);
  });
  const auto came = pair.host.drain_until(1);
  ASSERT_EQ(came.size(), 1u);
  for (std::uint64_t i = 0; i < std::stoull(came[0].text); ++i) ASSERT_TRUE(pair.host.next<Log>()) << i;
  pair.wait_for_step();
  pair.next_step();
  EXPECT_EQ(pair.host.join(), 0);
}

}  // namespace
}  // namespace ringmail::transport::test

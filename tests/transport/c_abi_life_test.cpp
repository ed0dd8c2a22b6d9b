// How a peer ends, and a host that breaks the protocol.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <string>

#include "abi_peer.hpp"
#include "deadline.hpp"
#include "test_host.hpp"

namespace ringmail::transport::test {
namespace {

using std::string_view;

// --- The end

TEST(CAbiLife, a_stop_ends_the_peer_once_its_mail_is_released) {
  TestHost host;
  host.spawn([] {
    AbiPeer peer;
    PEER_EXPECT(peer.attached() == 0);
    ringmail_message message{};
    for (int number = 0; number < 10; ++number) {
      PEER_EXPECT(peer.next(message) == 1);
      PEER_EXPECT(text_of(message) == std::to_string(number));
      PEER_EXPECT(ringmail_release(peer) == 0);
    }
    PEER_EXPECT(peer.next(message) == RINGMAIL_ESTOPPED);
    PEER_EXPECT(ringmail_receive(peer, &message) == RINGMAIL_ESTOPPED);
    PEER_EXPECT(ringmail_wait(peer, -1) == 1);
    PEER_EXPECT(ringmail_send(peer, actor_on(0), 0, "last", 4, -1) == 0);
    return 0;
  });
  ASSERT_TRUE(host.shake_hands());
  for (int number = 0; number < 10; ++number) host.send(std::to_string(number));
  host.stop();
  host.send("for the next life");
  EXPECT_TRUE(host.next<Goodbye>());
  EXPECT_EQ(host.join(), 0);
  const auto came = host.drain();
  ASSERT_EQ(came.size(), 1u) << "what is open is published at the end";
  EXPECT_EQ(came[0].text, "last");
  EXPECT_EQ(host.unfinished().messages, 1u);
}

TEST(CAbiLife, all_lanes_must_have_stopped) {
  TestHost host(2);
  host.spawn([] {
    AbiPeer peer;
    ringmail_message message{};
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(text_of(message) == "still open" && message.lane == 1);
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(peer.next(message) == RINGMAIL_ESTOPPED);
    return 0;
  });
  ASSERT_TRUE(host.shake_hands());
  const std::uint64_t nothing = 0;
  host.send_control({reinterpret_cast<const char*>(&nothing), 8}, {.kind = FrameKind::stop}, 0);
  host.send("still open", {}, 1);
  host.stop();
  EXPECT_TRUE(host.next<Goodbye>());
  EXPECT_EQ(host.join(), 0);
}

TEST(CAbiLife, who_leaves_without_being_told_says_no_goodbye) {
  TestHost host;
  host.spawn([] {
    AbiPeer peer;
    return peer.attached() == 0 ? 0 : 1;
  });
  ASSERT_TRUE(host.shake_hands());
  EXPECT_FALSE(host.next_frame());
  EXPECT_EQ(host.join(), 0);
}

TEST(CAbiLife, last_words_reach_the_host) {
  TestHost host;
  host.spawn([] {
    AbiPeer peer;
    PEER_EXPECT(ringmail_fail(peer, "ValueError: no such airport") == 0);
    return 3;
  });
  ASSERT_TRUE(host.shake_hands());
  const auto failure = host.next<Failure>();
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->text, "ValueError: no such airport");
  EXPECT_EQ(host.join(), 3);
}

TEST(CAbiLife, the_death_of_the_host_ends_every_wait) {
  TestHost host;
  host.spawn([] {
    AbiPeer peer;
    ringmail_message message{};
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(peer.next(message) == RINGMAIL_ECLOSED);
    return expect_closed(peer);
  });
  ASSERT_TRUE(host.shake_hands());
  host.send("before");
  host.close_stream();
  EXPECT_EQ(host.join(), 0);
}

TEST(CAbiLife, one_that_polls_learns_of_the_hosts_death_too) {
  TestHost host;
  host.spawn([] {
    AbiPeer peer;
    int result = 0;
    while ((result = ringmail_wait(peer, 0)) == 0) look_away();
    PEER_EXPECT(result == RINGMAIL_ECLOSED);
    return 0;
  });
  ASSERT_TRUE(host.shake_hands());
  host.close_stream();
  EXPECT_EQ(host.join(), 0);
}

TEST(CAbiLife, one_that_waits_for_room_learns_of_the_hosts_death_too) {
  TestHost host;
  host.spawn([] {
    AbiPeer peer;
    int result = 0;
    while ((result = ringmail_send(peer, actor_on(0), 0, "x", 1, -1)) == 0) {
    }
    PEER_EXPECT(result == RINGMAIL_ECLOSED);
    return 0;
  });
  ASSERT_TRUE(host.shake_hands());
  host.close_stream();
  EXPECT_EQ(host.join(), 0);
}

TEST(CAbiLife, a_host_that_is_killed_takes_its_peers_along) {
  start_watchdog();
  int report[2];
  ASSERT_EQ(pipe(report), 0);
  const pid_t host_process = fork();
  ASSERT_GE(host_process, 0);
  if (host_process == 0) {
    TestHost host;
    host.spawn([&] {
      close(report[0]);
      AbiPeer peer;
      ringmail_message message{};
      const int result = peer.next(message);
      return write(report[1], &result, sizeof result) == sizeof result ? 0 : 1;
    });
    if (!host.shake_hands()) _exit(1);
    raise(SIGKILL);
  }
  close(report[1]);
  int result = 0;
  EXPECT_EQ(read(report[0], &result, sizeof result), static_cast<ssize_t>(sizeof result));
  EXPECT_EQ(result, RINGMAIL_ECLOSED);
  close(report[0]);
  waitpid(host_process, nullptr, 0);
}

TEST(CAbiLife, the_peer_of_the_manual_does_what_it_says) {
  TestHost host;
  host.spawn([] {
    execl(RINGMAIL_ECHO_PEER, RINGMAIL_ECHO_PEER, nullptr);
    return 127;
  });
  ASSERT_TRUE(host.shake_hands());
  host.send("no question");
  host.send("a question", {.type = 4, .correlation = 9});
  const auto came = host.drain_until(1);
  ASSERT_EQ(came.size(), 1u);
  EXPECT_EQ(came[0].text, "a question");
  EXPECT_EQ(came[0].head.correlation, 9u);
  host.stop();
  EXPECT_TRUE(host.next<Goodbye>());
  EXPECT_EQ(host.join(), 0);
  EXPECT_EQ(host.unfinished().messages, 0u);

  const auto text_of_file = [](const char* path) {
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const std::string peer = text_of_file(RINGMAIL_ECHO_PEER_SOURCE);
  ASSERT_FALSE(peer.empty());
  EXPECT_TRUE(contains(text_of_file(RINGMAIL_ABI_MANUAL), peer)) << "the manual shows another program";
}

// --- A host that breaks the protocol

void expect_broken(string_view part, const std::function<void(TestHost&)>& breach) {
  TestHost host;
  host.spawn([part] {
    AbiPeer peer;
    ringmail_message message{};
    PEER_EXPECT(peer.next(message) == RINGMAIL_EPROTOCOL);
    PEER_EXPECT(contains(peer.error(), part));
    return 0;
  });
  ASSERT_TRUE(host.shake_hands());
  breach(host);
  EXPECT_EQ(host.join(), 0) << part;
}

TEST(CAbiLife, what_the_host_breaks_has_a_name) {
  expect_broken("mail on a control ring", [](TestHost& host) { host.send_control("x", {}); });
  expect_broken("system frame as mail", [](TestHost& host) { host.send("x", {.kind = FrameKind::stop}); });
  expect_broken("stop without a position", [](TestHost& host) { host.send_control("", {.kind = FrameKind::stop}); });
  expect_broken("unknown kind", [](TestHost& host) { host.send("x", {.kind = FrameKind::local}); });
  expect_broken("out of sequence", [](TestHost& host) {
    const auto memory = host.mail().producer(0, nullptr);
    detail::word_at(memory.data, 0).store(std::bit_cast<std::uint64_t>(CommitWord{0, FrameKind::message, 5}));
    host.lane().bell.ring();
  });
}

}  // namespace
}  // namespace ringmail::transport::test

// A child after fork has its parent's rings mapped, and private copies of the positions in them.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "abi_pair.hpp"
#include "child.hpp"
#include "ringmail/transport/fork_guard.hpp"

namespace ringmail::transport::test {
namespace {

/// Everything that would touch the link.
int expect_forked(ringmail_peer* peer, const ringmail_message& asked) {
  ringmail_message message{};
  ringmail_mailbox mailbox = 0;
  std::uint32_t correlation = 0;
  void* room = nullptr;
  PEER_EXPECT(ringmail_receive(peer, &message) == RINGMAIL_EFORKED);
  PEER_EXPECT(contains(ringmail_error(peer), "a fork of the peer"));
  PEER_EXPECT(ringmail_release(peer) == RINGMAIL_EFORKED);
  PEER_EXPECT(ringmail_wait(peer, -1) == RINGMAIL_EFORKED);
  PEER_EXPECT(ringmail_send(peer, host_actor, 0, "", 0, -1) == RINGMAIL_EFORKED);
  PEER_EXPECT(ringmail_ask(peer, host_actor, 0, "", 0, -1, &correlation) == RINGMAIL_EFORKED);
  PEER_EXPECT(ringmail_ask_within(peer, host_actor, 0, "", 0, -1, 0, &correlation) == RINGMAIL_EFORKED);
  PEER_EXPECT(ringmail_loan(peer, host_actor, 0, -1, &room) == RINGMAIL_EFORKED);
  PEER_EXPECT(ringmail_publish(peer, 0) == RINGMAIL_EFORKED);
  PEER_EXPECT(ringmail_cancel(peer) == RINGMAIL_EFORKED);
  PEER_EXPECT(ringmail_reply(peer, &asked, 0, "", 0) == RINGMAIL_EFORKED);
  PEER_EXPECT(ringmail_refuse(peer, &asked, 1) == RINGMAIL_EFORKED);
  PEER_EXPECT(ringmail_flush(peer) == RINGMAIL_EFORKED);
  PEER_EXPECT(ringmail_lookup(peer, "a", -1, &mailbox) == RINGMAIL_EFORKED);
  PEER_EXPECT(ringmail_fail(peer, "a") == RINGMAIL_EFORKED);
  ringmail_interrupt(peer);
  ringmail_detach(peer);
  return 0;
}

TEST(CAbiFork, a_child_gets_an_error_from_every_call_and_its_parent_notices_nothing) {
  Pair pair([](AbiPeer& peer) {
    ringmail_message asked{};
    PEER_EXPECT(peer.next(asked) == 1);
    PEER_EXPECT(send(peer, "before") == 0);  // in an open batch
    PEER_EXPECT(status_of_child([&] { return expect_forked(peer, asked); }) == 0);
    PEER_EXPECT(step(peer) == 0);
    PEER_EXPECT(send(peer, "after") == 0);
    PEER_EXPECT(ringmail_reply(peer, &asked, 1, "answer", 6) == 0);
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(ringmail_wait(peer, 0) >= 0);
    return step(peer);
  });
  pair.host.send("question", {.correlation = 5});
  pair.wait_for_step();
  EXPECT_TRUE(pair.host.drain().empty()) << "what is open is the parent's to publish";
  EXPECT_EQ(pair.host.unfinished().messages, 1u) << "what is in hand is the parent's to release";
  pair.next_step();
  pair.wait_for_step();
  const auto came = pair.host.drain();
  ASSERT_EQ(came.size(), 3u);
  EXPECT_EQ(came[0].text, "answer");
  EXPECT_EQ(came[1].text, "before");
  EXPECT_EQ(came[2].text, "after");
  EXPECT_EQ(pair.host.unfinished().messages, 0u);
  pair.next_step();
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiFork, an_open_loan_stays_with_the_parent) {
  Pair pair([](AbiPeer& peer) {
    void* room = nullptr;
    PEER_EXPECT(ringmail_loan(peer, host_actor, 5, -1, &room) == 0);
    std::memcpy(room, "whole", 5);
    const ringmail_message nobody_asked{};
    PEER_EXPECT(status_of_child([&] { return expect_forked(peer, nobody_asked); }) == 0);
    PEER_EXPECT(ringmail_publish(peer, 9) == 0);
    return step(peer);
  });
  pair.wait_for_step();
  const auto came = pair.host.drain();
  ASSERT_EQ(came.size(), 1u);
  EXPECT_EQ(came[0].text, "whole");
  pair.next_step();
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiFork, a_grandchild_is_a_fork_too_and_a_program_that_is_executed_has_nothing_of_it) {
  Pair pair([](AbiPeer& peer) {
    PEER_EXPECT(status_of_child([&] {
                  return status_of_child([&] {
                    const ringmail_message nobody_asked{};
                    return expect_forked(peer, nobody_asked);
                  });
                }) == 0);
    PEER_EXPECT(status_of_child([] {
                  execl("/bin/sh", "sh", "-c",
                        "{ ls -l /proc/self/fd | grep -v ' [012] -> '; cat /proc/self/maps; } | grep -E 'socket|memfd'",
                        nullptr);
                  return 99;
                }) == 1);  // grep found nothing
    return step(peer);
  });
  pair.wait_for_step();
  pair.next_step();
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(ForkGuard, tells_a_process_from_its_child) {
  ForkGuard guard = *ForkGuard::create();
  EXPECT_FALSE(guard.is_forked());
  EXPECT_EQ(status_of_child([&] { return guard.is_forked() ? 0 : 1; }), 0);
  EXPECT_FALSE(guard.is_forked());
  const ForkGuard moved = std::move(guard);
  EXPECT_EQ(status_of_child([&] { return moved.is_forked() ? 0 : 1; }), 0);
  EXPECT_FALSE(moved.is_forked());
  EXPECT_FALSE(ForkGuard().is_forked());
}

}  // namespace
}  // namespace ringmail::transport::test

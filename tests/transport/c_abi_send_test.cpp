// Sending through the C ABI: when it is published, for how long it waits, and to whom.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "abi_pair.hpp"
#include "deadline.hpp"
#include "ringmail/transport/futex.hpp"

namespace ringmail::transport::test {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;

TEST(CAbiSend, what_is_sent_waits_for_release_wait_or_flush) {
  Pair pair([](AbiPeer& peer) {
    PEER_EXPECT(send(peer, "one") == 0 && send(peer, "two") == 0);
    PEER_EXPECT(step(peer) == 0);
    PEER_EXPECT(ringmail_flush(peer) == 0);
    PEER_EXPECT(send(peer, "three") == 0);
    PEER_EXPECT(ringmail_wait(peer, 0) == 0);
    return 0;
  });
  pair.wait_for_step();
  EXPECT_THAT(pair.host.drain(), IsEmpty());
  pair.next_step();
  EXPECT_THAT(pair.host.drain_until(3),
              ElementsAre(Field(&Mail::text, "one"), Field(&Mail::text, "two"), Field(&Mail::text, "three")));
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiSend, a_loan_is_sent_or_leaves_no_trace) {
  Pair pair([](AbiPeer& peer) {
    void* room = nullptr;
    PEER_EXPECT(ringmail_loan(peer, host_actor, 1000, 0, &room) == 0);
    std::memset(room, 0xff, 1000);
    PEER_EXPECT(ringmail_cancel(peer) == 0);
    PEER_EXPECT(ringmail_cancel(peer) == RINGMAIL_EMISUSE);
    PEER_EXPECT(ringmail_loan(peer, host_actor, 3, 0, &room) == 0);
    PEER_EXPECT(ringmail_loan(peer, host_actor, 3, 0, &room) == RINGMAIL_EMISUSE);
    PEER_EXPECT(send(peer, "x") == RINGMAIL_EMISUSE);
    std::memcpy(room, "abc", 3);
    PEER_EXPECT(ringmail_publish(peer, 9) == 0);
    PEER_EXPECT(ringmail_publish(peer, 9) == RINGMAIL_EMISUSE);
    return 0;
  });
  const auto came = pair.host.drain_until(1);
  ASSERT_EQ(came.size(), 1u);
  EXPECT_EQ(came[0].text, "abc");
  EXPECT_EQ(came[0].head.type, 9u);
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiSend, a_broken_rule_is_told_and_changes_nothing) {
  Pair pair([](AbiPeer& peer) {
    ringmail_message message{}, other{};
    PEER_EXPECT(ringmail_release(peer) == RINGMAIL_EMISUSE);
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(ringmail_receive(peer, &other) == RINGMAIL_EMISUSE);
    PEER_EXPECT(ringmail_wait(peer, 0) == RINGMAIL_EMISUSE);
    PEER_EXPECT(peer.error() == "the message received before has not been released");
    PEER_EXPECT(text_of(message) == "mail");
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(ringmail_send(peer, 0, 1, "x", 1, 0) == RINGMAIL_ENOTFOUND);
    PEER_EXPECT(ringmail_send(peer, actor_on(1), 1, "x", 1, 0) == RINGMAIL_ENOTFOUND);
    const std::string most(2048 - 32, 'm');
    PEER_EXPECT(send(peer, most + "x") == RINGMAIL_ETOOLONG);
    PEER_EXPECT(send(peer, most) == 0);
    return 0;
  });
  pair.host.send("mail");
  EXPECT_THAT(pair.host.drain_until(1), ElementsAre(Field(&Mail::text, testing::SizeIs(2016))));
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiSend, a_full_ring_is_waited_for_as_long_as_was_said) {
  Pair pair([](AbiPeer& peer) {
    int fitted = 0;
    while (send(peer, "x", 0) == 0) ++fitted;
    PEER_EXPECT(fitted == 63);
    PEER_EXPECT(send(peer, "x", 0) == RINGMAIL_EFULL);
    const std::uint64_t before = monotonic_ns();
    PEER_EXPECT(send(peer, "x", 2'000'000) == RINGMAIL_EFULL);
    PEER_EXPECT(monotonic_ns() - before >= 2'000'000);
    PEER_EXPECT(step(peer) == 0);
    for (int number = 0; number < 1000; ++number) PEER_EXPECT(send(peer, std::to_string(number)) == 0);
    PEER_EXPECT(ringmail_flush(peer) == 0);
    ringmail_counters counters{};
    ringmail_count(peer, &counters);
    PEER_EXPECT(counters.sent == 1063 && counters.lost_wakeups == 0);
    return 0;
  });
  pair.wait_for_step();
  pair.next_step();
  const auto came = pair.host.drain_until(1063);
  ASSERT_EQ(came.size(), 1063u);
  for (std::size_t number = 0; number < 1000; ++number) ASSERT_EQ(came[63 + number].text, std::to_string(number));
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiSend, who_waits_for_room_has_told_what_is_finished) {
  Pair pair([](AbiPeer& peer) {
    ringmail_message message{};
    PEER_EXPECT(step(peer) == 0);
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(ringmail_release(peer) == 0);
    for (int count = 0; count < 64; ++count) PEER_EXPECT(send(peer, "x") == 0);
    return 0;
  });
  pair.wait_for_step();
  pair.host.send("finished");
  pair.host.send("not yet");
  pair.next_step();
  EXPECT_TRUE(until([&] { return pair.host.unfinished().messages == 1; }));
  EXPECT_EQ(pair.host.drain_until(64).size(), 64u);
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiSend, a_mailbox_is_found_by_its_name) {
  Pair pair([](AbiPeer& peer) {
    ringmail_mailbox mailbox = 0;
    PEER_EXPECT(ringmail_lookup(peer, "", -1, &mailbox) == RINGMAIL_ENOTFOUND);
    PEER_EXPECT(ringmail_lookup(peer, "two\nlines", -1, &mailbox) == RINGMAIL_ENOTFOUND);
    PEER_EXPECT(ringmail_lookup(peer, "\xff", -1, &mailbox) == RINGMAIL_ENOTFOUND);
    PEER_EXPECT(ringmail_lookup(peer, std::string(300, 'x').c_str(), -1, &mailbox) == RINGMAIL_ENOTFOUND);
    PEER_EXPECT(ringmail_lookup(peer, "late", 0, &mailbox) == RINGMAIL_ETIMEDOUT);
    PEER_EXPECT(ringmail_lookup(peer, "known", -1, &mailbox) == 0);
    PEER_EXPECT(mailbox == actor_on(0, 99));
    PEER_EXPECT(ringmail_lookup(peer, "unknown", -1, &mailbox) == RINGMAIL_ENOTFOUND);
    PEER_EXPECT(peer.error().find("unknown") != std::string_view::npos);
    return 0;
  });
  std::vector<std::uint32_t> requests;
  for (const char* name : {"late", "known"}) {
    const auto question = pair.host.next<Resolve>();
    ASSERT_TRUE(question);
    EXPECT_EQ(question->name, name) << "what is no name does not reach the host";
    requests.push_back(question->request);
  }
  pair.host.answer({.request = requests[0], .found = true, .mailbox = actor_on(0, 98)});
  pair.host.answer({.request = requests[1], .found = true, .mailbox = actor_on(0, 99)});
  const auto question = pair.host.next<Resolve>();
  ASSERT_TRUE(question);
  pair.host.answer({.request = question->request, .found = false});
  EXPECT_EQ(pair.host.join(), 0);
}

}  // namespace
}  // namespace ringmail::transport::test

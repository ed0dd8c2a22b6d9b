// A peer of the C ABI in an event loop: what ends its sleep, and what it can do while a message is in hand.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>

#include <csignal>
#include <string>
#include <thread>

#include "abi_pair.hpp"
#include "deadline.hpp"
#include "ringmail/transport/futex.hpp"

namespace ringmail::transport::test {
namespace {

ringmail_options pollable() {
  ringmail_options options = RINGMAIL_OPTIONS_INIT;
  options.pollable = 1;
  return options;
}

/// A host and a pollable peer in another process.
struct LoopPair {
  TestHost host;
  template <class Body>
  explicit LoopPair(Body body) {
    host.spawn([body]() -> int {
      start_watchdog();
      const ringmail_options options = pollable();
      AbiPeer peer(&options);
      PEER_EXPECT(peer.attached() == 0);
      return body(peer);
    });
    EXPECT_TRUE(host.shake_hands());
  }
};

bool readable(AbiPeer& peer, std::int64_t timeout_ns) {
  pollfd polled{.fd = ringmail_descriptor(peer), .events = POLLIN, .revents = 0};
  return ::poll(&polled, 1, static_cast<int>(timeout_ns / 1'000'000)) == 1;
}

/// A loop's turns until one in which something has come.
int turn(AbiPeer& peer, int for_mail = 1) {
  while (true) {
    std::int64_t longest_ns = 0;
    const int looked = ringmail_prepare(peer, for_mail, &longest_ns);
    if (looked == 2) continue;
    if (looked != 0) return looked;
    if (!readable(peer, longest_ns)) continue;
    if (const int resumed = ringmail_resume(peer); resumed != 0) return resumed;
  }
}

/// Until the peer says that it sleeps: the host then has to ring.
void await_parked(TestHost& host) {
  constexpr std::size_t peer_bells = 4;  // of the welcome's segments
  void* mapped = mmap(nullptr, sizeof(Bell), PROT_READ, MAP_SHARED, host.descriptors.at(peer_bells), 0);
  ASSERT_NE(mapped, MAP_FAILED);
  const Bell& bell = *static_cast<const Bell*>(mapped);
  EXPECT_TRUE(until([&] { return ParkWord::state(bell.park.load()) == ParkState::parked; }));
  munmap(mapped, sizeof(Bell));
}

TEST(CAbiLoop, mail_ends_a_sleep) {
  LoopPair pair([](AbiPeer& peer) {
    for (int number = 0; number < 50; ++number) {
      PEER_EXPECT(turn(peer) == 1);
      ringmail_message message{};
      PEER_EXPECT(ringmail_receive(peer, &message) == 1);
      PEER_EXPECT(text_of(message) == std::to_string(number));
      PEER_EXPECT(ringmail_release(peer) == 0);
    }
    ringmail_counters counters{};
    ringmail_count(peer, &counters);
    PEER_EXPECT(counters.sleeps >= 1);
    return 0;
  });
  for (int number = 0; number < 50; ++number) {
    await_parked(pair.host);
    pair.host.send(std::to_string(number));
  }
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiLoop, a_sleep_that_something_else_ended_goes_on) {
  LoopPair pair([](AbiPeer& peer) {
    std::int64_t longest_ns = 0;
    int looked = 0;
    while ((looked = ringmail_prepare(peer, 1, &longest_ns)) == 2) {
    }
    PEER_EXPECT(looked == 0 && longest_ns > 0);
    // As if another descriptor had ended the poll.
    PEER_EXPECT(ringmail_prepare(peer, 1, &longest_ns) == 0);
    PEER_EXPECT(step(peer) == 0);
    PEER_EXPECT(readable(peer, 20'000'000'000));
    PEER_EXPECT(ringmail_prepare(peer, 1, &longest_ns) == 1);
    return 0;
  });
  const auto resolve = pair.host.next<Resolve>();
  ASSERT_TRUE(resolve);
  pair.host.answer({.request = resolve->request, .found = true, .mailbox = 1});
  pair.host.send("now");
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiLoop, the_deadline_of_an_ask_ends_a_sleep) {
  LoopPair pair([](AbiPeer& peer) {
    std::uint32_t first = 0, second = 0;
    ringmail_message message{}, held{};
    PEER_EXPECT(ringmail_ask_within(peer, host_actor, 1, "?", 1, -1, 60'000'000'000, &first) == 0);
    const std::uint64_t start_ns = monotonic_ns();
    PEER_EXPECT(ringmail_ask_within(peer, host_actor, 1, "?", 1, -1, 20'000'000, &first) == 0);
    std::int64_t longest_ns = 0;
    int looked = 0;
    while ((looked = ringmail_prepare(peer, 1, &longest_ns)) == 2) {
    }
    PEER_EXPECT(looked == 1 || longest_ns <= 20'000'000);
    PEER_EXPECT(turn(peer) == 1);
    PEER_EXPECT(monotonic_ns() - start_ns >= 20'000'000);
    PEER_EXPECT(ringmail_receive(peer, &message) == 1 && message.kind == RINGMAIL_NO_REPLY);
    PEER_EXPECT(message.correlation == first && message.type == RINGMAIL_TIMED_OUT);
    PEER_EXPECT(ringmail_release(peer) == 0 && step(peer) == 0);

    // And while a message is in hand.
    PEER_EXPECT(turn(peer) == 1 && ringmail_receive(peer, &held) == 1);
    PEER_EXPECT(ringmail_ask_within(peer, host_actor, 1, "?", 1, -1, 5'000'000, &second) == 0);
    PEER_EXPECT(turn(peer, 0) == 1);
    PEER_EXPECT(ringmail_receive_reply(peer, &message) == 1 && message.type == RINGMAIL_TIMED_OUT);
    PEER_EXPECT(message.correlation == second);
    PEER_EXPECT(ringmail_receive_reply(peer, &message) == 0);
    return ringmail_release(peer);
  });
  const auto resolve = pair.host.next<Resolve>();
  ASSERT_TRUE(resolve);
  pair.host.send("held");
  pair.host.answer({.request = resolve->request, .found = true, .mailbox = 1});
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiLoop, replies_come_while_a_message_is_in_hand_and_more_mail_waits) {
  LoopPair pair([](AbiPeer& peer) {
    ringmail_message message{};
    ringmail_message reply{};
    PEER_EXPECT(turn(peer) == 1);
    PEER_EXPECT(ringmail_receive(peer, &message) == 1);
    std::uint32_t correlation = 0;
    PEER_EXPECT(ringmail_ask(peer, host_actor, 7, "?", 1, -1, &correlation) == 0);
    PEER_EXPECT(turn(peer) == 1);  // which publishes the ask
    PEER_EXPECT(ringmail_receive_reply(peer, &reply) == 1);
    PEER_EXPECT(reply.kind == RINGMAIL_REPLY && reply.correlation == correlation && text_of(reply) == "!");
    PEER_EXPECT(ringmail_receive_reply(peer, &reply) == 0);
    PEER_EXPECT(text_of(message) == "first");
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(turn(peer) == 1);
    PEER_EXPECT(ringmail_receive(peer, &message) == 1);
    PEER_EXPECT(text_of(message) == "second");
    return 0;
  });
  pair.host.send("first");
  pair.host.send("second");
  const auto came = pair.host.drain_until(1);
  ASSERT_EQ(came.size(), 1u);
  pair.host.send_control("!", {.kind = FrameKind::reply, .correlation = came[0].head.correlation});
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiLoop, who_takes_no_mail_sleeps_over_it) {
  LoopPair pair([](AbiPeer& peer) {
    PEER_EXPECT(turn(peer, 0) == 1);
    ringmail_message reply{};
    PEER_EXPECT(ringmail_receive_reply(peer, &reply) == 1);
    PEER_EXPECT(reply.kind == RINGMAIL_NO_REPLY && reply.type == 1);
    PEER_EXPECT(turn(peer, 1) == 1);
    return 0;
  });
  pair.host.send("mail");
  await_parked(pair.host);
  pair.host.send_control("", {.kind = FrameKind::no_reply, .type = 1, .correlation = 1});
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiLoop, room_ends_a_sleep) {
  LoopPair pair([](AbiPeer& peer) {
    const std::string large(1000, 'x');
    int sent = 0;
    while (send(peer, large, 0) == 0) ++sent;
    PEER_EXPECT(sent >= 1);
    PEER_EXPECT(ringmail_want_room(peer, host_actor, 1000) == 0);
    PEER_EXPECT(step(peer) == 0);
    PEER_EXPECT(turn(peer) == 1);
    PEER_EXPECT(ringmail_want_room(peer, host_actor, 1000) == 1);
    PEER_EXPECT(send(peer, large, 0) == 0);
    PEER_EXPECT(ringmail_want_room(peer, 0, 1) == RINGMAIL_ENOTFOUND);
    PEER_EXPECT(ringmail_want_room(peer, host_actor, 4096) == RINGMAIL_ETOOLONG);
    return 0;
  });
  const auto resolve = pair.host.next<Resolve>();
  ASSERT_TRUE(resolve);
  pair.host.answer({.request = resolve->request, .found = true, .mailbox = 1});
  await_parked(pair.host);
  EXPECT_GE(pair.host.drain().size(), 1u);
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiLoop, answers_to_lookups_end_a_sleep) {
  LoopPair pair([](AbiPeer& peer) {
    std::uint32_t first = 0, second = 0, request = 0;
    ringmail_mailbox mailbox = 9;
    PEER_EXPECT(ringmail_resolve(peer, "known", &first) == 0);
    PEER_EXPECT(ringmail_resolve(peer, "unknown", &second) == 0);
    PEER_EXPECT(ringmail_resolve(peer, "no\nname", &request) == RINGMAIL_ENOTFOUND);
    PEER_EXPECT(ringmail_resolved(peer, &request, &mailbox) == 0);
    PEER_EXPECT(turn(peer) == 1);
    while (ringmail_resolved(peer, &request, &mailbox) == 0) PEER_EXPECT(turn(peer) == 1);
    PEER_EXPECT(request == second && mailbox == 0);
    while (ringmail_resolved(peer, &request, &mailbox) == 0) PEER_EXPECT(turn(peer) == 1);
    PEER_EXPECT(request == first && mailbox == 42);
    return 0;
  });
  const auto first = pair.host.next<Resolve>();
  const auto second = pair.host.next<Resolve>();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->name, "known");
  await_parked(pair.host);
  pair.host.answer({.request = second->request, .found = false, .mailbox = 0});
  pair.host.answer({.request = first->request, .found = true, .mailbox = 42});
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiLoop, an_interruption_ends_a_sleep) {
  LoopPair pair([](AbiPeer& peer) {
    std::thread other([&] { ringmail_interrupt(peer); });
    PEER_EXPECT(turn(peer) == RINGMAIL_EINTERRUPTED);
    other.join();
    std::thread another([&] { ringmail_interrupt(peer); });
    PEER_EXPECT(ringmail_wait(peer, -1) == RINGMAIL_EINTERRUPTED);
    another.join();
    return 0;
  });
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiLoop, the_hosts_death_ends_a_sleep) {
  LoopPair pair([](AbiPeer& peer) {
    PEER_EXPECT(turn(peer) == RINGMAIL_ECLOSED);
    std::int64_t longest_ns = 0;
    std::uint32_t request = 0;
    ringmail_mailbox mailbox = 0;
    PEER_EXPECT(ringmail_prepare(peer, 1, &longest_ns) == RINGMAIL_ECLOSED);
    PEER_EXPECT(ringmail_resolve(peer, "a", &request) == RINGMAIL_ECLOSED);
    PEER_EXPECT(ringmail_resolved(peer, &request, &mailbox) == RINGMAIL_ECLOSED);
    return 0;
  });
  await_parked(pair.host);
  pair.host.close_stream();
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiLoop, a_stop_ends_a_sleep) {
  LoopPair pair([](AbiPeer& peer) {
    ringmail_message message{};
    PEER_EXPECT(turn(peer) == 1);
    int result = 0;
    while ((result = ringmail_receive(peer, &message)) == 0) PEER_EXPECT(turn(peer) == 1);
    PEER_EXPECT(result == RINGMAIL_ESTOPPED);
    return 0;
  });
  await_parked(pair.host);
  pair.host.stop();
  EXPECT_TRUE(pair.host.next<Goodbye>());
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiLoop, a_wait_sleeps_over_the_pipe_too) {
  LoopPair pair([](AbiPeer& peer) {
    ringmail_message message{};
    for (int number = 0; number < 20; ++number) {
      PEER_EXPECT(peer.next(message) == 1);
      PEER_EXPECT(ringmail_release(peer) == 0);
    }
    PEER_EXPECT(ringmail_wait(peer, 1'000'000) == 0);
    return 0;
  });
  for (int number = 0; number < 20; ++number) {
    await_parked(pair.host);
    pair.host.send("mail");
  }
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiLoop, payloads_and_loans_lie_in_the_memory_of_their_rings) {
  LoopPair pair([](AbiPeer& peer) {
    const auto lies_in = [&](const void* payload, std::uint32_t length, int outgoing) {
      void* memory = nullptr;
      std::uint64_t bytes = 0;
      if (ringmail_ring_memory(peer, 0, outgoing, &memory, &bytes) != 0) return false;
      const auto* start = static_cast<const char*>(memory);
      return payload >= start && static_cast<const char*>(payload) + length <= start + bytes;
    };
    ringmail_message message{};
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(lies_in(message.payload, message.length, 0));
    void* room = nullptr;
    PEER_EXPECT(ringmail_loan(peer, host_actor, 100, -1, &room) == 0);
    PEER_EXPECT(lies_in(room, 100, 1));
    PEER_EXPECT(ringmail_cancel(peer) == 0);
    std::uint64_t bytes = 0;
    PEER_EXPECT(ringmail_ring_memory(peer, 1, 0, &room, &bytes) == RINGMAIL_ENOTFOUND);
    return 0;
  });
  pair.host.send("mail");
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiLoop, it_is_for_peers_that_asked_for_it) {
  Pair pair([](AbiPeer& peer) {
    std::int64_t longest_ns = 0;
    std::uint32_t request = 0;
    PEER_EXPECT(ringmail_descriptor(peer) == RINGMAIL_EMISUSE);
    PEER_EXPECT(ringmail_prepare(peer, 1, &longest_ns) == RINGMAIL_EMISUSE);
    PEER_EXPECT(ringmail_resume(peer) == RINGMAIL_EMISUSE);
    PEER_EXPECT(ringmail_want_room(peer, host_actor, 1) == RINGMAIL_EMISUSE);
    PEER_EXPECT(ringmail_resolve(peer, "a", &request) == RINGMAIL_EMISUSE);
    return 0;
  });
  EXPECT_EQ(pair.host.join(), 0);
}

TEST(CAbiLoop, a_host_without_such_a_doorbell_is_refused) {
  TestHost host;
  host.more_features = 0;
  host.spawn([] {
    const ringmail_options options = pollable();
    AbiPeer peer(&options);
    PEER_EXPECT(peer.attached() == RINGMAIL_EREFUSED);
    PEER_EXPECT(contains(peer.error(), "no doorbell that can be polled"));
    return 0;
  });
  EXPECT_FALSE(host.shake_hands());
  EXPECT_EQ(host.join(), 0);
}

}  // namespace
}  // namespace ringmail::transport::test

// The whole peer, as programs use it, killed after any instruction of receiving, sending, releasing and waiting; and the next one.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <string>
#include <vector>

#include "abi_peer.hpp"
#include "deadline.hpp"
#include "kill_steps.hpp"
#include "shared_ring.hpp"
#include "test_host.hpp"

namespace ringmail::transport::test {
namespace {

constexpr int messages = 3;

/// So that the last needs padding before the end of the ring of a page.
std::uint32_t length_of(int number) { return static_cast<std::uint32_t>(1300 + number * 37); }
std::string text_for(int number) { return std::string(length_of(number), static_cast<char>('0' + number)); }

/// What the victim says of itself.
struct Account {
  std::atomic<const char*> at{""};  // a literal: it lies at the same address in the tester
  std::atomic<int> received{0};     // messages
  std::atomic<int> sending{0};      // echoes, said before
  std::atomic<int> releasing{0};    // messages, said before
  std::atomic<std::uint64_t> steps{0};
};

struct Echo {
  int number;
  bool redelivered;
  std::uint32_t attempt;
};

/// Echoes `count` messages, or until it is told to stop.
int echo(AbiPeer& peer, int count, Account& account) {
  ringmail_message message{};
  while (count > 0) {
    account.at = "receive";
    const int result = ringmail_receive(peer, &message);
    if (result == RINGMAIL_ESTOPPED) return 0;
    if (result == 0) {
      account.at = "wait";
      PEER_EXPECT(ringmail_wait(peer, -1) == 1);
      continue;
    }
    PEER_EXPECT(result == 1);
    ++account.received;
    const char* const text = static_cast<const char*>(message.payload);
    const Echo echo{*text - '0', message.redelivered != 0, message.attempt};
    PEER_EXPECT(message.length == length_of(echo.number) && text[message.length - 1] == *text);
    ++account.sending;
    account.at = "send";
    PEER_EXPECT(ringmail_send(peer, actor_on(0), 0, &echo, sizeof echo, -1) == 0);
    ++account.releasing;
    account.at = "release";
    PEER_EXPECT(ringmail_release(peer) == 0);
    --count;
  }
  account.at = "work";
  return 0;
}

void take_echoes(TestHost& host, std::vector<Echo>& echoes) {
  for (const Mail& mail : host.drain()) {
    Echo echo{};
    std::memcpy(&echo, mail.text.data(), sizeof echo);
    echoes.push_back(echo);
  }
}

TEST(KilledPeer, leaves_to_the_next_exactly_what_it_has_not_finished) {
  InSharedMemory<Account> memory;
  std::uint64_t steps = 0;
  const auto round = [&](std::uint64_t step) -> std::string_view {
    Account& account = memory.renew();
    TestHost host;
    host.spawn([&] {
      AbiPeer peer;
      PEER_EXPECT(peer.attached() == 0);
      die_after(step);
      const int result = echo(peer, messages, account);
      account.steps = live_on();
      return result;
    });
    EXPECT_TRUE(host.shake_hands());
    // One is there soon, the others come when it sleeps.
    int sent = 0;
    const auto send = [&] {
      if (sent < messages) host.send(text_for(sent++));
    };
    send();
    while_it_lives(host.pid(), send);
    const int status = host.join();
    const char* const at = account.at;
    EXPECT_TRUE(status == -SIGKILL || status == 0) << status;

    std::vector<Echo> first, second;
    take_echoes(host, first);
    const auto left = host.unfinished();
    const int finished = sent - static_cast<int>(left.messages);
    const int came = static_cast<int>(first.size());
    EXPECT_LE(finished, account.releasing);
    EXPECT_LE(came, account.sending);
    EXPECT_GE(came, finished) << "finished, and what it led to is lost";
    for (int i = 0; i < came; ++i) EXPECT_EQ(first[static_cast<std::size_t>(i)].number, i);

    const bool in_hand = host.lane().mail_out.in_hand() == left.cursor;
    EXPECT_TRUE(in_hand || account.received <= finished || left.messages == 0) << "it was, and nobody could know";
    EXPECT_TRUE(host.respawn(
        [&] {
          AbiPeer peer;
          PEER_EXPECT(peer.attached() == 0);
          return echo(peer, 2 * messages, account);
        },
        in_hand ? 1 : 0));
    const int perhaps_seen = sent;
    while (sent < messages) send();
    host.stop();
    EXPECT_EQ(host.join(), 0);
    take_echoes(host, second);
    EXPECT_EQ(static_cast<int>(second.size()), sent - finished);
    int next = finished;
    for (const Echo& echo : second) {
      EXPECT_EQ(echo.number, next);
      EXPECT_EQ(echo.redelivered, next < perhaps_seen);
      EXPECT_EQ(echo.attempt, in_hand && next == finished ? 1u : 0u);
      ++next;
    }
    EXPECT_EQ(host.unfinished().messages, 0u);
    EXPECT_EQ(host.lane().fault(), RingFault::none);
    steps = account.steps;
    return status == 0 ? "" : at;
  };
  kill_at_every_instruction(round, steps, 120);
}

}  // namespace
}  // namespace ringmail::transport::test

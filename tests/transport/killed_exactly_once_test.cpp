// A peer of a host that wants it exactly once, killed after any instruction of receiving, sending, answering and releasing.
// What the host has got in the end, from all incarnations, is each output once and in order; without that agreement it is not.
#include <gtest/gtest.h>

#include <algorithm>
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

constexpr std::uint32_t messages = 5;
constexpr std::uint32_t parts =
    3;  // of what each leads to: to an actor on its scheduler, to one on another, and the answer

/// What an output says. So long that those of all messages do not fit into the ring of a page: the last one waits for room, and has
/// padding in the middle of its batch.
struct Output {
  std::uint32_t number;
  std::uint32_t part;
  std::byte rest[292];
};
static_assert(sizeof(Output) == 300);

/// What the victim says of itself.
struct Account {
  std::atomic<const char*> at{""};  // a literal: it lies at the same address in the tester
  std::atomic<std::uint64_t> steps{0};
};

/// Of the victim: its instructions, but for those of its waits between messages, which killed_peer_test.cpp has.
class Lifetime {
 public:
  explicit Lifetime(std::uint64_t steps) : left_(steps) {}
  void go_on() { die_after(left_); }
  void pause() {
    const std::uint64_t steps = live_on();
    lived_ += steps;
    if (left_ != never) left_ -= std::min(left_ - 1, steps);
  }
  std::uint64_t lived() const { return lived_; }

 private:
  std::uint64_t left_;
  std::uint64_t lived_ = 0;
};

/// Does its work for so many messages, or until it is told to stop.
int work(AbiPeer& peer, std::uint32_t count, Account& account, Lifetime* life = nullptr) {
  if (life != nullptr) life->go_on();
  ringmail_message message{};
  while (count > 0) {
    account.at = "receive";
    const int result = ringmail_receive(peer, &message);
    if (result == RINGMAIL_ESTOPPED) return 0;
    if (result == 0) {
      if (life != nullptr) life->pause();
      PEER_EXPECT(ringmail_wait(peer, -1) == 1);
      if (life != nullptr) life->go_on();
      continue;
    }
    PEER_EXPECT(result == 1);
    Output output{.number = message.type, .part = 0, .rest = {}};
    account.at = "first send";
    PEER_EXPECT(ringmail_send(peer, actor_on(0), 1, &output, sizeof output, -1) == 0);
    account.at = "flush";
    PEER_EXPECT(ringmail_flush(peer) == 0);
    output.part = 1;
    account.at = "second send";
    PEER_EXPECT(ringmail_send(peer, actor_on(1), 1, &output, sizeof output, -1) == 0);
    output.part = 2;
    account.at = "answer";
    PEER_EXPECT(ringmail_reply(peer, &message, 1, &output, 8) == 0);
    account.at = "release";
    PEER_EXPECT(ringmail_release(peer) == 0);
    --count;
  }
  if (life != nullptr) life->pause();
  return 0;
}

std::uint64_t chained(std::uint64_t chain, std::uint32_t number, std::uint32_t part) {
  for (const std::uint32_t word : {number, part}) chain = (chain ^ word) * 0x100000001b3;
  return chain;
}

/// What the host has got, of all incarnations.
struct Got {
  std::uint64_t chain = 0xcbf29ce484222325;
  std::uint64_t outputs = 0;
};
constexpr std::uint64_t of_each_once() {
  std::uint64_t chain = 0xcbf29ce484222325;
  for (std::uint32_t number = 0; number < messages; ++number) {
    for (std::uint32_t part = 0; part < parts; ++part) {
      for (const std::uint32_t word : {number, part}) chain = (chain ^ word) * 0x100000001b3;
    }
  }
  return chain;
}

void take(TestHost& host, Got& got) {
  for (const Mail& mail : host.drain()) {
    Output output{};
    std::memcpy(&output, mail.text.data(), mail.text.size());
    got.chain = chained(got.chain, output.number, output.part);
    ++got.outputs;
    EXPECT_EQ(mail.head.target, actor_on(output.part == 1 ? 1 : 0));
    EXPECT_EQ(mail.head.kind, output.part == 2 ? FrameKind::reply : FrameKind::message);
    EXPECT_EQ(mail.head.correlation, output.part == 2 ? output.number + 1 : 0);
  }
}

class KilledExactlyOnce : public testing::Test {
 protected:
  /// Where one died that was killed after so many instructions, and what its host had got in the end.
  std::string_view round(std::uint64_t step, std::uint64_t features) {
    Account& account = memory_.renew();
    got_ = {};
    TestHost host(2);
    host.more_features |= features;
    host.spawn([&] {
      AbiPeer peer;
      PEER_EXPECT(peer.attached() == 0);
      Lifetime life(step);
      const int result = work(peer, messages, account, &life);
      account.steps = life.lived();
      return result;
    });
    EXPECT_TRUE(host.shake_hands());
    // One is there soon, the others come when it sleeps; and only then is there room.
    std::uint32_t sent = 0;
    const auto send = [&] {
      if (sent == messages) return take(host, got_);
      const std::uint32_t number = sent++;
      host.send("", {.type = number, .correlation = number + 1, .sender = actor_on(0)});
    };
    send();
    while_it_lives(host.pid(), send);
    const int status = host.join();
    const char* const at = account.at;
    EXPECT_TRUE(status == -SIGKILL || status == 0) << status;
    take(host, got_);
    const std::uint64_t finished = sent - host.unfinished().messages;
    EXPECT_TRUE(features == 0 || got_.outputs == parts * finished) << "the account is not of what came";
    EXPECT_GE(got_.outputs, parts * finished) << "finished, and what it led to is lost";

    EXPECT_TRUE(host.respawn([&] {
      AbiPeer peer;
      PEER_EXPECT(peer.attached() == 0);
      return work(peer, 2 * messages, account);
    }));
    while (sent < messages) send();
    host.stop();
    while_it_lives(host.pid(), [&] { take(host, got_); });
    EXPECT_EQ(host.join(), 0);
    take(host, got_);
    EXPECT_EQ(host.unfinished().messages, 0u);
    for (std::uint32_t i = 0; i < 2; ++i) EXPECT_EQ(host.lane(i).fault(), RingFault::none);
    steps_ = account.steps;
    return status == 0 ? "" : at;
  }

  InSharedMemory<Account> memory_;
  std::uint64_t steps_ = 0;
  Got got_;
};

TEST_F(KilledExactlyOnce, leaves_each_output_in_the_host_once_and_in_order) {
  kill_at_every_instruction(
      [&](std::uint64_t step) {
        const std::string_view at = round(step, exactly_once);
        EXPECT_EQ(got_.outputs, messages * parts);
        EXPECT_EQ(got_.chain, of_each_once());
        return at;
      },
      steps_, 120);
}

TEST_F(KilledExactlyOnce, is_what_a_peer_without_it_does_not_keep) {
  std::uint64_t twice = 0;
  kill_at_every_instruction(
      [&](std::uint64_t step) {
        const std::string_view at = round(step, 0);
        EXPECT_GE(got_.outputs, messages * parts);
        twice += got_.outputs - messages * parts;
        return at;
      },
      steps_, 24);
  EXPECT_GT(twice, 0u);
}

}  // namespace
}  // namespace ringmail::transport::test

// Peers that are killed at any point, and the next ones: nothing is lost, and what is repeated is marked.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <ostream>
#include <string>

#include "abi_peer.hpp"
#include "deadline.hpp"
#include "test_host.hpp"

namespace ringmail::transport::test {
namespace {

constexpr int messages = 40;

/// Of any length, so that the ring of a page wraps and is padded on the way.
std::string text_for(int number) {
  return std::to_string(number) + std::string(static_cast<std::size_t>(number * 37 % 211), '.');
}

/// What an echo says: the number, how often it was tried, and whether it is marked as a repetition.
struct Echo {
  std::int32_t number;
  std::int32_t attempt;
  std::int32_t redelivered;
};

enum class Point { received, echoed, released };

void PrintTo(Point point, std::ostream* out) {
  *out << (point == Point::received ? "before_its_work"
           : point == Point::echoed ? "after_its_work"
                                    : "after_its_release");
}

/// Echoes what it receives until it is told to stop, or kills itself at `point` of the message after `last` others.
int echo(int last, Point point) {
  AbiPeer peer;
  PEER_EXPECT(peer.attached() == 0);
  ringmail_message message{};
  for (int count = 0;; ++count) {
    const int result = peer.next(message);
    if (result == RINGMAIL_ESTOPPED) return 0;
    PEER_EXPECT(result == 1);
    const auto die_at = [&](Point here) {
      if (count == last && here == point) raise(SIGKILL);
    };
    die_at(Point::received);
    const Echo echo{std::atoi(std::string(text_of(message)).c_str()), static_cast<std::int32_t>(message.attempt),
                    message.redelivered};
    PEER_EXPECT(text_of(message) == text_for(echo.number));
    PEER_EXPECT(ringmail_send(peer, actor_on(0), 0, &echo, sizeof echo, -1) == 0);
    die_at(Point::echoed);
    PEER_EXPECT(ringmail_release(peer) == 0);
    die_at(Point::released);
  }
}

Echo echo_of(const Mail& mail) {
  Echo echo{};
  std::memcpy(&echo, mail.text.data(), sizeof echo);
  return echo;
}

void append(std::vector<Echo>& echoes, const std::vector<Mail>& mail) {
  for (const Mail& one : mail) echoes.push_back(echo_of(one));
}

class LinkCrashPoint : public testing::TestWithParam<Point> {};

TEST_P(LinkCrashPoint, the_next_peer_gets_exactly_what_is_unfinished) {
  for (int last = 0; last < messages / 2; last += 2) {
    SCOPED_TRACE(last);
    TestHost host;
    host.spawn([&] { return echo(last, GetParam()); });
    ASSERT_TRUE(host.shake_hands());
    std::vector<Echo> first, second;
    int sent = 0;
    while (sent < messages / 2) host.send(text_for(sent++));
    ASSERT_EQ(host.join(), -SIGKILL);
    append(first, host.drain());

    const auto left = host.unfinished();
    const int finished = sent - static_cast<int>(left.messages);
    ASSERT_GE(finished, 0);
    ASSERT_LE(finished, GetParam() == Point::released ? last + 1 : last);
    // Its outputs are published before the cursor: what is finished has come out.
    ASSERT_GE(static_cast<int>(first.size()), finished);
    for (std::size_t i = 0; i < first.size(); ++i) ASSERT_EQ(first[i].number, static_cast<int>(i));

    ASSERT_TRUE(host.respawn([] { return echo(-1, Point::released); }, 1));
    const int may_have_been_seen = sent;
    while (sent < messages) {
      host.send(text_for(sent++));
      append(second, host.drain());
    }
    host.stop();
    ASSERT_EQ(host.join(), 0);
    append(second, host.drain());
    ASSERT_EQ(static_cast<int>(second.size()), messages - finished);
    for (int i = 0; i < messages - finished; ++i) {
      const Echo& echo = second[static_cast<std::size_t>(i)];
      ASSERT_EQ(echo.number, finished + i);
      ASSERT_EQ(echo.redelivered != 0, echo.number < may_have_been_seen);
      ASSERT_EQ(echo.attempt, i == 0 ? 1 : 0);
    }
    EXPECT_EQ(host.unfinished().messages, 0u);
    EXPECT_EQ(host.lane().fault(), RingFault::none);
  }
}

INSTANTIATE_TEST_SUITE_P(,
                         LinkCrashPoint,
                         testing::Values(Point::received, Point::echoed, Point::released),
                         testing::PrintToStringParamName());

#ifdef __linux__
/// The pages of the segment that this process writes as a peer: first its cursors, then its mail.
std::byte* own_pages() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find("rw-s") != std::string::npos && line.find("ringmail.peer") != std::string::npos) {
      return reinterpret_cast<std::byte*>(std::stoull(line, nullptr, 16));
    }
  }
  return nullptr;
}

volatile std::sig_atomic_t touched[2];  // which of these pages was written first, and which next
volatile std::sig_atomic_t touches = 0;
std::byte* watched = nullptr;

void on_touch(int, siginfo_t* info, void*) {
  const auto page = (static_cast<std::byte*>(info->si_addr) - watched) / 4096;
  if (touches == 2 || page < 0 || page > 1) _exit(9);
  touched[touches] = static_cast<std::sig_atomic_t>(page);
  touches = touches + 1;
  mprotect(watched + page * 4096, 4096, PROT_READ | PROT_WRITE);
}

// Else a peer that dies in between has finished the message for the host, and what it led to is lost.
TEST(LinkCrash, what_a_message_led_to_is_published_before_its_cursor) {
  TestHost host;
  host.spawn([] {
    AbiPeer peer;
    ringmail_message message{};
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(ringmail_send(peer, actor_on(0), 0, "result", 6, -1) == 0);
    watched = own_pages();
    PEER_EXPECT(watched != nullptr && mprotect(watched, 2 * 4096, PROT_READ) == 0);
    struct sigaction action{};
    action.sa_sigaction = on_touch;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, nullptr);
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(touches == 2 && touched[0] == 1 && touched[1] == 0);
    return 0;
  });
  ASSERT_TRUE(host.shake_hands());
  host.send("work");
  EXPECT_EQ(host.join(), 0);
  EXPECT_EQ(host.drain().size(), 1u);
  EXPECT_EQ(host.unfinished().messages, 0u);
}
#endif

// The host kills, whatever the peer is at, and one peer follows another.
TEST(LinkCrash, nothing_is_lost_over_many_kills) {
  constexpr int all = 10'000;
  std::mt19937_64 random(seed());
  TestHost host;
  std::vector<Echo> echoes;
  int sent = 0;
  std::size_t lives = 1;
  host.spawn([] { return echo(-1, Point::received); });
  ASSERT_TRUE(host.shake_hands());
  while (sent < all) {
    for (std::uint64_t burst = random() % 100; burst > 0 && sent < all; --burst) {
      // Drained between two, or peer and host would each wait for the other's room.
      host.send(text_for(sent++));
      append(echoes, host.drain());
    }
    host.kill();
    ASSERT_EQ(host.join(), -SIGKILL);
    append(echoes, host.drain());
    ASSERT_TRUE(host.respawn([] { return echo(-1, Point::received); }));
    ++lives;
  }
  host.stop();
  ASSERT_TRUE(until([&] {
    append(echoes, host.drain());
    return host.unfinished().messages == 0;
  }));
  ASSERT_EQ(host.join(), 0);
  append(echoes, host.drain());

  // In order, each at least once; what comes again was marked.
  int next = 0;
  int repeated = 0;
  for (const Echo& echo : echoes) {
    ASSERT_LE(echo.number, next) << "a message was lost or overtaken";
    if (echo.number == next) {
      ++next;
    } else {
      ++repeated;
      next = echo.number + 1;
      ASSERT_NE(echo.redelivered, 0);
    }
  }
  EXPECT_EQ(next, all);
  EXPECT_EQ(host.lane().mail_out.published_messages(), static_cast<std::uint64_t>(all));
  std::printf("%zu lives, %d messages repeated\n", lives, repeated);
}

}  // namespace
}  // namespace ringmail::transport::test

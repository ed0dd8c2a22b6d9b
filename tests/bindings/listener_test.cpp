// Two processes without a system: this one listens, in C++, and the conformance peer of each language that attaches by a path does so.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <ringmail/peer.hpp>
#include <string>
#include <utility>
#include <vector>

#include "../transport/deadline.hpp"
#include "conformance.mail.hpp"
#include "languages.hpp"

namespace ringmail::test {
namespace {

using conformance::Payload, conformance::Ping, conformance::Stream, conformance::Tick;
using namespace std::chrono_literals;

constexpr auto patience = 20s;  ///< a watchdog, not a measure
constexpr Peer::Mailbox other{1};

class ListenerOf : public testing::TestWithParam<Language> {
 protected:
  void SetUp() override {
    transport::test::start_watchdog();
    std::string folder = testing::TempDir() + "ringmail.XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    path_ = folder + "/at";
    auto opened =
        Listener::open({.path = path_, .name = "sink", .schema = conformance::ringmail_schema, .ring_bytes = 1 << 14});
    ASSERT_TRUE(opened) << opened.error().text;
    listener.emplace(std::move(*opened));
  }
  void TearDown() override {
    kill();
    join();
    listener.reset();
    std::filesystem::remove_all(folder_);
  }

  Peer start() {
    pid_ = start_by_hand(GetParam(), "CONFORMANCE_PATH", path_);
    auto peer = listener->accept(patience);
    EXPECT_TRUE(peer && *peer) << (peer ? "nobody came" : peer.error().text);
    return std::move(**peer);
  }
  void kill() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
  }
  int join() {
    int status = 0;
    if (pid_ > 0) waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  /// The next that comes; its life has ended: nothing.
  static std::optional<Peer::Received> next(Peer& peer) {
    while (true) {
      auto received = peer.receive();
      if (!received) {
        EXPECT_EQ(received.error(), Peer::Errc::closed) << peer.error();
        return std::nullopt;
      }
      if (*received) return std::move(*received);
      const auto more = peer.wait(patience);
      if (!more && more.error() == Peer::Errc::closed) return std::nullopt;
      EXPECT_TRUE(more && *more) << "nothing comes";
      if (!more || !*more) return std::nullopt;
    }
  }
  void expect_stopped_in_order(Peer& peer) {
    EXPECT_TRUE(peer.stop());
    EXPECT_FALSE(next(peer));
    EXPECT_EQ(join(), 0);
    EXPECT_EQ(listener->counters().waiting + listener->counters().given_up, 0u);
  }

  std::optional<Listener> listener;

 private:
  std::string folder_, path_;
  pid_t pid_ = -1;
};

INSTANTIATE_TEST_SUITE_P(Of, ListenerOf, testing::ValuesIn(languages()), [](const auto& info) {
  return info.param.name;
});

TEST_P(ListenerOf, asks_and_is_sent_to) {
  Peer peer = start();
  EXPECT_EQ(peer.name(), "conformance");
  for (std::uint64_t i = 0; i < 100; ++i) {
    const Ping ping{.words = {i, 2, 3, 4}};
    const auto asked = peer.ask(other, ping);
    ASSERT_TRUE(asked);
    const auto answer = next(peer);
    ASSERT_TRUE(answer);
    ASSERT_NE(answer->as<Ping>(), nullptr);
    EXPECT_EQ(answer->correlation(), *asked);
    EXPECT_EQ(*answer->as<Ping>(), ping);
  }
  ASSERT_TRUE(peer.send(other, Tick{.number = 9, .price = 2}));
  {
    const auto echo = next(peer);
    ASSERT_TRUE(echo);
    EXPECT_EQ(echo->as<Tick>()->price, 4);
    EXPECT_EQ(echo->sender(), other);
  }
  expect_stopped_in_order(peer);
}

TEST_P(ListenerOf, is_streamed_to_through_a_small_ring) {
  constexpr std::uint64_t count = 5000;
  Peer peer = start();
  ASSERT_TRUE(peer.send(other, Stream{.count = count, .payload = Payload::ping}));
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto received = next(peer);
    ASSERT_TRUE(received) << i;
    ASSERT_EQ(received->as<Ping>()->words[0], i);
  }
  expect_stopped_in_order(peer);
}

TEST_P(ListenerOf, loses_nothing_when_the_peer_is_killed_in_mid_stream) {
  constexpr std::uint64_t count = 1000;
  std::uint64_t sent = 0;
  std::uint64_t back = 0;  // the next number that has not come back
  std::uint64_t repeated = 0;
  for (int life = 0; life < 3; ++life) {
    Peer peer = start();
    EXPECT_EQ(peer.incarnation(), static_cast<std::uint64_t>(life + 1));
    bool is_killed = false;
    while (back < count) {
      while (sent < count && peer.send(other, Tick{.number = sent}, Peer::at_once)) ++sent;
      static_cast<void>(peer.flush());
      const auto received = next(peer);
      if (!received) break;
      const std::uint64_t number = received->as<Tick>()->number;
      ASSERT_LE(number, back) << "something is missing";
      number == back ? ++back : ++repeated;
      if (life < 2 && !is_killed && back >= count * static_cast<std::uint64_t>(life + 1) / 4) {
        is_killed = true;
        kill();
      }
    }
    if (back < count) {
      // sent = finished + waiting
      EXPECT_EQ(listener->counters().waiting, *peer.unfinished());
      join();
    } else {
      EXPECT_EQ(sent, count);
      expect_stopped_in_order(peer);
      break;
    }
  }
  EXPECT_EQ(back, count);
}

}  // namespace
}  // namespace ringmail::test

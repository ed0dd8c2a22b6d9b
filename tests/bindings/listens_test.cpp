// Two processes without a system: the conformance peer of each language that can listens, and this one, in C++, attaches to it.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <ringmail/peer.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "../transport/deadline.hpp"
#include "conformance.mail.hpp"
#include "languages.hpp"

namespace ringmail::test {
namespace {

using conformance::Get, conformance::Payload, conformance::Ping, conformance::Stream, conformance::Sum,
    conformance::Tick;
using namespace std::chrono_literals;
using transport::test::until;

constexpr auto patience = 20s;  ///< a watchdog, not a measure

class Listens : public testing::TestWithParam<Language> {
 protected:
  void SetUp() override {
    transport::test::start_watchdog();
    std::string folder = testing::TempDir() + "ringmail.XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    path = folder + "/at";
    pid_ = start_by_hand(GetParam(), "CONFORMANCE_LISTEN", path);
  }
  void TearDown() override {
    end();
    std::filesystem::remove_all(folder_);
  }
  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "it has ended by itself";
  }

  /// As soon as it listens. In a child of this process nobody looks at what is expected.
  std::optional<Peer> attach(const std::string& name) {
    std::optional<Peer> peer;
    static_cast<void>(until([&] {
      auto attached = Peer::attach({.path = path, .name = name, .schema = conformance::ringmail_schema});
      if (attached) peer.emplace(std::move(*attached));
      return peer.has_value();
    }));
    return peer;
  }
  /// Nothing: its life has ended, or nothing comes.
  static std::optional<Peer::Received> next(Peer& peer) {
    while (true) {
      auto received = peer.receive();
      if (!received) return std::nullopt;
      if (*received) return std::move(*received);
      const auto more = peer.wait(patience);
      if (!more || !*more) return std::nullopt;
    }
  }

  std::string path;

 private:
  std::string folder_;
  pid_t pid_ = -1;
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Listens);
INSTANTIATE_TEST_SUITE_P(Of, Listens, testing::ValuesIn(languages_that_listen()), [](const auto& info) {
  return info.param.name;
});

TEST_P(Listens, answers_echoes_and_streams) {
  auto peer = attach("first");
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->name(), "first");
  EXPECT_FALSE(peer->lookup("nobody"));
  const auto found = peer->lookup("conformance");
  ASSERT_TRUE(found);
  for (std::uint64_t i = 0; i < 100; ++i) {
    const Ping ping{.words = {i, 2, 3, 4}};
    const auto asked = peer->ask_within(patience, *found, ping);
    ASSERT_TRUE(asked);
    const auto answer = next(*peer);
    ASSERT_TRUE(answer);
    ASSERT_NE(answer->as<Ping>(), nullptr);
    EXPECT_EQ(answer->correlation(), *asked);
    EXPECT_EQ(*answer->as<Ping>(), ping);
  }
  for (std::uint64_t i = 0; i < 5; ++i) {
    std::this_thread::sleep_for(5ms);  // longer than anybody spins
    ASSERT_TRUE(peer->send(*found, Tick{.number = i, .price = 2}));
    const auto echo = next(*peer);
    ASSERT_TRUE(echo);
    EXPECT_EQ(echo->as<Tick>()->price, 4);
    EXPECT_EQ(echo->sender(), *found);
  }
  constexpr std::uint64_t count = 50'000;  // some laps of a ring
  ASSERT_TRUE(peer->send(*found, Stream{.count = count, .payload = Payload::ping}));
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto received = next(*peer);
    ASSERT_TRUE(received) << i;
    ASSERT_EQ(received->as<Ping>()->words[0], i);
  }
  auto second = attach("second");
  ASSERT_TRUE(second);
  ASSERT_TRUE(second->ask_within(patience, *found, Get{}));
  const auto sum = next(*second);
  ASSERT_TRUE(sum);
  EXPECT_EQ(sum->as<Sum>()->count, 0u) << "each has a player of its own";
}

/// Each life reads some of a stream, and is killed; the next one finds the rest.
TEST_P(Listens, loses_nothing_when_the_one_who_attached_is_killed_in_mid_stream) {
  constexpr std::uint64_t count = 5000;
  constexpr int lives = 4;
  int notes[2];
  ASSERT_EQ(pipe(notes), 0);
  std::uint64_t due = 0;
  for (int life = 1; life <= lives; ++life) {
    const pid_t child = fork();
    if (child == 0) {
      auto peer = attach("reader");
      if (!peer || peer->incarnation() != static_cast<std::uint64_t>(life)) _exit(1);
      if (life == 1) {
        const auto found = peer->lookup("conformance");
        if (!found || !peer->send(*found, Stream{.count = count, .payload = Payload::ping})) _exit(2);
      }
      for (std::uint64_t heard = 0; life == lives || heard < count / lives; ++heard) {
        const auto received = next(*peer);
        if (!received) _exit(3);
        const std::uint64_t number = received->as<Ping>()->words[0];
        if (::write(notes[1], &number, sizeof number) != sizeof number) _exit(4);
        if (number + 1 == count) _exit(0);
      }
      raise(SIGKILL);
    }
    std::uint64_t number = 0;
    for (std::uint64_t read = 0; life == lives ? due < count : read < count / lives; ++read) {
      ASSERT_EQ(::read(notes[0], &number, sizeof number), static_cast<ssize_t>(sizeof number));
      ASSERT_LE(number, due) << "something is missing";
      if (number == due) ++due;
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(life == lives ? WIFEXITED(status) && WEXITSTATUS(status) == 0 : WIFSIGNALED(status)) << status;
  }
  close(notes[0]);
  close(notes[1]);
}

TEST_P(Listens, is_a_host_whose_death_ends_a_link) {
  auto peer = attach("first");
  ASSERT_TRUE(peer);
  end();
  EXPECT_FALSE(next(*peer));
  const auto received = peer->receive();
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error(), Peer::Errc::closed);
}

}  // namespace
}  // namespace ringmail::test

// Processes that misbehave at the socket, while a good peer joins again and again: it is served at once, and in the end the
// host holds what it held before.
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>

#include "good_peer.hpp"

namespace ringmail::runtime {
namespace {

using std::chrono::milliseconds;
using test::Footprint;
using testing::HasSubstr;
using transport::Descriptor;

/// A process of its own, from its start to the end of its stdin.
class Attacker {
 public:
  Attacker(const std::string& attack, const std::string& path, std::size_t count) {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    EXPECT_EQ(pipe2(in.data(), O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(out.data(), O_CLOEXEC), 0);
    in_ = Descriptor(in[1]);
    out_.reset(fdopen(out[0], "r"));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    std::string number = std::to_string(count);
    const std::array<const char*, 5> arguments{RINGMAIL_ATTACKER, attack.c_str(), path.c_str(), number.c_str(),
                                               nullptr};
    EXPECT_EQ(
        posix_spawn(&pid_, RINGMAIL_ATTACKER, &actions, nullptr, const_cast<char* const*>(arguments.data()), environ),
        0);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
  }

  std::string line() {
    std::array<char, 64> text{};
    return fgets(text.data(), text.size(), out_.get()) != nullptr ? text.data() : "";
  }

  /// How often it connected.
  std::size_t stop() {
    in_ = Descriptor();
    const std::string connections = line();
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    EXPECT_EQ(status, 0);
    return std::strtoull(connections.c_str(), nullptr, 10);
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  Descriptor in_;
  std::unique_ptr<std::FILE, Close> out_;
  pid_t pid_ = -1;
};

class HandshakeAttack : public GoodPeer {
 protected:
  /// `attackers` processes at it from here to the end.
  void attack(const std::string& name, std::size_t attackers = 2, std::size_t count = 100) {
    const auto wave = [&](std::size_t joins, milliseconds how_long) {
      std::vector<std::unique_ptr<Attacker>> processes;
      for (std::size_t i = 0; i < attackers; ++i) processes.push_back(std::make_unique<Attacker>(name, path_, count));
      for (const auto& process : processes) EXPECT_EQ(process->line(), "begun\n");
      expect_service(joins, after(how_long));
      std::size_t connections = 0;
      for (const auto& process : processes) connections += process->stop();
      EXPECT_GT(connections, 0U);
      std::printf("%zu connections\n", connections);
    };
    // What the first needs the heap keeps.
    const Footprint idle = Footprint::now();
    wave(10, milliseconds(100));
    const Footprint before = footprint_like(idle);
    wave(50, milliseconds(1000));
    expect_nothing_left(before);
  }
};

TEST_F(HandshakeAttack, garbage_keeps_no_good_peer_waiting) {
  attack("garbage");
  EXPECT_THAT(host_->log().lines(), testing::Contains(HasSubstr("malformed handshake")));
}

TEST_F(HandshakeAttack, hellos_that_come_byte_by_byte_keep_no_good_peer_waiting) { attack("byte-by-byte", 4, 16); }

TEST_F(HandshakeAttack, half_a_hello_keeps_no_good_peer_waiting) {
  attack("half-open");
  EXPECT_THAT(host_->log().lines(), testing::Contains(HasSubstr("others have not said hello yet")));
}

TEST_F(HandshakeAttack, a_wrong_version_keeps_no_good_peer_waiting) {
  await("decoy");
  attack("wrong-version");
  EXPECT_THAT(host_->log().lines(), testing::Contains(HasSubstr("no version in common")));
}

TEST_F(HandshakeAttack, who_connects_and_closes_keeps_no_good_peer_waiting) {
  attack("connect-and-close");
  EXPECT_THAT(host_->log().lines(), testing::Contains(HasSubstr("went away without a hello")));
}

TEST_F(HandshakeAttack, floods_of_descriptors_keep_no_good_peer_waiting_and_none_is_taken) {
  attack("descriptors", 2, 10);
  EXPECT_THAT(host_->log().lines(), testing::Contains(HasSubstr("a file descriptor came on the control stream")));
}

TEST_F(HandshakeAttack, descriptors_inside_a_payload_keep_no_good_peer_waiting_and_none_is_taken) {
  attack("descriptors-in-a-payload");
  EXPECT_THAT(host_->log().lines(), testing::Contains(HasSubstr("a file descriptor came on the control stream")));
}

TEST_F(HandshakeAttack, who_says_hello_in_the_name_of_another_peer_and_goes_keeps_no_good_peer_waiting) {
  await("decoy");
  attack("hello-and-no-more", 1);
  host_->log().await("peer 'decoy': delayed -> awaited", 10);
}

TEST_F(HandshakeAttack, another_user_is_turned_away_and_keeps_no_good_peer_waiting) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can send another user";
  // The directory alone would stop him: somebody has opened it by mistake.
  ASSERT_EQ(chmod(folder_.c_str(), 0711), 0);
  ASSERT_EQ(chmod((folder_ + "/private").c_str(), 0711), 0);
  ASSERT_EQ(chmod(path_.c_str(), 0777), 0);
  attack("wrong-uid");
  EXPECT_THAT(host_->log().lines(), testing::Contains(HasSubstr("is of another user and was turned away")));
}

TEST_F(HandshakeAttack, ten_thousand_at_once_keep_no_good_peer_waiting) {
  constexpr std::size_t processes = 10;
  constexpr std::size_t each = 1000;
  const auto all_at_once = [&](std::size_t joins) {
    std::vector<std::unique_ptr<Attacker>> attackers;
    for (std::size_t i = 0; i < processes; ++i) {
      attackers.push_back(std::make_unique<Attacker>("all-at-once", path_, each));
    }
    std::atomic<bool> all_open{false};
    std::thread watcher([&] {
      for (const auto& attacker : attackers) EXPECT_EQ(attacker->line(), "begun\n");
      all_open = true;
    });
    expect_service(joins, [&] { return all_open.load(); });
    watcher.join();
    // And once more while all of them hold on.
    expect_service(10, after(milliseconds(0)));
    EXPECT_LE(Footprint::now().descriptors, 400U);
    for (const auto& attacker : attackers) EXPECT_EQ(attacker->stop(), each);
  };
  const Footprint idle = Footprint::now();
  all_at_once(1);
  const Footprint before = footprint_like(idle);
  all_at_once(20);
  expect_nothing_left(before);
}

TEST_F(HandshakeAttack, a_process_with_many_connections_makes_place_for_one_with_a_single_one) {
  Attacker attacker("all-at-once", path_, 30);
  EXPECT_EQ(attacker.line(), "begun\n");
  // Slow, but alone: it is not this one that goes.
  transport::ControlStream slow(connect());
  Attacker other("all-at-once", path_, 400);
  EXPECT_EQ(other.line(), "begun\n");
  EXPECT_TRUE(slow.send(transport::Hello::kind, encode(transport::Hello{.language = "c", .name = "stranger"})));
  EXPECT_EQ(refusal_on(slow), "unknown name: no peer 'stranger' is awaited here");
  attacker.stop();
  other.stop();
}

TEST_F(HandshakeAttack, the_log_says_how_much_of_it_there_was_and_does_not_drown) {
  Attacker attacker("connect-and-close", path_, 0);
  host_->log().await("more such lines within a second", 2);
  attacker.stop();
  EXPECT_LE(host_->log().count("went away without a hello"), 100U);
}

}  // namespace
}  // namespace ringmail::runtime

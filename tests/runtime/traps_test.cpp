// Mistakes that others made in hosts like these; docs/traps.md says which, and names the tests.
#include <dirent.h>
#include <fcntl.h>

#include <filesystem>
#include <set>
#include <string>

#include "listener_fixture.hpp"
#include "remote_lane_fixture.hpp"

namespace ringmail::runtime {
namespace {

class RemoteTraps : public test::RemoteLaneTest {};

// As in tests/transport/traps_test.cpp, the other way round: the host is the consumer, which goes to sleep.
TEST_F(RemoteTraps, two_idle_ends_do_not_wait_for_each_other_over_an_empty_ring) {
  const ActorId actor = add_exported([](test::TestCell&) {});
  transport::RingProducer& mail = peer().lane(0).mail_out;
  for (int round = 0; round < 100; ++round) {
    ASSERT_TRUE(test::until([&] { return peer().send(0, actor, 1); })) << "round " << round;
    std::byte* room = nullptr;
    ASSERT_TRUE(test::until([&] { return (room = mail.try_loan(mail.max_payload())) != nullptr; }))
        << "round " << round;
    // Not what its type says, so it is a dead letter: that costs the link nothing.
    mail.commit({.kind = transport::FrameKind::message, .type = test::number_type.id, .target = actor.value()});
    peer().lane(0).publish();
  }
  EXPECT_TRUE(faults().empty());
}

std::set<int> open_numbers() {
  std::set<int> numbers;
  DIR* const directory = opendir("/proc/self/fd");
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] != '.') numbers.insert(std::atoi(entry->d_name));
  }
  numbers.erase(dirfd(directory));
  closedir(directory);
  return numbers;
}

// One that is forgotten keeps a stream open behind its owner's back, or gives a stranger the memory.
TEST_F(Listener, opens_nothing_that_a_program_of_the_users_would_inherit) {
  const std::set<int> before = open_numbers();
  ReactorHost host(path_);
  host.spawn(test_peer({"serve"}));
  PeerOptions awaited = awaited_peer();
  awaited.name = "awaited";
  host.spawn(awaited);
  host.log().await("opening -> awaited");
  const pid_t process = start_by_hand("awaited");
  host.told().await("up 1", 2);
  const transport::Descriptor half_open = connect();
  EXPECT_EQ(answer_to({.name = "stranger"}), "unknown name: no peer 'stranger' is awaited here");
  std::size_t seen = 0;
  for (const int number : open_numbers()) {
    if (before.contains(number)) continue;
    ++seen;
    EXPECT_EQ(fcntl(number, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC)
        << number << " is " << std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(number));
  }
  EXPECT_GT(seen, 15U);
  host.reactor().stop();
  EXPECT_EQ(exit_code_of(process), 0);
}

}  // namespace
}  // namespace ringmail::runtime

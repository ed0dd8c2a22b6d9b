// What a peer can do with the descriptors that it was given, tried by a process that has them from the handshake.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "../transport/abi_peer.hpp"
#include "../transport/test_host.hpp"
#include "hostile_peer.hpp"

namespace ringmail::test {
namespace {

using transport::SegmentRole;
using transport::test::TestHost;

constexpr SegmentRole all_roles[] = {SegmentRole::mail, SegmentRole::host, SegmentRole::peer, SegmentRole::host_bells,
                                     SegmentRole::peer_bells};

std::size_t bytes_of(const HostilePeer& peer, SegmentRole role) {
  for (const auto& segment : peer.welcome().segments) {
    if (segment.role == role) return segment.bytes;
  }
  return 0;
}

/// The same file once more, opened by the number of this process's own descriptor.
transport::Descriptor reopened(int descriptor, int flags) {
  return transport::Descriptor(open(("/proc/self/fd/" + std::to_string(descriptor)).c_str(), flags | O_CLOEXEC));
}

/// 0, or what worked and should not have is on stderr.
int every_way_to_resize_fails(const HostilePeer& peer, SegmentRole role) {
  const int given = peer.descriptor(role);
  const auto bytes = static_cast<off_t>(bytes_of(peer, role));
  const transport::Descriptor again = reopened(given, O_RDWR);
  for (const int file : {given, again.get()}) {
    PEER_EXPECT(ftruncate(file, 0) != 0 && errno == EPERM);
    PEER_EXPECT(ftruncate(file, bytes - 4096) != 0 && errno == EPERM);
    PEER_EXPECT(ftruncate(file, bytes + 4096) != 0 && errno == EPERM);
    PEER_EXPECT(fallocate(file, 0, bytes, 4096) != 0 && errno == EPERM);
    PEER_EXPECT(pwrite(file, "x", 1, bytes) != 1);
  }
  PEER_EXPECT(!reopened(given, O_RDWR | O_TRUNC));
  return 0;
}

int every_way_to_write_fails(const HostilePeer& peer, SegmentRole role) {
  const int given = peer.descriptor(role);
  const std::size_t bytes = bytes_of(peer, role);
  const transport::Descriptor again = reopened(given, O_RDWR);
  for (const int file : {given, again.get()}) {
    if (file < 0) continue;
    PEER_EXPECT(pwrite(file, "x", 1, 0) != 1 && errno == EPERM);
    PEER_EXPECT(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) == MAP_FAILED && errno == EPERM);
    PEER_EXPECT(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) != 0 && errno == EPERM);
    PEER_EXPECT(fcntl(file, F_ADD_SEALS, F_SEAL_WRITE) != 0 && errno == EPERM);
    void* read = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file, 0);
    PEER_EXPECT(read != MAP_FAILED);
    PEER_EXPECT(mprotect(read, bytes, PROT_READ | PROT_WRITE) != 0);
    PEER_EXPECT(madvise(read, bytes, MADV_REMOVE) != 0);
    // Moved, and longer than the file, it is what it was: to be read.
    read = mremap(read, bytes, 2 * bytes, MREMAP_MAYMOVE);
    PEER_EXPECT(read != MAP_FAILED && mprotect(read, bytes, PROT_READ | PROT_WRITE) != 0);
    munmap(read, 2 * bytes);
  }
  return 0;
}

void run(TestHost& host, const std::function<int()>& attack) {
  host.spawn(attack);
  ASSERT_TRUE(host.receive_hello());
  host.send_welcome(host.make_welcome());
}

TEST(SealAttack, nothing_that_a_peer_is_given_can_be_resized_by_it) {
  TestHost host;
  run(host, [] {
    const HostilePeer peer;
    for (const SegmentRole role : all_roles) {
      if (every_way_to_resize_fails(peer, role) != 0) return 1;
    }
    return 0;
  });
  EXPECT_EQ(host.join(), 0);
}

TEST(SealAttack, what_the_host_writes_cannot_be_written_by_any_way_round) {
  TestHost host;
  run(host, [] {
    const HostilePeer peer;
    for (const SegmentRole role : {SegmentRole::mail, SegmentRole::host}) {
      if (every_way_to_write_fails(peer, role) != 0) return 1;
    }
    return 0;
  });
  EXPECT_EQ(host.join(), 0);
}

TEST(SealAttack, a_ready_peer_has_its_one_mapping_and_gets_no_other) {
  TestHost host;
  run(host, [] {
    HostilePeer peer;
    peer.ready();
    // The host says that it has sealed.
    if (!peer.end().wait_for_mail(0)) return 1;
    if (every_way_to_write_fails(peer, SegmentRole::peer) != 0) return 1;
    // Nor does it take its pages from under the host.
    PEER_EXPECT(madvise(peer.end().own().data(), 4096, MADV_REMOVE) != 0 && errno == EPERM);
    *peer.end().own().at<std::uint64_t>(0) = 0;
    return 0;
  });
  ASSERT_TRUE(host.receive_ready());
  host.send("sealed");
  EXPECT_EQ(host.join(), 0);
}

TEST(SealAttack, the_bells_take_no_seal_that_would_keep_the_next_peer_out) {
  TestHost host;
  run(host, [] {
    const HostilePeer peer;
    for (const SegmentRole role : {SegmentRole::host_bells, SegmentRole::peer_bells}) {
      for (const int seal : {F_SEAL_WRITE, F_SEAL_FUTURE_WRITE, F_SEAL_SEAL}) {
        PEER_EXPECT(fcntl(peer.descriptor(role), F_ADD_SEALS, seal) != 0 && errno == EPERM);
      }
    }
    return 0;
  });
  EXPECT_EQ(host.join(), 0);
  ASSERT_TRUE(host.respawn([] {
    transport::test::AbiPeer peer;
    return peer.attached();
  }));
  EXPECT_EQ(host.join(), 0);
}

// Holes are zeroes, and zeroes are no frames. Without a size to change nobody is sent a SIGBUS.
TEST(SealAttack, a_peer_that_takes_its_pages_away_has_said_nothing) {
  TestHost host;
  run(host, [] {
    HostilePeer peer;
    if (!peer.end().send(0, runtime::ActorId(1), 1)) return 1;
    for (const SegmentRole role : {SegmentRole::peer, SegmentRole::host_bells, SegmentRole::peer_bells}) {
      PEER_EXPECT(fallocate(peer.descriptor(role), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                            static_cast<off_t>(bytes_of(peer, role))) == 0);
    }
    peer.ready();
    return peer.end().wait_for_mail(0) ? 0 : 1;
  });
  ASSERT_TRUE(host.receive_ready());
  EXPECT_TRUE(host.drain().empty());
  EXPECT_EQ(host.bells()[0].park, 0u);
  host.send("still there");
  EXPECT_EQ(host.join(), 0);
  EXPECT_EQ(host.unfinished().messages, 0u);
  EXPECT_EQ(host.lane().fault(), transport::RingFault::none);
}

}  // namespace
}  // namespace ringmail::test

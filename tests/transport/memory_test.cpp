#include "ringmail/transport/memory.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "open_descriptors.hpp"

namespace ringmail::transport::test {
namespace {

constexpr std::uint64_t size = 16 * 4096;

Segment made(Seal seal) {
  auto segment = Segment::create("ringmail.test", size);
  EXPECT_TRUE(segment.has_value());
  EXPECT_TRUE(segment->seal(seal).has_value());
  return std::move(*segment);
}

Descriptor shared(const Segment& segment) { return Descriptor(fcntl(segment.descriptor(), F_DUPFD_CLOEXEC, 0)); }

TEST(Memory, a_new_segment_is_zero_and_all_there) {
  auto segment = Segment::create("ringmail.test", size);
  ASSERT_TRUE(segment.has_value());
  struct stat status{};
  ASSERT_EQ(fstat(segment->descriptor(), &status), 0);
  EXPECT_EQ(static_cast<std::uint64_t>(status.st_size), size);
  EXPECT_EQ(static_cast<std::uint64_t>(status.st_blocks) * 512, size) << "every page is accounted for";
  EXPECT_NE(fcntl(segment->descriptor(), F_GETFD) & FD_CLOEXEC, 0);

  auto mapping = segment->map(Mapping::Access::read);
  ASSERT_TRUE(mapping.has_value());
  for (std::size_t i = 0; i < mapping->size(); ++i) ASSERT_EQ(mapping->data()[i], std::byte{0});
}

TEST(Memory, what_one_mapping_writes_the_other_reads) {
  auto segment = made(Seal::shared_writers);
  auto writer = segment.map(Mapping::Access::write);
  auto joined = Segment::join(shared(segment), size, Seal::shared_writers);
  ASSERT_TRUE(joined.has_value());
  auto reader = joined->map(Mapping::Access::read);
  ASSERT_TRUE(writer.has_value() && reader.has_value());
  *writer->at<std::uint32_t>(4096) = 42;
  EXPECT_EQ(*reader->at<std::uint32_t>(4096), 42u);
}

TEST(Memory, a_mapping_outlives_its_segment_and_moves) {
  Mapping mapping;
  {
    auto segment = made(Seal::size);
    mapping = std::move(*segment.map(Mapping::Access::write));
  }
  Mapping moved = std::move(mapping);
  EXPECT_EQ(mapping.data(), nullptr);
  ASSERT_EQ(moved.size(), size);
  std::memset(moved.data(), 1, size);
}

#ifdef __linux__
/// What somebody else gets who was given the descriptor.
int error_of_mapping(const Segment& segment, int protection) {
  void* address = mmap(nullptr, size, protection, MAP_SHARED, segment.descriptor(), 0);
  if (address == MAP_FAILED) return errno;
  munmap(address, size);
  return 0;
}

TEST(Memory, nobody_resizes_a_sealed_segment) {
  for (const Seal seal : {Seal::size, Seal::no_more_writers, Seal::shared_writers}) {
    auto segment = made(seal);
    EXPECT_NE(ftruncate(segment.descriptor(), 4096), 0);
    EXPECT_EQ(errno, EPERM);
    EXPECT_NE(ftruncate(segment.descriptor(), 2 * size), 0);
    EXPECT_EQ(errno, EPERM);
  }
}

TEST(Memory, a_segment_without_further_writers_can_only_be_read) {
  auto segment = Segment::create("ringmail.test", size);
  ASSERT_TRUE(segment.has_value());
  auto before = segment->map(Mapping::Access::write);
  ASSERT_TRUE(before.has_value());
  ASSERT_TRUE(segment->seal(Seal::no_more_writers).has_value());

  *before->at<std::uint32_t>(0) = 42;  // who mapped it before goes on
  EXPECT_EQ(error_of_mapping(*segment, PROT_READ | PROT_WRITE), EPERM);
  EXPECT_EQ(error_of_mapping(*segment, PROT_READ), 0);
  const char byte = 1;
  EXPECT_EQ(pwrite(segment->descriptor(), &byte, 1, 0), -1);
  EXPECT_NE(fallocate(segment->descriptor(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), 0);

  auto reader = segment->map(Mapping::Access::read);
  ASSERT_TRUE(reader.has_value());
  EXPECT_EQ(*reader->at<std::uint32_t>(0), 42u);
  EXPECT_NE(mprotect(reader->data(), size, PROT_READ | PROT_WRITE), 0) << "a reader cannot make itself a writer";
}

TEST(Memory, the_host_segment_refuses_a_writer) {
  auto host = made(Seal::no_more_writers);
  auto joined = Segment::join(shared(host), size, Seal::no_more_writers);
  ASSERT_TRUE(joined.has_value());
  const auto mapping = joined->map(Mapping::Access::write);
  ASSERT_FALSE(mapping.has_value());
  EXPECT_EQ(mapping.error().error, MemoryError::map);
  EXPECT_EQ(mapping.error().os_error, EPERM);
  EXPECT_TRUE(joined->map(Mapping::Access::read).has_value());
}

TEST(Memory, a_peers_segment_is_closed_to_writers_once_it_is_mapped) {
  auto host = made(Seal::size);
  auto joined = Segment::join(shared(host), size, Seal::size);
  ASSERT_TRUE(joined.has_value());
  auto peer = joined->map(Mapping::Access::write);
  ASSERT_TRUE(peer.has_value());
  ASSERT_TRUE(host.seal(Seal::no_more_writers).has_value());
  *peer->at<std::uint32_t>(0) = 42;
  EXPECT_EQ(error_of_mapping(*joined, PROT_READ | PROT_WRITE), EPERM);
}

TEST(Memory, final_seals_are_final) {
  for (const Seal seal : {Seal::no_more_writers, Seal::shared_writers}) {
    auto segment = made(seal);
    const auto again = segment.seal(Seal::no_more_writers);
    ASSERT_FALSE(again.has_value());
    EXPECT_EQ(again.error().error, MemoryError::seal);
    EXPECT_EQ(again.error().os_error, EPERM);
  }
}

TEST(Memory, a_joiner_refuses_another_size) {
  auto host = made(Seal::size);
  for (const std::uint64_t announced : {size - 4096, size + 4096, std::uint64_t{0}}) {
    const auto joined = Segment::join(shared(host), announced, Seal::size);
    ASSERT_FALSE(joined.has_value()) << announced;
    EXPECT_EQ(joined.error().error, MemoryError::wrong_size);
  }
}

TEST(Memory, a_joiner_refuses_missing_seals) {
  auto unsealed = Segment::create("ringmail.test", size);
  ASSERT_TRUE(unsealed.has_value());
  const auto refused = [](const Segment& segment, Seal wanted) {
    const auto joined = Segment::join(shared(segment), size, wanted);
    return !joined && joined.error().error == MemoryError::not_sealed;
  };
  for (const Seal wanted : {Seal::size, Seal::no_more_writers, Seal::shared_writers}) {
    EXPECT_TRUE(refused(*unsealed, wanted));
  }
  EXPECT_TRUE(refused(made(Seal::size), Seal::no_more_writers));
  EXPECT_TRUE(refused(made(Seal::shared_writers), Seal::no_more_writers));
  EXPECT_FALSE(refused(made(Seal::no_more_writers), Seal::size));
}

TEST(Memory, a_joiner_refuses_what_is_no_segment) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  EXPECT_FALSE(Segment::join(Descriptor(ends[0]), size, Seal::size).has_value());
  EXPECT_FALSE(Segment::join(Descriptor(ends[1]), 0, Seal::size).has_value());
  EXPECT_FALSE(Segment::join(Descriptor(), size, Seal::size).has_value());
}
#endif

// Negative for the system, so that it is refused before a page is taken.
constexpr std::uint64_t impossible_size = ~std::uint64_t{4095};

TEST(Memory, an_impossible_size_is_an_error) {
  const auto segment = Segment::create("ringmail.test", impossible_size);
  ASSERT_FALSE(segment.has_value());
  EXPECT_EQ(segment.error().error, MemoryError::resize);
  EXPECT_EQ(segment.error().os_error, EINVAL);
}

TEST(Memory, no_descriptor_is_left_behind) {
  const std::size_t before = open_descriptors();
  {
    auto segment = made(Seal::size);
    auto mapping = segment.map(Mapping::Access::read);
    Segment moved = std::move(segment);
    EXPECT_FALSE(Segment::join(shared(moved), size + 1, Seal::size).has_value());
    EXPECT_FALSE(Segment::join(shared(moved), size, Seal::no_more_writers).has_value());
    EXPECT_TRUE(Segment::join(shared(moved), size, Seal::size).has_value());
    EXPECT_FALSE(Segment::create("ringmail.test", impossible_size).has_value());
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST(Memory, every_failure_says_what_failed) {
  EXPECT_EQ(to_string(MemoryFailure{MemoryError::wrong_size, 0}),
            "a shared memory segment does not have the size that was announced");
  EXPECT_EQ(to_string(MemoryFailure{MemoryError::map, ENOMEM}),
            std::string("cannot map a shared memory segment: ") + std::strerror(ENOMEM));
}

}  // namespace
}  // namespace ringmail::transport::test

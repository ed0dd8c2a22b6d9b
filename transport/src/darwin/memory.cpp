// macOS has no seals, so links there are trusted; and it accounts for a page when it is touched, so a full machine is not
// noticed here.
#include "ringmail/transport/memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <utility>

namespace ringmail::transport {

std::expected<Segment, MemoryFailure> Segment::create_sparse(const char*, std::uint64_t bytes) {
  static std::atomic<unsigned> serial{0};
  char path[32];  // macOS allows 31 bytes
  Descriptor descriptor;
  do {
    // A process that died before it took the name away may have had the same number.
    std::snprintf(path, sizeof path, "/ringmail.%d.%u", getpid(), serial.fetch_add(1, std::memory_order_relaxed));
    descriptor = Descriptor(shm_open(path, O_RDWR | O_CREAT | O_EXCL, 0600));
  } while (!descriptor && errno == EEXIST);
  if (!descriptor) return std::unexpected(MemoryFailure{MemoryError::create, errno});
  shm_unlink(path);
  if (ftruncate(descriptor.get(), static_cast<off_t>(bytes)) != 0) {
    return std::unexpected(MemoryFailure{MemoryError::resize, errno});
  }
  return Segment(std::move(descriptor), bytes);
}

std::expected<void, MemoryFailure> Segment::populate(std::uint64_t, std::uint64_t) const { return {}; }

std::expected<Segment, MemoryFailure> Segment::join(Descriptor descriptor, std::uint64_t bytes, Seal) {
  struct stat status{};
  // The size of a shared memory object is rounded up to pages.
  if (fstat(descriptor.get(), &status) != 0 || static_cast<std::uint64_t>(status.st_size) < bytes) {
    return std::unexpected(MemoryFailure{MemoryError::wrong_size, 0});
  }
  return Segment(std::move(descriptor), bytes);
}

std::expected<void, MemoryFailure> Segment::seal(Seal) { return {}; }

}  // namespace ringmail::transport

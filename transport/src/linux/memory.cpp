#include "ringmail/transport/memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace ringmail::transport {
namespace {

int seals_of(Seal seal) {
  switch (seal) {
    case Seal::size: return F_SEAL_SHRINK | F_SEAL_GROW;
    case Seal::no_more_writers: return F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
    case Seal::shared_writers: return F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  }
  return 0;
}

}  // namespace

std::expected<Segment, MemoryFailure> Segment::create_sparse(const char* name, std::uint64_t bytes) {
  Descriptor descriptor(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!descriptor) return std::unexpected(MemoryFailure{MemoryError::create, errno});
  if (ftruncate(descriptor.get(), static_cast<off_t>(bytes)) != 0) {
    return std::unexpected(MemoryFailure{MemoryError::resize, errno});
  }
  return Segment(std::move(descriptor), bytes);
}

std::expected<void, MemoryFailure> Segment::populate(std::uint64_t offset, std::uint64_t bytes) const {
  int result = 0;
  do {
    result = fallocate(descriptor_.get(), 0, static_cast<off_t>(offset), static_cast<off_t>(bytes));
  } while (result != 0 && errno == EINTR);
  if (result != 0) return std::unexpected(MemoryFailure{MemoryError::populate, errno});
  return {};
}

std::expected<Segment, MemoryFailure> Segment::join(Descriptor descriptor, std::uint64_t bytes, Seal sealed) {
  struct stat status{};
  if (fstat(descriptor.get(), &status) != 0 || static_cast<std::uint64_t>(status.st_size) != bytes) {
    return std::unexpected(MemoryFailure{MemoryError::wrong_size, 0});
  }
  const int wanted = seals_of(sealed);
  const int seals = fcntl(descriptor.get(), F_GET_SEALS);
  if (seals < 0 || (seals & wanted) != wanted) return std::unexpected(MemoryFailure{MemoryError::not_sealed, 0});
  return Segment(std::move(descriptor), bytes);
}

std::expected<void, MemoryFailure> Segment::seal(Seal seal) {
  if (fcntl(descriptor_.get(), F_ADD_SEALS, seals_of(seal)) != 0) {
    return std::unexpected(MemoryFailure{MemoryError::seal, errno});
  }
  return {};
}

}  // namespace ringmail::transport

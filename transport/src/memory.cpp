#include "ringmail/transport/memory.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace ringmail::transport {

std::string to_string(const MemoryFailure& failure) {
  const char* what = "";
  switch (failure.error) {
    case MemoryError::create: what = "cannot create a shared memory segment"; break;
    case MemoryError::resize: what = "cannot set the size of a shared memory segment"; break;
    case MemoryError::map: what = "cannot map a shared memory segment"; break;
    case MemoryError::populate: what = "not enough memory for a shared memory segment"; break;
    case MemoryError::seal: what = "cannot seal a shared memory segment"; break;
    case MemoryError::wrong_size: what = "a shared memory segment does not have the size that was announced"; break;
    case MemoryError::not_sealed: what = "a shared memory segment lacks the seals that were announced"; break;
  }
  std::string text = what;
  if (failure.os_error != 0) text.append(": ").append(std::strerror(failure.os_error));
  return text;
}

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Mapping::~Mapping() {
  if (data_ != nullptr) munmap(data_, size_);
}

std::expected<Segment, MemoryFailure> Segment::create(const char* name, std::uint64_t bytes) {
  auto segment = create_sparse(name, bytes);
  if (!segment) return segment;
  if (auto populated = segment->populate(0, bytes); !populated) return std::unexpected(populated.error());
  return segment;
}

std::expected<Mapping, MemoryFailure> Segment::map(Mapping::Access access) const {
  const int protection = access == Mapping::Access::write ? PROT_READ | PROT_WRITE : PROT_READ;
  void* address = mmap(nullptr, size_, protection, MAP_SHARED, descriptor_.get(), 0);
  if (address == MAP_FAILED) return std::unexpected(MemoryFailure{MemoryError::map, errno});
  return Mapping(static_cast<std::byte*>(address), size_);
}

}  // namespace ringmail::transport

// Shared memory without a name: made by the host, sized once, sealed, passed on by descriptor.
//
// Memory is divided by writer. What the host writes is sealed against every further writer before it is shared; what
// the peer writes is sealed so after the peer has mapped it. So nobody can corrupt unread messages that are addressed
// to them, and nobody can shrink a file under somebody who reads it. A joiner checks size and seals before it maps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <utility>

#include "ringmail/transport/descriptor.hpp"

namespace ringmail::transport {

enum class MemoryError : std::uint8_t { create, resize, map, populate, seal, wrong_size, not_sealed };

struct MemoryFailure {
  MemoryError error;
  int os_error;  ///< errno, or 0
};

std::string to_string(const MemoryFailure& failure);

/// Who may map a segment writable from now on. Each adds to what was sealed before.
enum class Seal : std::uint8_t {
  size,             ///< nobody shrinks or grows it
  no_more_writers,  ///< size, and nobody maps it writable again; final
  shared_writers,   ///< size; final: who holds it may map it writable for ever
};

/// A mapping of a whole segment. Move-only owner.
class Mapping {
 public:
  enum class Access : std::uint8_t { read, write };

  Mapping() = default;
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }

  template <class T>
  T* at(std::uint64_t offset) {
    return reinterpret_cast<T*>(data_ + offset);
  }
  template <class T>
  const T* at(std::uint64_t offset) const {
    return reinterpret_cast<const T*>(data_ + offset);
  }

 private:
  friend class Segment;
  Mapping(std::byte* data, std::size_t size) : data_(data), size_(size) {}

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// A memfd (on macOS an unlinked shm_open object) and its size. Move-only owner of the descriptor.
class Segment {
 public:
  Segment() = default;

  /// A new segment of zeroes, every page of it accounted for, so that a full machine is an error here and not a SIGBUS
  /// later.
  static std::expected<Segment, MemoryFailure> create(const char* name, std::uint64_t bytes);
  /// One whose pages cost nothing until they are populated.
  static std::expected<Segment, MemoryFailure> create_sparse(const char* name, std::uint64_t bytes);
  /// Has pages of it accounted for. Allowed whatever its seals are.
  std::expected<void, MemoryFailure> populate(std::uint64_t offset, std::uint64_t bytes) const;

  /// One that was received: its size must be `bytes`, and it must be sealed against resizing. Against writers too when
  /// `no_more_writers` says so.
  static std::expected<Segment, MemoryFailure> join(Descriptor descriptor, std::uint64_t bytes, Seal sealed);

  std::expected<Mapping, MemoryFailure> map(Mapping::Access access) const;
  std::expected<void, MemoryFailure> seal(Seal seal);

  int descriptor() const { return descriptor_.get(); }
  std::uint64_t size() const { return size_; }
  explicit operator bool() const { return static_cast<bool>(descriptor_); }

 private:
  Segment(Descriptor descriptor, std::uint64_t size) : descriptor_(std::move(descriptor)), size_(size) {}

  Descriptor descriptor_;
  std::uint64_t size_ = 0;
};

}  // namespace ringmail::transport

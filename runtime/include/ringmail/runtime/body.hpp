// The body of a message: any number of bytes that are neither copied nor limited by a ring.
//
// It lies in memory of this process or, where a peer wrote it or is to read it, in an arena of the link. docs/spec/large.md
//
// Threads: a Body may be copied, moved and dropped on any; its bytes are not written any more. A BodyLoan has one owner, on any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace ringmail::runtime {

/// Where the bytes lie. Gives them back when nobody has them any more.
class BodyStorage {
 public:
  explicit BodyStorage(std::span<std::byte> bytes) : bytes_(bytes) {}
  BodyStorage(const BodyStorage&) = delete;
  BodyStorage& operator=(const BodyStorage&) = delete;
  virtual ~BodyStorage() = default;

  std::span<std::byte> bytes() const { return bytes_; }

 private:
  std::span<std::byte> bytes_;
};

/// Bytes to be read, by all who have it. Holding it takes room from whoever sends bodies this way. Bytes that a peer wrote stay as they
/// are for as long as that peer keeps to its promise: who cannot rely on that looks at a copy.
class Body {
 public:
  Body() = default;  ///< none
  explicit Body(std::shared_ptr<BodyStorage> storage) : storage_(std::move(storage)) {}

  explicit operator bool() const { return storage_ != nullptr; }
  /// Aligned to 4096 bytes.
  std::span<const std::byte> bytes() const { return storage_ != nullptr ? storage_->bytes() : std::span<std::byte>(); }
  std::size_t size() const { return bytes().size(); }

 private:
  friend class Scheduler;
  std::shared_ptr<BodyStorage> storage_;
};

/// Bytes to be written, and then sent as the body of a message: made into one by moving from it. They hold what was there before.
class BodyLoan {
 public:
  /// In memory of this process.
  static BodyLoan make(std::size_t bytes);
  explicit BodyLoan(std::shared_ptr<BodyStorage> storage) : storage_(std::move(storage)) {}
  BodyLoan(BodyLoan&&) noexcept = default;
  BodyLoan& operator=(BodyLoan&&) noexcept = default;

  std::span<std::byte> bytes() const { return storage_->bytes(); }
  std::size_t size() const { return bytes().size(); }
  operator Body() && { return Body(std::move(storage_)); }

 private:
  std::shared_ptr<BodyStorage> storage_;
};

}  // namespace ringmail::runtime

// Bytes that are filled once and then handed on.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace ringmail::runtime {

/// A copy shares the bytes, so it may travel in messages to several actors. Who makes one fills it before handing it on; from
/// then on nobody writes.
class IoBuffer {
 public:
  IoBuffer() = default;
  /// Of bytes that are not set.
  explicit IoBuffer(std::size_t size) : bytes_(std::make_shared_for_overwrite<std::byte[]>(size)), size_(size) {}

  static IoBuffer copy_of(std::span<const std::byte> bytes) {
    IoBuffer buffer(bytes.size());
    if (!bytes.empty()) std::memcpy(buffer.bytes_.get(), bytes.data(), bytes.size());
    return buffer;
  }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::span<const std::byte> bytes() const { return {bytes_.get(), size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(bytes_.get()), size_}; }

  /// While it is being filled.
  std::span<std::byte> writable() { return {bytes_.get(), size_}; }
  void truncate(std::size_t size) {
    if (size < size_) size_ = size;
  }

 private:
  std::shared_ptr<std::byte[]> bytes_;
  std::size_t size_ = 0;
};

}  // namespace ringmail::runtime

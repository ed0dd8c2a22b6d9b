// The one owner of a file descriptor.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace ringmail::transport {

/// Move-only. Closes on destruction, and keeps errno while it does, so that an error path may drop its descriptors
/// before it reports what failed.
class Descriptor {
 public:
  Descriptor() noexcept = default;
  /// Takes ownership. A negative number means none.
  explicit Descriptor(int number) noexcept : number_(number < 0 ? none : number) {}

  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    Descriptor previous(std::exchange(number_, other.release()));
    return *this;
  }

  ~Descriptor() {
    if (number_ == none) return;
    const int kept = errno;
    // Not repeated after EINTR: the number is free by then, and may already be another thread's.
    ::close(number_);
    errno = kept;
  }

  /// -1 when there is none. Stays owned here.
  [[nodiscard]] int get() const noexcept { return number_; }
  /// Gives up ownership: the caller closes it.
  [[nodiscard]] int release() noexcept { return std::exchange(number_, none); }
  explicit operator bool() const noexcept { return number_ != none; }

 private:
  static constexpr int none = -1;

  int number_ = none;
};

}  // namespace ringmail::transport

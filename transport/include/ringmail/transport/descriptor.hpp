#pragma once

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace ringmail::transport {

// The only owner of one file descriptor. Closing keeps errno, so that an error path may drop descriptors before it
// reports what failed.
class Descriptor {
public:
  Descriptor() noexcept = default;

  // Takes ownership; a negative number means "none".
  explicit Descriptor(int number) noexcept : number_(number < 0 ? none : number) {}

  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}

  Descriptor& operator=(Descriptor&& other) noexcept {
    Descriptor(std::move(other)).swap(*this);
    return *this;
  }

  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  ~Descriptor() {
    if (number_ == none) return;
    const int kept = errno;
    // Never repeated after EINTR: the number is already free by then and may belong to another thread.
    ::close(number_);
    errno = kept;
  }

  // -1 when empty. Stays owned here.
  [[nodiscard]] int get() const noexcept { return number_; }

  // Gives up ownership: the caller closes it.
  [[nodiscard]] int release() noexcept { return std::exchange(number_, none); }

  explicit operator bool() const noexcept { return number_ != none; }

  void swap(Descriptor& other) noexcept { std::swap(number_, other.number_); }

private:
  static constexpr int none = -1;

  int number_ = none;
};

}  // namespace ringmail::transport

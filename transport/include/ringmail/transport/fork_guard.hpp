// Tells a process from the child that it forked, at the cost of one load: a word that is 1 here, on a page that the kernel
// gives to a child as zeros.
//
// The rings are shared memory, so a child has them too, with private copies of the positions that its parent goes on to move.
// Whatever it wrote would be a second producer or consumer. So each call that touches a link asks first. Ways that are not
// this one: getpid() is a system call each time; a handler of pthread_atfork() is not run by clone(), is global, and stays
// when the library is unloaded; not to inherit the rings (MADV_DONTFORK) makes of the mistake a crash.
//
// exec needs none of it, and vfork() shares the memory: such a child may do nothing but exec anyway.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <utility>

namespace ringmail::transport {

namespace detail {
/// A child finds zeros on these pages, which are private to this process. False: errno says why. One file a platform.
bool wipe_on_fork(void* pages, std::size_t bytes);
}  // namespace detail

class ForkGuard {
 public:
  /// Of no process: nobody is a fork of it.
  ForkGuard() = default;
  /// Of this process, or errno.
  static std::expected<ForkGuard, int> create();

  ForkGuard(ForkGuard&& other) noexcept : word_(std::exchange(other.word_, nullptr)) {}
  ForkGuard& operator=(ForkGuard&& other) noexcept {
    std::swap(word_, other.word_);
    return *this;
  }
  ~ForkGuard();

  /// Relaxed: the word is written once, before anybody asks; a child finds the zero in place of it.
  bool is_forked() const { return word_ != nullptr && word_->load(std::memory_order_relaxed) == 0; }

 private:
  explicit ForkGuard(void* page);

  std::atomic<std::uint32_t>* word_ = nullptr;
};

}  // namespace ringmail::transport

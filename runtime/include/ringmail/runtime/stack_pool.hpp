#pragma once

#include <cstddef>
#include <expected>
#include <span>
#include <vector>

namespace ringmail::runtime {

/// The usable bytes of one stack, lowest address first; the guard lies below.
using Stack = std::span<std::byte>;

enum class StackError {
  out_of_memory,  // the kernel gives no more address space, or the pool could not note down what it has
  limit_reached,  // StackPoolOptions::max_stacks are in use
};

/// What makes an overflow die instead of writing into the stack below.
enum class StackGuards {
  automatic,   // MADV_GUARD_INSTALL where the kernel has it (Linux 6.13), else as protection
  protection,  // mprotect; costs two of the process's vm.max_map_count mappings a stack, so that there are only some
};

struct StackPoolOptions {
  std::size_t stack_bytes = 256 * 1024;  // reserved, guard included; memory is used as far as it is touched
  std::size_t guard_bytes = 16 * 1024;   // the largest frame that cannot step over the guard
  std::size_t stacks_per_mapping = 64;
  std::size_t keep_resident = 64;  // idle stacks that keep the memory they have touched
  std::size_t max_stacks = std::size_t{1} << 20;
  StackGuards guards = StackGuards::automatic;
};

/// Stacks for the fibers of one thread, which alone may use the pool. The last one given back is the first handed out:
/// its upper pages are in the cache. Address space is mapped for many stacks at a time, and unmapped only with the
/// pool.
///
/// Invariants: every stack of every mapping is in use, idle, or was never handed out. Of the idle ones, those that were
/// given back longest ago hold no memory, and at most keep_resident others do.
class StackPool {
 public:
  /// Guard pages by mprotect, for all pools of the process together: half of what vm.max_map_count (65,530) usually
  /// allows.
  static constexpr std::size_t max_protected_guards = 16'000;

  explicit StackPool(const StackPoolOptions& options = {}) noexcept;
  /// Unmaps everything, stacks in use included: whatever lies on them is gone, its destructors unrun.
  ~StackPool();
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;

  /// Its contents are undefined. It allocates and enters the kernel only when no idle stack is left.
  [[nodiscard]] std::expected<Stack, StackError> acquire() noexcept;

  /// Precondition: `stack` came from acquire() of this pool, nothing runs on it, and it was not released since.
  /// One system call at most, and none while no more than keep_resident stacks are idle.
  void release(Stack stack) noexcept;

  [[nodiscard]] std::size_t in_use() const noexcept { return handed_out_ - idle_.size(); }
  [[nodiscard]] std::size_t idle() const noexcept { return idle_.size(); }
  /// Idle stacks that may hold memory.
  [[nodiscard]] std::size_t idle_resident() const noexcept { return idle_.size() - trimmed_; }
  /// Bytes of address space.
  [[nodiscard]] std::size_t reserved_bytes() const noexcept { return mappings_.size() * mapping_bytes(); }
  /// Stacks that have no guard, since the limits above were reached: worth a warning.
  [[nodiscard]] std::size_t unguarded() const noexcept { return unguarded_; }

 private:
  [[nodiscard]] std::size_t mapping_bytes() const noexcept { return stack_bytes_ * stacks_per_mapping_; }
  [[nodiscard]] Stack stack_of(std::byte* slot) const noexcept {
    return {slot + guard_bytes_, stack_bytes_ - guard_bytes_};
  }
  bool map_more() noexcept;
  void guard(std::byte* slot) noexcept;
  void trim_oldest() noexcept;

  std::size_t stack_bytes_;
  std::size_t guard_bytes_;
  std::size_t stacks_per_mapping_;
  std::size_t keep_resident_;
  std::size_t max_stacks_;
  StackGuards guards_;

  std::vector<std::byte*> mappings_;
  std::vector<std::byte*> idle_;  // a LIFO; room for every stack mapped, so that release() never allocates
  std::size_t trimmed_ = 0;       // so many at the bottom of idle_ hold no memory
  std::size_t handed_out_ = 0;    // stacks handed out at least once: the first so many of the mappings
  std::size_t unguarded_ = 0;
  std::size_t protected_ = 0;  // this pool's share of max_protected_guards
};

}  // namespace ringmail::runtime

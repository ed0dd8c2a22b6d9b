#include "ringmail/runtime/stack_pool.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <new>

#include "sanitizers.hpp"

namespace ringmail::runtime {

namespace {

// Headers older than the kernel do not name it. A kernel that does not know it answers EINVAL.
constexpr int madv_guard_install = 102;

// The kernel's limit is on the process, so this is not a member. Relaxed: it is a count and publishes nothing.
std::atomic<std::size_t> protected_guards{0};

std::size_t page_bytes() noexcept { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

std::size_t whole_pages(std::size_t bytes) noexcept {
  const std::size_t page = page_bytes();
  return (bytes + page - 1) / page * page;
}

}  // namespace

StackPool::StackPool(const StackPoolOptions& options) noexcept
    : stack_bytes_(whole_pages(options.stack_bytes)),
      guard_bytes_(whole_pages(options.guard_bytes)),
      stacks_per_mapping_(options.stacks_per_mapping),
      keep_resident_(options.keep_resident),
      max_stacks_(options.max_stacks),
      guards_(options.guards) {
  assert(stacks_per_mapping_ > 0);
  assert(stack_bytes_ >= guard_bytes_ + page_bytes());
}

StackPool::~StackPool() {
  for (std::byte* mapping : mappings_) {
    sanitizers::allow(mapping, mapping_bytes());  // or the next mapping at this address would inherit the poison
    ::munmap(mapping, mapping_bytes());
  }
  protected_guards.fetch_sub(protected_, std::memory_order_relaxed);
}

std::expected<Stack, StackError> StackPool::acquire() noexcept {
  if (!idle_.empty()) {
    const Stack stack = stack_of(idle_.back());
    idle_.pop_back();
    trimmed_ = std::min(trimmed_, idle_.size());
    sanitizers::allow(stack.data(), stack.size());
    return stack;
  }
  if (handed_out_ >= max_stacks_) return std::unexpected(StackError::limit_reached);
  if (handed_out_ == mappings_.size() * stacks_per_mapping_ && !map_more())
    return std::unexpected(StackError::out_of_memory);
  std::byte* slot = mappings_.back() + handed_out_ % stacks_per_mapping_ * stack_bytes_;
  guard(slot);  // here and not when it is mapped: a burst of 64 calls would be a pause
  ++handed_out_;
  return stack_of(slot);
}

void StackPool::release(Stack stack) noexcept {
  assert(in_use() > 0);
  assert(stack.size() == stack_bytes_ - guard_bytes_);
  sanitizers::forbid(stack.data(), stack.size());
  idle_.push_back(stack.data() - guard_bytes_);
  if (idle_resident() > keep_resident_) trim_oldest();
}

bool StackPool::map_more() noexcept {
  try {
    if (mappings_.size() == mappings_.capacity()) {
      const std::size_t room = std::max<std::size_t>(4, 2 * mappings_.size());
      idle_.reserve(room * stacks_per_mapping_);
      mappings_.reserve(room);
    }
  } catch (const std::bad_alloc&) {
    return false;
  }
  void* mapping =
      ::mmap(nullptr, mapping_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) return false;
#ifdef MADV_NOHUGEPAGE
  // A huge page would make eight stacks resident by the first touch of one. A kernel without huge pages refuses;
  // nothing is lost.
  ::madvise(mapping, mapping_bytes(), MADV_NOHUGEPAGE);
#endif
  mappings_.push_back(static_cast<std::byte*>(mapping));
  return true;
}

void StackPool::guard(std::byte* slot) noexcept {
  if (guard_bytes_ == 0) return;
  if (guards_ == StackGuards::automatic) {
    if (::madvise(slot, guard_bytes_, madv_guard_install) == 0) return;
    guards_ = StackGuards::protection;  // refused once, refused always
  }
  if (protected_guards.fetch_add(1, std::memory_order_relaxed) < max_protected_guards &&
      ::mprotect(slot, guard_bytes_, PROT_NONE) == 0) {
    ++protected_;
    return;
  }
  protected_guards.fetch_sub(1, std::memory_order_relaxed);
  ++unguarded_;  // a stack that cannot be guarded still works, and a host without it would not
}

void StackPool::trim_oldest() noexcept {
  const Stack oldest = stack_of(idle_[trimmed_]);
  ::madvise(oldest.data(), oldest.size(), MADV_DONTNEED);  // guards stay
  ++trimmed_;
}

}  // namespace ringmail::runtime

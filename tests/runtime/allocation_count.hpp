#pragma once

// Counts the allocations of the program that includes this, in one of its files. The sanitizers have an operator new of
// their own, which cannot be replaced everywhere; there the test that asks is skipped.

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RINGMAIL_COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define RINGMAIL_COUNTS_ALLOCATIONS 0
#endif
#endif
#ifndef RINGMAIL_COUNTS_ALLOCATIONS
#define RINGMAIL_COUNTS_ALLOCATIONS 1
#endif

namespace ringmail::test {

inline constexpr bool counts_allocations = RINGMAIL_COUNTS_ALLOCATIONS == 1;
inline std::atomic<std::size_t> allocation_count{0};

}  // namespace ringmail::test

#if RINGMAIL_COUNTS_ALLOCATIONS

// Not inlined, or g++ sees through one of the pair and complains that malloc's memory is not freed by operator delete.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ringmail::test::allocation_count.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

#endif

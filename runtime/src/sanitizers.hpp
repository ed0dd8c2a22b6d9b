#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define RINGMAIL_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RINGMAIL_ADDRESS_SANITIZER 1
#endif
#endif

#if defined(__SANITIZE_THREAD__)
#define RINGMAIL_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RINGMAIL_THREAD_SANITIZER 1
#endif
#endif

#ifdef RINGMAIL_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef RINGMAIL_THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>
#endif

/// What the sanitizers must be told about stacks and switches; nothing at all where none is compiled in.
namespace ringmail::runtime::sanitizers {

#ifdef RINGMAIL_ADDRESS_SANITIZER

inline void forbid(const void* begin, std::size_t size) noexcept { __asan_poison_memory_region(begin, size); }
/// Also clears what frames that never returned have left in the shadow of a stack.
inline void allow(const void* begin, std::size_t size) noexcept { __asan_unpoison_memory_region(begin, size); }

/// One stack, as AddressSanitizer sees it.
struct AddressState {
  void* fake_stack = nullptr;
  const void* bottom = nullptr;
  std::size_t size = 0;
};

inline void leaving(AddressState& from, const AddressState& to, bool for_ever) noexcept {
  __sanitizer_start_switch_fiber(for_ever ? nullptr : &from.fake_stack, to.bottom, to.size);
}
/// The bounds of a thread's own stack are learned here, on the first switch away from it.
inline void arrived(AddressState& from, const AddressState& to) noexcept {
  __sanitizer_finish_switch_fiber(to.fake_stack, &from.bottom, &from.size);
}

#else

inline void forbid(const void*, std::size_t) noexcept {}
inline void allow(const void*, std::size_t) noexcept {}

struct AddressState {
  const void* bottom = nullptr;
  std::size_t size = 0;
};

inline void leaving(AddressState&, const AddressState&, bool) noexcept {}
inline void arrived(AddressState&, const AddressState&) noexcept {}

#endif

#ifdef RINGMAIL_THREAD_SANITIZER

inline void* this_fiber() noexcept { return __tsan_get_current_fiber(); }
inline void* create_fiber() noexcept { return __tsan_create_fiber(0); }
inline void destroy_fiber(void* fiber) noexcept { __tsan_destroy_fiber(fiber); }
/// Must be in the same frame as the jump: what is called between the two is accounted to the wrong fiber.
[[gnu::always_inline]] inline void switch_to_fiber(void* fiber) noexcept { __tsan_switch_to_fiber(fiber, 0); }

#else

inline void* this_fiber() noexcept { return nullptr; }
inline void* create_fiber() noexcept { return nullptr; }
inline void destroy_fiber(void*) noexcept {}
inline void switch_to_fiber(void*) noexcept {}

#endif

}  // namespace ringmail::runtime::sanitizers

// What a test may have to know about its build.
#pragma once

namespace ringmail::transport::test {

#if defined(__has_feature)
inline constexpr bool under_tsan = __has_feature(thread_sanitizer);
inline constexpr bool under_asan = __has_feature(address_sanitizer);
#else
#ifdef __SANITIZE_THREAD__
inline constexpr bool under_tsan = true;
#else
inline constexpr bool under_tsan = false;
#endif
#ifdef __SANITIZE_ADDRESS__
inline constexpr bool under_asan = true;
#else
inline constexpr bool under_asan = false;
#endif
#endif

/// Then every access is a call, so figures of time and of instructions say nothing.
inline constexpr bool sanitized = under_tsan || under_asan;

}  // namespace ringmail::transport::test

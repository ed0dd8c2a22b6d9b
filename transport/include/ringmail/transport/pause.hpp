// The hint that a thread spins: gives the line (and a sibling hyperthread) back to the one that is waited for.
#pragma once

namespace ringmail::transport {

inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#endif
}

}  // namespace ringmail::transport

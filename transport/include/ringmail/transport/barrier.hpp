// Who pays for the order between a publish and the look at the sleeper's word behind it.
//
// One of the two must see the other: a producer stores its frame and then loads the park word, a consumer stores the park word
// and then polls for frames. The processor may let each load overtake the store before it, unless a barrier stands between.
//   sequential: there is one on both sides.
//   asymmetric: who publishes has only the compiler's order. Who is about to sleep, and so has time, has the kernel put a
//               barrier into every running thread of every registered process (membarrier).
// docs/memory_model.md has the argument.
#pragma once

#include <atomic>
#include <cstdint>

namespace ringmail::transport {

enum class Ordering : std::uint8_t { sequential, asymmetric };

/// Registers this process as one that the barriers of others reach; whoever publishes asymmetrically must be. For ever, or until
/// exec(). Any thread, any number of times. False: the kernel cannot do it, or may not.
bool register_for_barriers();

/// When it returns true, every running thread of the registered processes has passed a full barrier since the call. One to ten
/// microseconds. False: it was refused, as by a seccomp filter that came later.
bool barrier_in_all_threads();

/// The best that this process can do here; registers it.
inline Ordering best_ordering() { return register_for_barriers() ? Ordering::asymmetric : Ordering::sequential; }

/// The part of whoever is about to sleep or to cease polling, between its mark and its look. False: refused.
inline bool barrier_before_look(Ordering ordering) {
  return ordering == Ordering::sequential || barrier_in_all_threads();
}

/// A store that the loads behind it do not overtake: by itself or, asymmetric, together with the sleeper's barrier.
template <class T>
void store_before_loads(std::atomic<T>& word, T value, Ordering ordering) {
  if (ordering == Ordering::asymmetric) {
    word.store(value, std::memory_order_release);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  } else {
    word.store(value, std::memory_order_seq_cst);
  }
}

}  // namespace ringmail::transport

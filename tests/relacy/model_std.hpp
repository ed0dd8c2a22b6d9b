// The transport's own headers, with relacy's atomics in the place of the library's.
//
// relacy runs the threads of a test step by step, in orders of its choice, and lets a load return any value that the memory model
// of C++ allows. The headers need not know: while they are read, `std` is another name for a namespace that has an `atomic` of
// its own and takes everything else from the real one. Words are found by their address, so the ring may go on to take for a word
// what lies in a page of bytes.
#pragma once

// What the headers include: it must have been read before the name changes.
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <memory>
#include <optional>
#include <relacy/relacy.hpp>
#include <span>
#include <string_view>
#include <vector>

// Names that relacy takes for itself. Its `assert` stays.
#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef errno
#undef memory_order_relaxed
#undef memory_order_consume
#undef memory_order_acquire
#undef memory_order_release
#undef memory_order_acq_rel
#undef memory_order_seq_cst

namespace model {

/// What the code asks for and does not get, so that something must be found.
struct Faults {
  bool stores_do_not_release = false;
  bool loads_do_not_acquire = false;
  bool park_is_not_sequential = false;
};
inline Faults faults;

/// Things of one run, by address. In room of their own: relacy has its own idea of what `delete` does.
template <class Thing>
class ByAddress {
 public:
  Thing& operator[](const void* address) {
    const void** const end = addresses_.data() + count_;
    const auto place = static_cast<std::size_t>(std::find(addresses_.data(), end, address) - addresses_.data());
    if (place == count_) {
      RL_ASSERT(count_ < most);
      addresses_[count_++] = address;
      std::construct_at(thing(place));
    }
    return *thing(place);
  }
  void end_run() {
    while (count_ > 0) std::destroy_at(thing(--count_));
  }
  /// The last run broke off, and relacy has taken back what its things stood on.
  void forget() { count_ = 0; }

 private:
  static constexpr std::size_t most = 256;
  Thing* thing(std::size_t place) { return reinterpret_cast<Thing*>(room_.data()) + place; }

  std::array<const void*, most> addresses_;
  alignas(Thing) std::array<std::byte, most * sizeof(Thing)> room_;
  std::size_t count_ = 0;
};

using Word = rl::generic_atomic<std::uint64_t, true>;  // starts as 0, like a new segment
inline ByAddress<Word> words;
/// Memory that is not atomic. relacy finds the races.
inline ByAddress<rl::var<std::uint64_t>> plain;

inline rl::memory_order order_of(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed: return rl::mo_relaxed;
    case std::memory_order_consume: return rl::mo_consume;
    case std::memory_order_acquire: return rl::mo_acquire;
    case std::memory_order_release: return rl::mo_release;
    case std::memory_order_acq_rel: return rl::mo_acq_rel;
    case std::memory_order_seq_cst: return rl::mo_seq_cst;
  }
  return rl::mo_seq_cst;
}

/// The running threads, as membarrier sees them.
class Threads {
 public:
  /// At the start of each.
  template <rl::thread_id_t count>
  void enter() {
    barrier_in_ = [](rl::thread_info_base* thread) {
      static_cast<rl::thread_info<count>*>(thread)->atomic_thread_fence_seq_cst(rl::ctx().seq_cst_fence_order_);
    };
    // One that does not run yet passes the barriers of before when it starts.
    barrier_in_(threads_[entered_++] = rl::ctx().threadx_);
  }
  void forget() { entered_ = 0; }
  void barrier() {
    rl::ctx().sched();
    rl::thread_info_base* const self = rl::ctx().threadx_;
    barrier_in_(self);
    for (std::size_t i = 0; i < entered_; ++i) barrier_in_(threads_[i]);
    barrier_in_(self);
  }

 private:
  std::array<rl::thread_info_base*, 4> threads_{};
  std::size_t entered_ = 0;
  void (*barrier_in_)(rl::thread_info_base*) = nullptr;
};
inline Threads threads;

}  // namespace model

namespace model_std {

using namespace std;

template <class T>
class atomic {
 public:
  static constexpr bool is_always_lock_free = true;

  constexpr atomic(T = 0) {}

  T load(memory_order order) const {
    if (model::faults.loads_do_not_acquire) order = memory_order_relaxed;
    return static_cast<T>(word().load(model::order_of(order), $));
  }
  void store(T value, memory_order order) {
    if (model::faults.stores_do_not_release) order = memory_order_relaxed;
    if (model::faults.park_is_not_sequential && sizeof(T) == 4) order = memory_order_release;
    word().store(value, model::order_of(order), $);
  }
  T exchange(T value, memory_order order) { return static_cast<T>(word().exchange(value, model::order_of(order), $)); }
  T fetch_or(T bits, memory_order order) { return static_cast<T>(word().fetch_or(bits, model::order_of(order), $)); }
  bool compare_exchange_strong(T& expected, T value, memory_order order) {
    std::uint64_t found = expected;
    const bool exchanged = word().compare_exchange_strong(found, value, model::order_of(order), $);
    expected = static_cast<T>(found);
    return exchanged;
  }

  model::Word& word() const { return model::words[this]; }

 private:
  T room_ = 0;  // so that the layout is the real one
};

inline void atomic_signal_fence(memory_order) {}

}  // namespace model_std

#define std model_std
#include "ringmail/transport/park.hpp"
#include "ringmail/transport/ring_consumer.hpp"
#include "ringmail/transport/ring_producer.hpp"
#undef std

namespace ringmail::transport {

/// As the kernel: it compares under a lock of its own, and who sleeps is woken or, here, sleeps for ever.
SleepResult futex_wait(const model_std::atomic<std::uint32_t>& word, std::uint32_t value, std::uint64_t) {
  rl::ctx().sched();
  if (word.word().debug_value() == value) word.word().wait(rl::ctx(), false, false, $);
  return SleepResult::woken;
}

void futex_wake(model_std::atomic<std::uint32_t>& word) {
  rl::ctx().sched();
  word.word().wake(rl::ctx(), 1, $);
}

/// Of threads on links to other systems. None is here.
SleepResult Parker::sleep_on_several(std::uint32_t, std::uint64_t) const {
  RL_ASSERT(false);
  return SleepResult::woken;
}

std::uint64_t monotonic_ns() { return 0; }
bool register_for_barriers() { return true; }
bool barrier_in_all_threads() {
  model::threads.barrier();
  return true;
}

}  // namespace ringmail::transport

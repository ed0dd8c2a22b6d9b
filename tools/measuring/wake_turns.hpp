// How long a sleeper takes to wake: from the moment before it is rung until it has what it was rung for in hand.
#pragma once

#include <atomic>
#include <cstdint>

#include "measuring/clock.hpp"
#include "ringmail/transport/futex.hpp"
#include "ringmail/transport/layout.hpp"
#include "ringmail/transport/park.hpp"
#include "ringmail/transport/pause.hpp"

namespace ringmail::measuring {

/// What both ends see, whatever wakes the sleeper. Starts as zeroes.
struct WakeStage {
  alignas(transport::isolation_bytes) std::atomic<std::uint64_t> asleep;  ///< far end: about to sleep for message n
  alignas(transport::isolation_bytes) std::atomic<std::uint64_t> awake;   ///< far end: has message n in hand
  std::atomic<Ticks> took;                                                ///< and this is how long it was on its way
  alignas(transport::isolation_bytes) std::atomic<Ticks> sent;            ///< near end: when, for who has no ring
  std::atomic<std::uint32_t> word;                                        ///< near end: for a bare futex
};

/// The end that rings.
class Waker {
 public:
  explicit Waker(WakeStage& stage) : stage_(stage) {}

  /// `ring` is given the time. Returns how long the sleeper took.
  template <class Ring>
  Ticks wake(Ring&& ring) {
    ++message_;
    while (stage_.asleep.load(std::memory_order_acquire) != message_) transport::pause();
    // It has said so, and has now to get there; its CPU comes to rest.
    const std::uint64_t until_ns = transport::monotonic_ns() + settle_ns;
    while (transport::monotonic_ns() < until_ns) transport::pause();
    ring(ticks());
    while (stage_.awake.load(std::memory_order_acquire) != message_) transport::pause();
    return stage_.took.load(std::memory_order_relaxed);
  }

 private:
  static constexpr std::uint64_t settle_ns = 50'000;

  WakeStage& stage_;
  std::uint64_t message_ = 0;
};

/// The end that sleeps.
class Sleeper {
 public:
  explicit Sleeper(WakeStage& stage) : stage_(stage) {}

  /// `sleep` calls what it is given just before it sleeps, and returns what the waker's `ring` was given.
  template <class Sleep>
  void sleep(Sleep&& sleep) {
    ++message_;
    const Ticks sent = sleep([this] { stage_.asleep.store(message_, std::memory_order_release); });
    stage_.took.store(ticks() - sent, std::memory_order_relaxed);
    stage_.awake.store(message_, std::memory_order_release);
  }

 private:
  WakeStage& stage_;
  std::uint64_t message_ = 0;
};

/// A word and a futex: what the kernel needs. Each end has its own.
class FutexBell {
 public:
  explicit FutexBell(WakeStage& stage) : stage_(stage) {}

  void ring(Ticks sent) {
    stage_.sent.store(sent, std::memory_order_relaxed);
    stage_.word.store(++rung_, std::memory_order_release);
    transport::futex_wake(stage_.word);
  }

  template <class AboutTo>
  Ticks sleep(AboutTo&& about_to) {
    about_to();
    while (stage_.word.load(std::memory_order_acquire) == rung_) {
      transport::futex_wait(stage_.word, rung_, transport::longest_sleep_ns);
    }
    ++rung_;
    return stage_.sent.load(std::memory_order_relaxed);
  }

 private:
  WakeStage& stage_;
  std::uint32_t rung_ = 0;
};

}  // namespace ringmail::measuring

// The floor under everything that two CPUs say to each other: a word that goes from one to the other and back, with nothing
// around it.
#pragma once

#include <atomic>
#include <cstdint>

#include "ringmail/transport/pause.hpp"

namespace ringmail::measuring {

using Flag = std::atomic<std::uint64_t>;

/// One end. Both count their turns and so stay in step; each writes the other one's `in`, and both may be one word.
/// Starts at words of zeroes.
class FlagTurns {
 public:
  FlagTurns(Flag& out, const Flag& in) : out_(out), in_(in) {}

  /// The end that holds the clock: there and back.
  void trip() {
    store_next();
    await_next();
  }

  /// The other end, for each trip().
  void answer() {
    await_next();
    store_next();
  }

 private:
  void store_next() { out_.store(++turn_, std::memory_order_release); }
  void await_next() {
    ++turn_;
    while (in_.load(std::memory_order_acquire) != turn_) transport::pause();
  }

  Flag& out_;
  const Flag& in_;
  std::uint64_t turn_ = 0;
};

}  // namespace ringmail::measuring

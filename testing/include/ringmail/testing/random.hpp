// The generator of every choice: the same numbers from the same seed with each compiler and library, which the distributions of
// <random> do not promise.
#pragma once

#include <cstdint>

namespace ringmail::testing {

/// SplitMix64.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t operator()() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// Of 0 to count - 1. Precondition: count > 0.
  std::uint64_t below(std::uint64_t count) { return (*this)() % count; }
  /// True so often: 0 is never, 1 always.
  bool chance(double share) { return share > 0 && static_cast<double>((*this)() >> 11) * 0x1p-53 < share; }

 private:
  std::uint64_t state_;
};

}  // namespace ringmail::testing

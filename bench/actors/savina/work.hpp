// What the actors of several scenarios do with a message.
#pragma once

#include <cmath>
#include <cstdint>

namespace bench::actors::savina {

/// Java's generator, which the suite uses: cheap, and the same everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_((seed ^ 0x5deece66d) & mask) {}

  std::uint32_t bits(unsigned count) {
    state_ = (state_ * 0x5deece66d + 0xb) & mask;
    return static_cast<std::uint32_t>(state_ >> (48 - count));
  }
  std::uint64_t below(std::uint64_t bound) { return bits(31) % bound; }
  double real() {
    const std::uint64_t high = bits(26);
    const std::uint64_t low = bits(27);
    return static_cast<double>(high << 27 | low) * 0x1.0p-53;
  }

 private:
  static constexpr std::uint64_t mask = (std::uint64_t{1} << 48) - 1;
  std::uint64_t state_;
};

/// Of fork and join: a sine. Whether it came out right.
inline bool compute(double angle) {
  const double sine = std::sin(angle);
  return sine * sine > 0;
}

/// Of a producer and of a consumer.
inline double process_item(double term, int cost) {
  double result = term;
  Random random(static_cast<std::uint64_t>(cost));
  for (int i = 0; i < cost * 100; ++i) result += std::log(std::abs(random.real()) + 0.01);
  return result;
}

}  // namespace bench::actors::savina

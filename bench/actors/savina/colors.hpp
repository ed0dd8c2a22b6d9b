#pragma once

#include <cstdint>

namespace bench::actors::savina {

enum class Color : std::uint8_t { blue, red, yellow };

/// What a chameneos turns into when it meets another: its own colour if both have the same, else the third.
inline Color complement(Color own, Color other) {
  if (own == other) return own;
  return static_cast<Color>(3 - static_cast<int>(own) - static_cast<int>(other));
}

}  // namespace bench::actors::savina

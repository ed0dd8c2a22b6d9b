#pragma once

#include <array>
#include <cstdint>
#include <functional>

namespace bench::actors::savina {

/// Queens in the first `depth` columns, by their rows.
struct Board {
  std::array<std::int8_t, 16> rows{};
  int depth = 0;
};

// Compiled once for all contenders: this is nearly all of the time, and what a compiler makes of it in each of them differs by a
// tenth.

/// Calls `each` with every valid board that has one more queen.
void extend(const Board& board, int size, const std::function<void(const Board&)>& each);

/// Calls `found` for every solution that begins with `board`.
void solve(const Board& board, int size, const std::function<void()>& found);

inline std::uint64_t solutions(int size) {
  constexpr std::array<std::uint64_t, 13> known = {1, 1, 0, 0, 2, 10, 4, 40, 92, 352, 724, 2680, 14200};
  return known[static_cast<std::size_t>(size)];
}

}  // namespace bench::actors::savina

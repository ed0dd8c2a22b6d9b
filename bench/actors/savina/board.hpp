#pragma once

#include <array>
#include <cstdint>

namespace bench::actors::savina {

/// Queens in the first `depth` columns, by their rows.
struct Board {
  std::array<std::int8_t, 16> rows{};
  int depth = 0;
};

inline bool is_valid(const Board& board) {
  for (int i = 0; i < board.depth; ++i) {
    const int row = board.rows[static_cast<std::size_t>(i)];
    for (int j = i + 1; j < board.depth; ++j) {
      const int other = board.rows[static_cast<std::size_t>(j)];
      if (other == row || other == row - (j - i) || other == row + (j - i)) return false;
    }
  }
  return true;
}

/// Calls `each` with every valid board that has one more queen.
template <class Each>
void extend(const Board& board, int size, Each&& each) {
  Board next = board;
  ++next.depth;
  for (int row = 0; row < size; ++row) {
    next.rows[static_cast<std::size_t>(board.depth)] = static_cast<std::int8_t>(row);
    if (is_valid(next)) each(next);
  }
}

/// Calls `found` for every solution that begins with `board`.
template <class Found>
void solve(const Board& board, int size, Found&& found) {
  if (board.depth == size) {
    found();
  } else {
    extend(board, size, [&](const Board& next) { solve(next, size, found); });
  }
}

inline std::uint64_t solutions(int size) {
  constexpr std::array<std::uint64_t, 13> known = {1, 1, 0, 0, 2, 10, 4, 40, 92, 352, 724, 2680, 14200};
  return known[static_cast<std::size_t>(size)];
}

}  // namespace bench::actors::savina

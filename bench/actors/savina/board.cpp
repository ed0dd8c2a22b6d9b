#include "actors/savina/board.hpp"

namespace bench::actors::savina {
namespace {

bool is_valid(const Board& board) {
  for (int i = 0; i < board.depth; ++i) {
    const int row = board.rows[static_cast<std::size_t>(i)];
    for (int j = i + 1; j < board.depth; ++j) {
      const int other = board.rows[static_cast<std::size_t>(j)];
      if (other == row || other == row - (j - i) || other == row + (j - i)) return false;
    }
  }
  return true;
}

/// Here it is one loop with what is done in it, whoever asked.
template <class Each>
void extend_with(const Board& board, int size, const Each& each) {
  Board next = board;
  ++next.depth;
  for (int row = 0; row < size; ++row) {
    next.rows[static_cast<std::size_t>(board.depth)] = static_cast<std::int8_t>(row);
    if (is_valid(next)) each(next);
  }
}

}  // namespace

void extend(const Board& board, int size, const std::function<void(const Board&)>& each) {
  extend_with(board, size, each);
}

void solve(const Board& board, int size, const std::function<void()>& found) {
  if (board.depth == size) {
    found();
  } else {
    extend_with(board, size, [&](const Board& next) { solve(next, size, found); });
  }
}

}  // namespace bench::actors::savina

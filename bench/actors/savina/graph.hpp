// Shortest paths between all pairs of a graph, by blocks of the matrix.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "actors/savina/work.hpp"

namespace bench::actors::savina {

/// Row by row.
struct Matrix {
  int columns = 0;
  std::vector<std::int32_t> cells{};
  std::int32_t& at(int row, int column) { return cells[static_cast<std::size_t>(row * columns + column)]; }
  std::int32_t at(int row, int column) const { return cells[static_cast<std::size_t>(row * columns + column)]; }
};

/// Read by several actors.
using SharedMatrix = std::shared_ptr<const Matrix>;

inline Matrix make_graph(int nodes, int most_weight) {
  Random random(static_cast<std::uint64_t>(nodes));
  Matrix graph{.columns = nodes, .cells = std::vector<std::int32_t>(static_cast<std::size_t>(nodes * nodes))};
  for (int row = 0; row < nodes; ++row) {
    for (int column = row + 1; column < nodes; ++column) {
      const auto weight = static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(most_weight)) + 1);
      graph.at(row, column) = graph.at(column, row) = weight;
    }
  }
  return graph;
}

/// So many more nodes as make whole blocks.
inline int blocks_of(int nodes, int block) { return nodes / block; }

inline SharedMatrix block_of(const Matrix& graph, int block, int block_row, int block_column) {
  auto cut = std::make_shared<Matrix>(Matrix{.columns = block});
  cut->cells.reserve(static_cast<std::size_t>(block * block));
  for (int row = 0; row < block; ++row) {
    for (int column = 0; column < block; ++column) {
      cut->cells.push_back(graph.at(block_row * block + row, block_column * block + column));
    }
  }
  return cut;
}

/// Step k of Floyd and Warshall for one block: `in_row` holds column k of these rows, `in_column` row k of these columns.
inline SharedMatrix relax(const Matrix& own, const Matrix& in_row, const Matrix& in_column, int k_in_block) {
  auto next = std::make_shared<Matrix>(own);
  for (int row = 0; row < own.columns; ++row) {
    const std::int32_t to_k = in_row.at(row, k_in_block);
    for (int column = 0; column < own.columns; ++column) {
      next->at(row, column) = std::min(own.at(row, column), to_k + in_column.at(k_in_block, column));
    }
  }
  return next;
}

/// What all distances come to: by blocks it must be the same as all at once.
inline std::uint64_t sum_of(const Matrix& matrix) {
  std::uint64_t sum = 0;
  for (const std::int32_t cell : matrix.cells) sum += static_cast<std::uint64_t>(cell);
  return sum;
}

inline std::uint64_t sum_of_distances(Matrix graph) {
  for (int k = 0; k < graph.columns; ++k) {
    for (int row = 0; row < graph.columns; ++row) {
      for (int column = 0; column < graph.columns; ++column) {
        graph.at(row, column) = std::min(graph.at(row, column), graph.at(row, k) + graph.at(k, column));
      }
    }
  }
  return sum_of(graph);
}

}  // namespace bench::actors::savina

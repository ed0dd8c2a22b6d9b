// Shortest paths between all pairs: blocks of the matrix, each an actor, that tell those in their row and column each step.
#include <array>

#include "actors/ours.hpp"
#include "actors/savina/graph.hpp"
#include "actors/savina/sizes.hpp"
#include "actors/scenarios.hpp"

namespace bench::actors {
namespace {

using savina::SharedMatrix;

class Sum : public Actor {
 public:
  Sum(int blocks, BlockTimer& timer) : left_(blocks), timer_(timer) {}
  void on(const std::uint64_t& of_block) {
    sum_ += of_block;
    if (--left_ == 0) timer_.end(sum_);
  }

 private:
  int left_;
  BlockTimer& timer_;
  std::uint64_t sum_ = 0;
};

/// What a block is before step k.
struct Before {
  int k;
  int row, column;  ///< which block
  SharedMatrix cells;
};

class Block : public Actor {
 public:
  struct Begin {
    std::vector<Mailbox<Block>> neighbours;
    BlockTimer* timer;  ///< of the first only
  };

  Block(int blocks, int row, int column, SharedMatrix cells, Mailbox<Sum> sum)
      : blocks_(blocks), row_(row), column_(column), cells_(std::move(cells)), sum_(sum) {
    for (Step& step : steps_) {
      step.in_row.resize(static_cast<std::size_t>(blocks));
      step.in_column.resize(static_cast<std::size_t>(blocks));
    }
  }

  void on(const Begin& begin) {
    if (begin.timer != nullptr) begin.timer->begin();
    neighbours_ = begin.neighbours;
    tell();
    advance();
  }

  void on(const Before& before) {
    Step& step = steps_[static_cast<std::size_t>(before.k % 2)];
    (before.row == row_ ? step.in_row[static_cast<std::size_t>(before.column)]
                        : step.in_column[static_cast<std::size_t>(before.row)]) = before.cells;
    ++step.known;
    advance();
  }

 private:
  /// What is known of the others. They are one step ahead at most, because they need this one as well.
  struct Step {
    std::vector<SharedMatrix> in_row;
    std::vector<SharedMatrix> in_column;
    int known = 0;
  };

  void tell() {
    for (const auto& neighbour : neighbours_) static_cast<void>(neighbour.send(Before{k_, row_, column_, cells_}));
  }

  void advance() {
    const int size = cells_->columns;
    while (!neighbours_.empty() && k_ < blocks_ * size) {
      Step& step = steps_[static_cast<std::size_t>(k_ % 2)];
      if (step.known < static_cast<int>(neighbours_.size())) return;
      const int of_k = k_ / size;
      step.in_row[static_cast<std::size_t>(column_)] = step.in_column[static_cast<std::size_t>(row_)] = cells_;
      cells_ = savina::relax(*cells_, *step.in_row[static_cast<std::size_t>(of_k)],
                             *step.in_column[static_cast<std::size_t>(of_k)], k_ % size);
      step.known = 0;
      if (++k_ == blocks_ * size) {
        static_cast<void>(sum_.send(savina::sum_of(*cells_)));
      } else {
        tell();
      }
    }
  }

  int blocks_;
  int row_, column_;
  SharedMatrix cells_;
  Mailbox<Sum> sum_;
  std::vector<Mailbox<Block>> neighbours_;
  std::array<Step, 2> steps_;
  int k_ = 0;
};

}  // namespace

/// Spread over the schedulers by rows.
std::unique_ptr<Contender> make_apsp(const Setup& setup) {
  constexpr int size = savina::graph_block;
  const int nodes = static_cast<int>(setup.sized(savina::graph_nodes, 2 * size)) / size * size;
  const auto graph = std::make_shared<const savina::Matrix>(savina::make_graph(nodes, savina::graph_weight));
  return ours("savina.apsp", setup.schedulers,
              {.operations = static_cast<std::uint64_t>(nodes), .answer = savina::sum_of_distances(*graph)},
              [graph, blocks = nodes / size](System& system, BlockTimer& timer) {
                const auto sum = system.spawn<Sum>(blocks * blocks, timer);
                std::vector<Mailbox<Block>> all;
                for (int row = 0; row < blocks; ++row) {
                  for (int column = 0; column < blocks; ++column) {
                    all.push_back(system.spawn_on<Block>(static_cast<std::uint32_t>(row), blocks, row, column,
                                                         savina::block_of(*graph, size, row, column), sum));
                  }
                }
                const auto at = [&](int row, int column) {
                  return all[static_cast<std::size_t>(row * blocks + column)];
                };
                for (int row = 0; row < blocks; ++row) {
                  for (int column = 0; column < blocks; ++column) {
                    Block::Begin begin{{}, row + column == 0 ? &timer : nullptr};
                    for (int i = 0; i < blocks; ++i) {
                      if (i != column) begin.neighbours.push_back(at(row, i));
                      if (i != row) begin.neighbours.push_back(at(i, column));
                    }
                    static_cast<void>(at(row, column).send(begin));
                  }
                }
              });
}

}  // namespace bench::actors

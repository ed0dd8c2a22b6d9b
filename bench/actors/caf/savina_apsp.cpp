// Shortest paths between all pairs: blocks of the matrix, each an actor, that tell those in their row and column each step.
#include <array>

#include "actors/caf/scenarios.hpp"
#include "actors/caf/theirs.hpp"
#include "actors/savina/graph.hpp"
#include "actors/savina/sizes.hpp"

namespace bench::actors {
namespace {

using savina::SharedMatrix;

/// What a block is before step k.
struct Before {
  int k;
  int row, column;  ///< which block
  SharedMatrix cells;
};
struct Begin {
  std::vector<caf::actor> neighbours;
  BlockTimer* timer;  ///< of the first only
};

}  // namespace
}  // namespace bench::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Before)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Begin)

namespace bench::actors {
namespace {

class Sum : public CafActor {
 public:
  Sum(caf::actor_config& config, int blocks, BlockTimer& timer) : CafActor(config), left_(blocks), timer_(timer) {}
  caf::behavior make_behavior() override {
    return {[this](std::uint64_t of_block) {
      sum_ += of_block;
      if (--left_ == 0) timer_.end(sum_);
    }};
  }

 private:
  int left_;
  BlockTimer& timer_;
  std::uint64_t sum_ = 0;
};

class Block : public CafActor {
 public:
  Block(caf::actor_config& config, int blocks, int row, int column, SharedMatrix cells, caf::actor sum)
      : CafActor(config), blocks_(blocks), row_(row), column_(column), cells_(std::move(cells)), sum_(std::move(sum)) {
    for (Step& step : steps_) {
      step.in_row.resize(static_cast<std::size_t>(blocks));
      step.in_column.resize(static_cast<std::size_t>(blocks));
    }
  }

  caf::behavior make_behavior() override {
    return {[this](const Begin& begin) {
              if (begin.timer != nullptr) begin.timer->begin();
              neighbours_ = begin.neighbours;
              tell();
              advance();
            },
            [this](const Before& before) {
              Step& step = steps_[static_cast<std::size_t>(before.k % 2)];
              (before.row == row_ ? step.in_row[static_cast<std::size_t>(before.column)]
                                  : step.in_column[static_cast<std::size_t>(before.row)]) = before.cells;
              ++step.known;
              advance();
            }};
  }
  void on_exit() override {
    neighbours_.clear();
    sum_ = nullptr;
  }

 private:
  /// What is known of the others. They are one step ahead at most, because they need this one as well.
  struct Step {
    std::vector<SharedMatrix> in_row;
    std::vector<SharedMatrix> in_column;
    int known = 0;
  };

  void tell() {
    for (const auto& neighbour : neighbours_) send(neighbour, Before{k_, row_, column_, cells_});
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
        send(sum_, savina::sum_of(*cells_));
      } else {
        tell();
      }
    }
  }

  int blocks_;
  int row_, column_;
  SharedMatrix cells_;
  caf::actor sum_;
  std::vector<caf::actor> neighbours_;
  std::array<Step, 2> steps_;
  int k_ = 0;
};

}  // namespace

std::unique_ptr<Contender> make_caf_apsp(const Setup& setup) {
  constexpr int size = savina::graph_block;
  const int nodes = static_cast<int>(setup.sized(savina::graph_nodes, 2 * size)) / size * size;
  const auto graph = std::make_shared<const savina::Matrix>(savina::make_graph(nodes, savina::graph_weight));
  return theirs(
      "savina.apsp", setup.schedulers, {static_cast<std::uint64_t>(nodes), savina::sum_of_distances(*graph)},
      [graph, blocks = nodes / size](caf::actor_system& system, BlockTimer& timer) {
        const auto sum = system.spawn<Sum>(blocks * blocks, std::ref(timer));
        std::vector<caf::actor> all;
        for (int row = 0; row < blocks; ++row) {
          for (int column = 0; column < blocks; ++column) {
            all.push_back(system.spawn<Block>(blocks, row, column, savina::block_of(*graph, size, row, column), sum));
          }
        }
        const auto at = [&](int row, int column) { return all[static_cast<std::size_t>(row * blocks + column)]; };
        for (int row = 0; row < blocks; ++row) {
          for (int column = 0; column < blocks; ++column) {
            Begin begin{{}, row + column == 0 ? &timer : nullptr};
            for (int i = 0; i < blocks; ++i) {
              if (i != column) begin.neighbours.push_back(at(row, i));
              if (i != row) begin.neighbours.push_back(at(i, column));
            }
            caf::anon_send(at(row, column), std::move(begin));
          }
        }
        std::vector<caf::actor> crew = all;
        crew.push_back(sum);
        return crew;
      });
}

}  // namespace bench::actors

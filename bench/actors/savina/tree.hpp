// How the unbalanced cobwebbed tree grows: by coins, of which each request takes the next, so that its size depends on the seed
// alone and its shape on who asked first.
#pragma once

#include <algorithm>
#include <cstdint>
#include <stdexcept>

#include "actors/savina/sizes.hpp"
#include "actors/savina/work.hpp"

namespace bench::actors::savina {

class TreeGrowth {
 public:
  explicit TreeGrowth(std::uint64_t most_nodes) : most_nodes_(most_nodes) {}

  bool is_full() const { return nodes_ + tree_children > most_nodes_; }
  /// Whether whom asked gets children.
  bool grant() {
    if (is_full() || random_.bits(1) == 0) return false;
    nodes_ += tree_children;
    return true;
  }
  void plant() { nodes_ = 1 + tree_children; }
  std::uint64_t nodes() const { return nodes_; }

  /// How much work a node is: normally distributed, nearly (the sum of twelve uniform numbers has variance 1).
  std::uint64_t work() {
    double normal = -6;
    for (int i = 0; i < 12; ++i) normal += random_.real();
    return static_cast<std::uint64_t>(
        std::max(0.0, static_cast<double>(tree_work) + normal * static_cast<double>(tree_work_deviation)));
  }

 private:
  Random random_{11};
  std::uint64_t most_nodes_;
  std::uint64_t nodes_ = 0;
};

/// How many nodes there will be. Throws if the tree dies as a sapling: another seed then.
inline std::uint64_t tree_size(std::uint64_t most_nodes) {
  TreeGrowth growth(most_nodes);
  growth.plant();
  for (std::uint64_t asking = tree_children; !growth.is_full(); --asking) {
    if (asking == 0) throw std::logic_error("the tree has died");
    if (!growth.grant()) continue;
    growth.work();
    asking += tree_children;
  }
  return growth.nodes();
}

/// A node's work: so many steps of a generator, each of which needs the one before. Never 0.
inline std::uint64_t work_on_node(std::uint64_t steps) {
  Random random(steps);
  std::uint32_t last = 0;
  for (std::uint64_t i = 0; i < steps; ++i) last = random.bits(32);
  return last | 1u;
}

}  // namespace bench::actors::savina

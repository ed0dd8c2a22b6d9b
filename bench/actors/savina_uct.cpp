// The unbalanced cobwebbed tree: grows as coins fall, and is then walked through, each node an actor with work of its own.
#include "actors/ours.hpp"
#include "actors/savina/tree.hpp"
#include "actors/scenarios.hpp"

namespace bench::actors {
namespace {

class Node;
class Root;

struct TryToGrow {};
struct MayGrow {
  Mailbox<Node> who;
};
struct Grow {
  std::uint64_t work;  ///< of each child
};
struct Grown {};
struct Traverse {};
struct Visited {
  std::uint64_t nodes;
};

/// Down to this level each child goes to the next scheduler; below, subtrees stay together.
constexpr std::uint32_t levels_spread = 2;

class Root : public Actor {
 public:
  Root(std::uint64_t most_nodes, System& system, BlockTimer& timer)
      : growth_(most_nodes), system_(system), timer_(timer) {}
  void on(const Go&);
  void on(const MayGrow& may);
  void on(const Grown&);
  void on(const Visited& visited) {
    visited_ += visited.nodes;
    if (++children_visited_ == savina::tree_children) timer_.end(visited_ + 1);
  }

 private:
  savina::TreeGrowth growth_;
  System& system_;
  BlockTimer& timer_;
  std::vector<Mailbox<Node>> children_;
  std::uint64_t growing_ = 0;
  std::uint64_t visited_ = 0;
  std::uint64_t children_visited_ = 0;
};

class Node : public Actor {
 public:
  Node(Mailbox<Root> root, Mailbox<Node> parent, std::uint32_t level, std::uint64_t work, System& system)
      : root_(root), parent_(parent), level_(level), work_(work), system_(system) {}

  void on(const TryToGrow&) {
    if (savina::work_on_node(savina::tree_work / 5) == 0) return;
    static_cast<void>(root_.send(MayGrow{ringmail::this_actor::mailbox<Node>()}));
  }

  void on(const Grow& grow) {
    const auto self = ringmail::this_actor::mailbox<Node>();
    const std::uint32_t here = self.address().actor.thread();
    children_.reserve(savina::tree_children);
    for (std::uint32_t i = 0; i < savina::tree_children; ++i) {
      const std::uint32_t scheduler = level_ < levels_spread ? i : here;
      children_.push_back(system_.spawn_on<Node>(scheduler, root_, self, level_ + 1, grow.work, system_));
      static_cast<void>(children_.back().send(TryToGrow{}));
    }
    static_cast<void>(root_.send(Grown{}));
  }

  void on(const Traverse&) {
    visited_ = savina::work_on_node(work_) == 0 ? 0 : 1;
    if (children_.empty()) report();
    for (const auto& child : children_) static_cast<void>(child.send(Traverse{}));
  }

  void on(const Visited& visited) {
    visited_ += visited.nodes;
    if (++children_visited_ == savina::tree_children) report();
  }

 private:
  void report() {
    if (parent_) {
      static_cast<void>(parent_.send(Visited{visited_}));
    } else {
      static_cast<void>(root_.send(Visited{visited_}));
    }
  }

  Mailbox<Root> root_;
  Mailbox<Node> parent_;  // nobody's on the first level
  std::uint32_t level_;
  std::uint64_t work_;
  System& system_;
  std::vector<Mailbox<Node>> children_;
  std::uint64_t visited_ = 0;
  std::uint64_t children_visited_ = 0;
};

void Root::on(const Go&) {
  timer_.begin();
  growth_.plant();
  const auto self = ringmail::this_actor::mailbox<Root>();
  for (std::uint32_t i = 0; i < savina::tree_children; ++i) {
    children_.push_back(system_.spawn_on<Node>(i, self, Mailbox<Node>(), 1u, savina::tree_work, system_));
    static_cast<void>(children_.back().send(TryToGrow{}));
  }
}

void Root::on(const MayGrow& may) {
  if (!growth_.grant()) return;
  ++growing_;
  static_cast<void>(may.who.send(Grow{growth_.work()}));
}

void Root::on(const Grown&) {
  // Who walks down before everybody has grown would pass by those who have their children a moment later.
  if (--growing_ > 0 || !growth_.is_full()) return;
  for (const auto& child : children_) static_cast<void>(child.send(Traverse{}));
}

}  // namespace

std::unique_ptr<Contender> make_uct(const Setup& setup) {
  const std::uint64_t most = setup.sized(savina::tree_nodes, 1000);
  const std::uint64_t nodes = savina::tree_size(most);
  return ours("savina.uct", setup.schedulers, {.operations = nodes, .answer = nodes},
              [most](System& system, BlockTimer& timer) {
                static_cast<void>(system.spawn_on<Root>(0, most, system, timer).send(Go{}));
              });
}

}  // namespace bench::actors

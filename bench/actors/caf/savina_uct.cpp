// The unbalanced cobwebbed tree: grows as coins fall, and is then walked through, each node an actor with work of its own.
#include "actors/caf/scenarios.hpp"
#include "actors/caf/theirs.hpp"
#include "actors/savina/tree.hpp"

namespace bench::actors {
namespace {

struct TryToGrow {};
struct MayGrow {
  caf::actor who;
};
struct Grow {
  std::uint64_t work;  ///< of each child
};
struct Grown {};
struct Traverse {};
struct Visited {
  std::uint64_t nodes;
};

}  // namespace
}  // namespace bench::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::TryToGrow)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::MayGrow)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Grow)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Grown)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Traverse)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Visited)

namespace bench::actors {
namespace {

/// Ends when all below it have been visited.
class Node : public CafActor {
 public:
  Node(caf::actor_config& config, caf::actor root, caf::actor parent, std::uint64_t work)
      : CafActor(config), root_(std::move(root)), parent_(std::move(parent)), work_(work) {}

  caf::behavior make_behavior() override {
    return {[this](const TryToGrow&) {
              if (savina::work_on_node(savina::tree_work / 5) == 0) return;
              send(root_, MayGrow{caf::actor_cast<caf::actor>(this)});
            },
            [this](const Grow& grow) {
              children_.reserve(savina::tree_children);
              for (std::uint64_t i = 0; i < savina::tree_children; ++i) {
                children_.push_back(spawn<Node>(root_, caf::actor_cast<caf::actor>(this), grow.work));
                send(children_.back(), TryToGrow{});
              }
              send(root_, Grown{});
            },
            [this](const Traverse&) {
              visited_ = savina::work_on_node(work_) == 0 ? 0 : 1;
              if (children_.empty()) {
                report();
                return;
              }
              for (const auto& child : children_) send(child, Traverse{});
            },
            [this](const Visited& visited) {
              visited_ += visited.nodes;
              if (++children_visited_ == savina::tree_children) report();
            }};
  }
  void on_exit() override {
    root_ = parent_ = nullptr;
    children_.clear();
  }

 private:
  void report() {
    send(parent_, Visited{visited_});
    quit();
  }

  caf::actor root_;
  caf::actor parent_;
  std::uint64_t work_;
  std::vector<caf::actor> children_;
  std::uint64_t visited_ = 0;
  std::uint64_t children_visited_ = 0;
};

class Root : public CafActor {
 public:
  Root(caf::actor_config& config, std::uint64_t most_nodes, BlockTimer& timer)
      : CafActor(config), growth_(most_nodes), timer_(timer) {}

  caf::behavior make_behavior() override {
    return {[this](const CafGo&) {
              timer_.begin();
              growth_.plant();
              const auto self = caf::actor_cast<caf::actor>(this);
              for (std::uint64_t i = 0; i < savina::tree_children; ++i) {
                children_.push_back(spawn<Node>(self, self, savina::tree_work));
                send(children_.back(), TryToGrow{});
              }
            },
            [this](const MayGrow& may) {
              if (!growth_.grant()) return;
              ++growing_;
              send(may.who, Grow{growth_.work()});
            },
            [this](const Grown&) {
              // Who walks down before everybody has grown would pass by those who have their children a moment later.
              if (--growing_ > 0 || !growth_.is_full()) return;
              for (const auto& child : children_) send(child, Traverse{});
            },
            [this](const Visited& visited) {
              visited_ += visited.nodes;
              if (++children_visited_ == savina::tree_children) timer_.end(visited_ + 1);
            }};
  }
  void on_exit() override { children_.clear(); }

 private:
  savina::TreeGrowth growth_;
  BlockTimer& timer_;
  std::vector<caf::actor> children_;
  std::uint64_t growing_ = 0;
  std::uint64_t visited_ = 0;
  std::uint64_t children_visited_ = 0;
};

}  // namespace

std::unique_ptr<Contender> make_caf_uct(const Setup& setup) {
  const std::uint64_t most = setup.sized(savina::tree_nodes, 1000);
  const std::uint64_t nodes = savina::tree_size(most);
  return theirs("savina.uct", setup.schedulers, {nodes, nodes}, [most](caf::actor_system& system, BlockTimer& timer) {
    const auto root = system.spawn<Root>(most, std::ref(timer));
    caf::anon_send(root, CafGo{});
    return std::vector<caf::actor>{root};
  });
}

}  // namespace bench::actors

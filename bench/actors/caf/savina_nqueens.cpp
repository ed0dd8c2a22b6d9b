// Queens on a board: a master hands boards to workers, who hand him back larger ones, or look through what is left.
#include "actors/caf/scenarios.hpp"
#include "actors/caf/theirs.hpp"
#include "actors/savina/board.hpp"
#include "actors/savina/sizes.hpp"

namespace bench::actors {
namespace {

using savina::Board;

struct Solution {};
struct Done {};
using Workers = std::vector<caf::actor>;

}  // namespace
}  // namespace bench::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::savina::Board)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Solution)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Done)

namespace bench::actors {
namespace {

class Master : public CafActor {
 public:
  Master(caf::actor_config& config, BlockTimer& timer) : CafActor(config), timer_(timer) {}
  caf::behavior make_behavior() override {
    return {[this](const Workers& workers) {
              workers_ = workers;
              timer_.begin();
              give(Board{});
            },
            [this](const Board& board) { give(board); }, [this](const Solution&) { ++solutions_; },
            [this](const Done&) {
              if (++done_ == given_) timer_.end(solutions_);
            }};
  }
  void on_exit() override { workers_.clear(); }

 private:
  void give(const Board& board) {
    ++given_;
    send(workers_[next_++ % workers_.size()], board);
  }

  BlockTimer& timer_;
  Workers workers_;
  std::size_t next_ = 0;
  std::uint64_t given_ = 0;
  std::uint64_t done_ = 0;
  std::uint64_t solutions_ = 0;
};

class Worker : public CafActor {
 public:
  Worker(caf::actor_config& config, int size, caf::actor master)
      : CafActor(config), size_(size), master_(std::move(master)) {}
  caf::behavior make_behavior() override {
    return {[this](const Board& board) {
      if (board.depth >= savina::queens_threshold) {
        savina::solve(board, size_, [this] { send(master_, Solution{}); });
      } else {
        savina::extend(board, size_, [this](const Board& next) { send(master_, next); });
      }
      send(master_, Done{});
    }};
  }
  void on_exit() override { master_ = nullptr; }

 private:
  int size_;
  caf::actor master_;
};

}  // namespace

std::unique_ptr<Contender> make_caf_nqueens(const Setup& setup) {
  const int size = setup.shrink == 1 ? savina::queens : 8;
  return theirs("savina.nqueens", setup.schedulers, {1, savina::solutions(size)},
                [size](caf::actor_system& system, BlockTimer& timer) {
                  const auto master = system.spawn<Master>(std::ref(timer));
                  Workers workers;
                  for (std::uint64_t i = 0; i < savina::queens_workers; ++i) {
                    workers.push_back(system.spawn<Worker>(size, master));
                  }
                  caf::anon_send(master, workers);
                  Workers crew = workers;
                  crew.push_back(master);
                  return crew;
                });
}

}  // namespace bench::actors

// Queens on a board: a master hands boards to workers, who hand him back larger ones, or look through what is left.
#include "actors/ours.hpp"
#include "actors/savina/board.hpp"
#include "actors/savina/sizes.hpp"
#include "actors/scenarios.hpp"

namespace bench::actors {
namespace {

using savina::Board;

class Worker;

struct Solution {};
struct Done {};

class Master : public Actor {
 public:
  struct Begin {
    std::vector<Mailbox<Worker>> workers;
  };

  explicit Master(BlockTimer& timer) : timer_(timer) {}
  void on(const Begin& begin) {
    workers_ = begin.workers;
    timer_.begin();
    on(Board{});
  }
  void on(const Board& board);
  void on(const Solution&) { ++solutions_; }
  void on(const Done&) {
    if (++done_ == given_) timer_.end(solutions_);
  }

 private:
  BlockTimer& timer_;
  std::vector<Mailbox<Worker>> workers_;
  std::size_t next_ = 0;
  std::uint64_t given_ = 0;
  std::uint64_t done_ = 0;
  std::uint64_t solutions_ = 0;
};

class Worker : public Actor {
 public:
  Worker(int size, Mailbox<Master> master) : size_(size), master_(master) {}
  void on(const Board& board) {
    if (board.depth >= savina::queens_threshold) {
      savina::solve(board, size_, [this] { static_cast<void>(master_.send(Solution{})); });
    } else {
      savina::extend(board, size_, [this](const Board& next) { static_cast<void>(master_.send(next)); });
    }
    static_cast<void>(master_.send(Done{}));
  }

 private:
  int size_;
  Mailbox<Master> master_;
};

void Master::on(const Board& board) {
  ++given_;
  static_cast<void>(workers_[next_++ % workers_.size()].send(board));
}

}  // namespace

/// The workers are spread over the schedulers.
std::unique_ptr<Contender> make_nqueens(const Setup& setup) {
  const int size = setup.shrink == 1 ? savina::queens : 8;
  return ours("savina.nqueens", setup.schedulers, {.operations = 1, .answer = savina::solutions(size)},
              [size](System& system, BlockTimer& timer) {
                const auto master = system.spawn_on<Master>(0, timer);
                Master::Begin begin;
                for (std::uint32_t i = 0; i < savina::queens_workers; ++i) {
                  begin.workers.push_back(system.spawn_on<Worker>(i, size, master));
                }
                static_cast<void>(master.send(begin));
              });
}

}  // namespace bench::actors

// Actors that only compute: few with many messages each, and many with one.
#include <atomic>

#include "actors/caf/scenarios.hpp"
#include "actors/caf/theirs.hpp"
#include "actors/savina/sizes.hpp"
#include "actors/savina/work.hpp"

namespace bench::actors {
namespace {

constexpr double angle = 37.2;

/// Whoever has done the last of all ends the block.
struct Remaining {
  std::atomic<std::uint64_t> workers;
  std::atomic<std::uint64_t> computed{0};
  BlockTimer& timer;

  void done(std::uint64_t of_worker) {
    computed.fetch_add(of_worker, std::memory_order_relaxed);
    if (workers.fetch_sub(1, std::memory_order_acq_rel) == 1) timer.end(computed.load(std::memory_order_relaxed));
  }
};

class Worker : public CafActor {
 public:
  Worker(caf::actor_config& config, std::uint64_t messages, std::shared_ptr<Remaining> remaining)
      : CafActor(config), messages_(messages), remaining_(std::move(remaining)) {}

  caf::behavior make_behavior() override {
    return {[this](double angle) {
      if (savina::compute(angle)) ++computed_;
      if (--messages_ > 0) return;
      remaining_->done(computed_);
      quit();
    }};
  }

 private:
  std::uint64_t messages_;
  std::uint64_t computed_ = 0;
  std::shared_ptr<Remaining> remaining_;
};

/// Makes so many workers and sends each so many messages.
class Master : public CafActor {
 public:
  Master(caf::actor_config& config, std::uint64_t workers, std::uint64_t messages, BlockTimer& timer)
      : CafActor(config), workers_(workers), messages_(messages), timer_(timer) {}

  caf::behavior make_behavior() override {
    return {[this](const CafGo&) {
      timer_.begin();
      auto remaining = std::make_shared<Remaining>(workers_, 0, timer_);
      if (messages_ == 1) {
        for (std::uint64_t i = 0; i < workers_; ++i) send(spawn<Worker>(1u, remaining), angle);
        return;
      }
      std::vector<caf::actor> all;
      for (std::uint64_t i = 0; i < workers_; ++i) all.push_back(spawn<Worker>(messages_, remaining));
      for (std::uint64_t i = 0; i < messages_; ++i) {
        for (const auto& worker : all) send(worker, angle);
      }
    }};
  }

 private:
  std::uint64_t workers_;
  std::uint64_t messages_;
  BlockTimer& timer_;
};

std::unique_ptr<Contender> make(const std::string& name,
                                std::uint64_t workers,
                                std::uint64_t messages,
                                unsigned threads) {
  return theirs(name, threads, {workers * messages, workers * messages},
                [workers, messages](caf::actor_system& system, BlockTimer& timer) {
                  const auto master = system.spawn<Master>(workers, messages, std::ref(timer));
                  caf::anon_send(master, CafGo{});
                  return std::vector<caf::actor>{master};
                });
}

}  // namespace

std::unique_ptr<Contender> make_caf_forkjoin_throughput(const Setup& setup) {
  return make("savina.forkjoin_throughput", savina::throughput_actors, setup.sized(savina::throughput_messages),
              setup.schedulers);
}

std::unique_ptr<Contender> make_caf_forkjoin_create(const Setup& setup) {
  return make("savina.forkjoin_create", setup.sized(savina::created_actors), 1, setup.schedulers);
}

}  // namespace bench::actors

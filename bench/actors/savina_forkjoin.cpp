// Actors that only compute: few with many messages each, and many with one.
#include <atomic>

#include "actors/ours.hpp"
#include "actors/savina/sizes.hpp"
#include "actors/savina/work.hpp"
#include "actors/scenarios.hpp"

namespace bench::actors {
namespace {

struct Work {
  double angle;
};
constexpr Work work{37.2};

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

class Worker : public Actor {
 public:
  Worker(std::uint64_t messages, std::shared_ptr<Remaining> remaining)
      : messages_(messages), remaining_(std::move(remaining)) {}

  void on(const Work& work) {
    if (savina::compute(work.angle)) ++computed_;
    if (--messages_ > 0) return;
    remaining_->done(computed_);
    ringmail::this_actor::stop();
  }

 private:
  std::uint64_t messages_;
  std::uint64_t computed_ = 0;
  std::shared_ptr<Remaining> remaining_;
};

}  // namespace

/// The workers are spread over the schedulers; who sends is on the first.
std::unique_ptr<Contender> make_forkjoin_throughput(const Setup& setup) {
  const std::uint64_t messages = setup.sized(savina::throughput_messages);
  return ours("savina.forkjoin_throughput", setup.schedulers,
              {.operations = savina::throughput_actors * messages, .answer = savina::throughput_actors * messages},
              [messages](System& system, BlockTimer& timer) {
                const auto master = system.spawn([messages, &system, &timer](const Go&) {
                  timer.begin();
                  auto remaining = std::make_shared<Remaining>(savina::throughput_actors, 0, timer);
                  std::vector<Mailbox<Worker>> all;
                  for (std::uint64_t i = 0; i < savina::throughput_actors; ++i)
                    all.push_back(system.spawn<Worker>(messages, remaining));
                  for (std::uint64_t i = 0; i < messages; ++i) {
                    for (const auto& worker : all) static_cast<void>(worker.send(work));
                  }
                });
                static_cast<void>(master.send(Go{}));
              });
}

/// All on the scheduler of who makes them: what one does is not worth a crossing.
std::unique_ptr<Contender> make_forkjoin_create(const Setup& setup) {
  const std::uint64_t actors = setup.sized(savina::created_actors);
  return ours("savina.forkjoin_create", setup.schedulers, {.operations = actors, .answer = actors},
              [actors](System& system, BlockTimer& timer) {
                const auto master = system.spawn([actors, &system, &timer](const Go&) {
                  timer.begin();
                  auto remaining = std::make_shared<Remaining>(actors, 0, timer);
                  const std::uint32_t here = ringmail::this_actor::mailbox<Worker>().address().actor.thread();
                  for (std::uint64_t i = 0; i < actors; ++i) {
                    static_cast<void>(system.spawn_on<Worker>(here, 1u, remaining).send(work));
                  }
                });
                static_cast<void>(master.send(Go{}));
              });
}

}  // namespace bench::actors

// A timer that is set and cancelled, as an ask that is answered in time has one, among a hundred thousand others.
#include <cstdint>

#include "actors/contender.hpp"
#include "actors/scenarios.hpp"
#include "ringmail/runtime/timer_queue.hpp"

namespace bench::actors {
namespace {

using ringmail::runtime::TimerQueue;

constexpr std::uint64_t others = 100'000;
constexpr std::uint64_t set = 1'000'000;
constexpr std::uint64_t second_ns = 1'000'000'000;

class SetCancel final : public Contender {
 public:
  explicit SetCancel(const Setup& setup) : set_(setup.sized(set)) {
    for (std::uint64_t i = 0; i < setup.sized(others); ++i) timers_.add(next(), callback_);
  }

  double run() override {
    BlockTimer timer;
    std::uint64_t cancelled = 0;
    timer.begin();
    for (std::uint64_t i = 0; i < set_; ++i) {
      if (timers_.cancel(timers_.add(next(), callback_))) ++cancelled;
    }
    timer.end(cancelled);
    return timer.wait_ns("timer.set_cancel", set_) / static_cast<double>(set_);
  }

 private:
  /// Anywhere in the next ten seconds.
  std::uint64_t next() {
    random_ = random_ * 6364136223846793005u + 1442695040888963407u;
    return now_ns_ + (random_ >> 33) * 10 * second_ns / (std::uint64_t{1} << 31);
  }

  TimerQueue timers_;
  const ringmail::runtime::TimerCallback callback_{.function = [](void*, std::uint64_t) {}};
  const std::uint64_t now_ns_ = ringmail::runtime::now_ns();
  std::uint64_t random_ = 1;
  std::uint64_t set_;
};

}  // namespace

std::unique_ptr<Contender> make_timer_set_cancel(const Setup& setup) { return std::make_unique<SetCancel>(setup); }

}  // namespace bench::actors

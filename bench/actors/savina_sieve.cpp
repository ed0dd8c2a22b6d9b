// A chain of filters, each of which keeps so many primes and makes the next one.
#include <optional>

#include "actors/ours.hpp"
#include "actors/savina/local_primes.hpp"
#include "actors/scenarios.hpp"

namespace bench::actors {
namespace {

struct Candidate {
  std::uint64_t number;
};
struct End {
  std::uint64_t primes;  ///< of the filters before
};

class Filter : public Actor {
 public:
  Filter(std::uint32_t number, std::uint64_t first, System& system, BlockTimer& timer)
      : number_(number), primes_(first), system_(system), timer_(timer) {}

  void on(const Candidate& candidate) {
    if (!primes_.divides_none(candidate.number)) return;
    if (!primes_.is_full()) {
      primes_.add(candidate.number);
    } else if (!next_) {
      next_ = system_.spawn_on<Filter>(number_ + 1, number_ + 1, candidate.number, system_, timer_);
    } else {
      static_cast<void>(next_->send(candidate));
    }
  }
  void on(const End& end) {
    const std::uint64_t primes = end.primes + primes_.count();
    if (next_) {
      static_cast<void>(next_->send(End{primes}));
    } else {
      timer_.end(primes);
    }
  }

 private:
  std::uint32_t number_;
  savina::LocalPrimes primes_;
  System& system_;
  BlockTimer& timer_;
  std::optional<Mailbox<Filter>> next_;
};

}  // namespace

/// One filter after the other on the next scheduler.
std::unique_ptr<Contender> make_sieve(const Setup& setup) {
  const std::uint64_t below = setup.sized(savina::sieve_below, 100);
  return ours("savina.sieve", setup.schedulers, {.operations = below / 2, .answer = savina::primes_below(below)},
              [below](System& system, BlockTimer& timer) {
                const auto producer = system.spawn([below, &system, &timer](const Go&) {
                  timer.begin();
                  const auto first = system.spawn_on<Filter>(0, 0u, std::uint64_t{2}, system, timer);
                  for (std::uint64_t n = 3; n < below; n += 2) static_cast<void>(first.send(Candidate{n}));
                  static_cast<void>(first.send(End{0}));
                });
                static_cast<void>(producer.send(Go{}));
              });
}

}  // namespace bench::actors

// A chain of filters, each of which keeps so many primes and makes the next one.
#include "actors/caf/scenarios.hpp"
#include "actors/caf/theirs.hpp"
#include "actors/savina/local_primes.hpp"

namespace bench::actors {
namespace {

struct Candidate {
  std::uint64_t number;
};
struct End {
  std::uint64_t primes;  ///< of the filters before
};

}  // namespace
}  // namespace bench::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Candidate)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::End)

namespace bench::actors {
namespace {

class Filter : public CafActor {
 public:
  Filter(caf::actor_config& config, std::uint64_t first, BlockTimer& timer)
      : CafActor(config), primes_(first), timer_(timer) {}

  caf::behavior make_behavior() override {
    return {[this](const Candidate& candidate) {
              if (!primes_.divides_none(candidate.number)) return;
              if (!primes_.is_full()) {
                primes_.add(candidate.number);
              } else if (!next_) {
                next_ = spawn<Filter>(candidate.number, std::ref(timer_));
              } else {
                send(next_, candidate);
              }
            },
            [this](const End& end) {
              const std::uint64_t primes = end.primes + primes_.count();
              if (next_) {
                send(next_, End{primes});
              } else {
                timer_.end(primes);
              }
              quit();
            }};
  }
  void on_exit() override { next_ = nullptr; }

 private:
  savina::LocalPrimes primes_;
  BlockTimer& timer_;
  caf::actor next_;
};

class Producer : public CafActor {
 public:
  Producer(caf::actor_config& config, std::uint64_t below, BlockTimer& timer)
      : CafActor(config), below_(below), timer_(timer) {}
  caf::behavior make_behavior() override {
    return {[this](const CafGo&) {
      timer_.begin();
      const auto first = spawn<Filter>(std::uint64_t{2}, std::ref(timer_));
      for (std::uint64_t n = 3; n < below_; n += 2) send(first, Candidate{n});
      send(first, End{0});
      quit();
    }};
  }

 private:
  std::uint64_t below_;
  BlockTimer& timer_;
};

}  // namespace

std::unique_ptr<Contender> make_caf_sieve(const Setup& setup) {
  const std::uint64_t below = setup.sized(savina::sieve_below, 100);
  return theirs("savina.sieve", setup.schedulers, {below / 2, savina::primes_below(below)},
                [below](caf::actor_system& system, BlockTimer& timer) {
                  caf::anon_send(system.spawn<Producer>(below, std::ref(timer)), CafGo{});
                  return std::vector<caf::actor>{};
                });
}

}  // namespace bench::actors

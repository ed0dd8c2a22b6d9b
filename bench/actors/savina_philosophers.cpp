// Philosophers who ask an arbitrator for forks, and ask again when they are refused.
#include "actors/ours.hpp"
#include "actors/savina/forks.hpp"
#include "actors/savina/sizes.hpp"
#include "actors/scenarios.hpp"

namespace bench::actors {
namespace {

class Philosopher;

struct Hungry {
  std::uint64_t number;
  Mailbox<Philosopher> who;
};
struct Eaten {
  std::uint64_t number;
};
struct Leave {
  std::uint64_t meals;
};
struct Eat {};
struct Denied {};

class Arbitrator : public Actor {
 public:
  explicit Arbitrator(BlockTimer& timer) : timer_(timer) {}
  void on(const Go&) { timer_.begin(); }
  void on(const Hungry& hungry);
  void on(const Eaten& eaten) { forks_.put_back(eaten.number); }
  void on(const Leave& leave) {
    meals_ += leave.meals;
    if (++left_ == savina::philosophers) timer_.end(meals_);
  }

 private:
  BlockTimer& timer_;
  savina::Forks forks_{savina::philosophers};
  std::uint64_t meals_ = 0;
  std::uint64_t left_ = 0;
};

class Philosopher : public Actor {
 public:
  Philosopher(std::uint64_t number, std::uint64_t meals, Mailbox<Arbitrator> arbitrator)
      : number_(number), meals_(meals), arbitrator_(arbitrator) {}
  void on(const Go&) { ask_for_forks(); }
  void on(const Denied&) { ask_for_forks(); }
  void on(const Eat&) {
    ++eaten_;
    static_cast<void>(arbitrator_.send(Eaten{number_}));
    if (eaten_ < meals_) {
      ask_for_forks();
    } else {
      static_cast<void>(arbitrator_.send(Leave{eaten_}));
    }
  }

 private:
  void ask_for_forks() {
    static_cast<void>(arbitrator_.send(Hungry{number_, ringmail::this_actor::mailbox<Philosopher>()}));
  }

  std::uint64_t number_;
  std::uint64_t meals_;
  Mailbox<Arbitrator> arbitrator_;
  std::uint64_t eaten_ = 0;
};

void Arbitrator::on(const Hungry& hungry) {
  if (forks_.try_take(hungry.number)) {
    static_cast<void>(hungry.who.send(Eat{}));
  } else {
    static_cast<void>(hungry.who.send(Denied{}));
  }
}

}  // namespace

/// All on one scheduler, with the arbitrator: every other message is his.
std::unique_ptr<Contender> make_philosophers(const Setup& setup) {
  const std::uint64_t of_each = setup.sized(savina::meals);
  const std::uint64_t meals = of_each * savina::philosophers;
  return ours("savina.philosophers", setup.schedulers, {.operations = meals, .answer = meals},
              [of_each](System& system, BlockTimer& timer) {
                const auto arbitrator = system.spawn_on<Arbitrator>(0, timer);
                static_cast<void>(arbitrator.send(Go{}));
                for (std::uint64_t i = 0; i < savina::philosophers; ++i) {
                  static_cast<void>(system.spawn_on<Philosopher>(0, i, of_each, arbitrator).send(Go{}));
                }
              });
}

}  // namespace bench::actors

// Philosophers who ask an arbitrator for forks, and ask again when they are refused.
#include "actors/caf/scenarios.hpp"
#include "actors/caf/theirs.hpp"
#include "actors/savina/forks.hpp"
#include "actors/savina/sizes.hpp"

namespace bench::actors {
namespace {

struct Hungry {
  std::uint64_t number;
  caf::actor who;
};
struct Eaten {
  std::uint64_t number;
};
struct Leave {
  std::uint64_t meals;
};
struct Eat {};
struct Denied {};

}  // namespace
}  // namespace bench::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Hungry)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Eaten)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Leave)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Eat)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Denied)

namespace bench::actors {
namespace {

class Arbitrator : public CafActor {
 public:
  Arbitrator(caf::actor_config& config, BlockTimer& timer) : CafActor(config), timer_(timer) {}
  caf::behavior make_behavior() override {
    return {[this](const CafGo&) { timer_.begin(); },
            [this](const Hungry& hungry) {
              if (forks_.try_take(hungry.number)) {
                send(hungry.who, Eat{});
              } else {
                send(hungry.who, Denied{});
              }
            },
            [this](const Eaten& eaten) { forks_.put_back(eaten.number); },
            [this](const Leave& leave) {
              meals_ += leave.meals;
              if (++left_ == savina::philosophers) timer_.end(meals_);
            }};
  }

 private:
  BlockTimer& timer_;
  savina::Forks forks_{savina::philosophers};
  std::uint64_t meals_ = 0;
  std::uint64_t left_ = 0;
};

class Philosopher : public CafActor {
 public:
  Philosopher(caf::actor_config& config, std::uint64_t number, std::uint64_t meals, caf::actor arbitrator)
      : CafActor(config), number_(number), meals_(meals), arbitrator_(std::move(arbitrator)) {}
  caf::behavior make_behavior() override {
    return {[this](const CafGo&) { ask_for_forks(); }, [this](const Denied&) { ask_for_forks(); },
            [this](const Eat&) {
              ++eaten_;
              send(arbitrator_, Eaten{number_});
              if (eaten_ < meals_) {
                ask_for_forks();
              } else {
                send(arbitrator_, Leave{eaten_});
              }
            }};
  }
  void on_exit() override { arbitrator_ = nullptr; }

 private:
  void ask_for_forks() { send(arbitrator_, Hungry{number_, caf::actor_cast<caf::actor>(this)}); }

  std::uint64_t number_;
  std::uint64_t meals_;
  caf::actor arbitrator_;
  std::uint64_t eaten_ = 0;
};

}  // namespace

std::unique_ptr<Contender> make_caf_philosophers(const Setup& setup) {
  const std::uint64_t of_each = setup.sized(savina::meals);
  const std::uint64_t meals = of_each * savina::philosophers;
  return theirs("savina.philosophers", setup.schedulers, {meals, meals},
                [of_each](caf::actor_system& system, BlockTimer& timer) {
                  const auto arbitrator = system.spawn<Arbitrator>(std::ref(timer));
                  caf::anon_send(arbitrator, CafGo{});
                  std::vector<caf::actor> crew{arbitrator};
                  for (std::uint64_t i = 0; i < savina::philosophers; ++i) {
                    crew.push_back(system.spawn<Philosopher>(i, of_each, arbitrator));
                    caf::anon_send(crew.back(), CafGo{});
                  }
                  return crew;
                });
}

}  // namespace bench::actors

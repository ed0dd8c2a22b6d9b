// A token that goes round a ring of actors.
#include "actors/caf/scenarios.hpp"
#include "actors/caf/theirs.hpp"
#include "actors/savina/sizes.hpp"

namespace bench::actors {
namespace {

class Member : public CafActor {
 public:
  Member(caf::actor_config& config, std::uint64_t number, BlockTimer& timer)
      : CafActor(config), number_(number), timer_(timer) {}

  caf::behavior make_behavior() override {
    return {[this](const caf::actor& next) { next_ = next; }, [this](const CafGo&) { timer_.begin(); },
            [this](std::uint64_t hops_left) {
              if (hops_left == 0) {
                timer_.end(number_);
              } else {
                send(next_, hops_left - 1);
              }
            }};
  }
  void on_exit() override { next_ = nullptr; }

 private:
  caf::actor next_;
  std::uint64_t number_;
  BlockTimer& timer_;
};

}  // namespace

std::unique_ptr<Contender> make_caf_threadring(const Setup& setup) {
  const std::uint64_t hops = setup.sized(savina::ring_hops);
  constexpr std::uint64_t count = savina::ring_actors;
  return theirs("savina.threadring", setup.schedulers, {hops, hops % count},
                [hops](caf::actor_system& system, BlockTimer& timer) {
                  std::vector<caf::actor> members;
                  for (std::uint64_t i = 0; i < count; ++i) members.push_back(system.spawn<Member>(i, std::ref(timer)));
                  for (std::uint64_t i = 0; i < count; ++i) caf::anon_send(members[i], members[(i + 1) % count]);
                  caf::anon_send(members[0], CafGo{});
                  caf::anon_send(members[0], hops);
                  return members;
                });
}

}  // namespace bench::actors

// Creatures that meet in a mall, two by two, and change colours.
#include <optional>

#include "actors/caf/scenarios.hpp"
#include "actors/caf/theirs.hpp"
#include "actors/savina/colors.hpp"
#include "actors/savina/sizes.hpp"

namespace bench::actors {
namespace {

using savina::Color;

struct Meet {
  Color color;
  caf::actor who;
};
struct Change {
  Color color;
};
struct Count {
  std::uint64_t meetings;
};
struct Fade {};

}  // namespace
}  // namespace bench::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Meet)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Change)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Count)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Fade)

namespace bench::actors {
namespace {

class Mall : public CafActor {
 public:
  Mall(caf::actor_config& config, std::uint64_t meetings, BlockTimer& timer)
      : CafActor(config), meetings_left_(meetings), timer_(timer) {}

  caf::behavior make_behavior() override {
    return {[this](const CafGo&) { timer_.begin(); },
            [this](const Meet& meet) {
              if (meetings_left_ == 0) {
                send(meet.who, Fade{});
              } else if (!waiting_) {
                waiting_ = meet;
              } else {
                --meetings_left_;
                send(waiting_->who, meet);
                waiting_.reset();
              }
            },
            [this](const Count& count) {
              meetings_ += count.meetings;
              if (++faded_ == savina::chameneos) timer_.end(meetings_);
            }};
  }
  void on_exit() override { waiting_.reset(); }

 private:
  std::uint64_t meetings_left_;
  BlockTimer& timer_;
  std::optional<Meet> waiting_;
  std::uint64_t meetings_ = 0;
  std::uint64_t faded_ = 0;
};

class Creature : public CafActor {
 public:
  Creature(caf::actor_config& config, Color color, caf::actor mall)
      : CafActor(config), color_(color), mall_(std::move(mall)) {}

  caf::behavior make_behavior() override {
    return {[this](const CafGo&) { enter(); },
            [this](const Meet& meet) {
              const Color before = color_;
              color_ = savina::complement(color_, meet.color);
              ++meetings_;
              send(meet.who, Change{savina::complement(meet.color, before)});
              enter();
            },
            [this](const Change& change) {
              color_ = change.color;
              ++meetings_;
              enter();
            },
            [this](const Fade&) { send(mall_, Count{meetings_}); }};
  }
  void on_exit() override { mall_ = nullptr; }

 private:
  void enter() { send(mall_, Meet{color_, caf::actor_cast<caf::actor>(this)}); }

  Color color_;
  caf::actor mall_;
  std::uint64_t meetings_ = 0;
};

}  // namespace

std::unique_ptr<Contender> make_caf_chameneos(const Setup& setup) {
  const std::uint64_t meetings = setup.sized(savina::meetings);
  return theirs("savina.chameneos", setup.schedulers, {meetings, 2 * meetings},
                [meetings](caf::actor_system& system, BlockTimer& timer) {
                  const auto mall = system.spawn<Mall>(meetings, std::ref(timer));
                  caf::anon_send(mall, CafGo{});
                  std::vector<caf::actor> crew{mall};
                  for (std::uint64_t i = 0; i < savina::chameneos; ++i) {
                    crew.push_back(system.spawn<Creature>(static_cast<Color>(i % 3), mall));
                    caf::anon_send(crew.back(), CafGo{});
                  }
                  return crew;
                });
}

}  // namespace bench::actors

// Creatures that meet in a mall, two by two, and change colours.
#include <optional>

#include "actors/ours.hpp"
#include "actors/savina/colors.hpp"
#include "actors/savina/sizes.hpp"
#include "actors/scenarios.hpp"

namespace bench::actors {
namespace {

using savina::Color;

class Creature;

struct Meet {
  Color color;
  Mailbox<Creature> who;
};
struct Change {
  Color color;
};
struct Count {
  std::uint64_t meetings;
};
struct Fade {};

class Mall : public Actor {
 public:
  Mall(std::uint64_t meetings, BlockTimer& timer) : meetings_left_(meetings), timer_(timer) {}
  void on(const Go&) { timer_.begin(); }
  void on(const Meet& meet);
  void on(const Count& count) {
    meetings_ += count.meetings;
    if (++faded_ == savina::chameneos) timer_.end(meetings_);
  }

 private:
  std::uint64_t meetings_left_;
  BlockTimer& timer_;
  std::optional<Meet> waiting_;
  std::uint64_t meetings_ = 0;
  std::uint64_t faded_ = 0;
};

class Creature : public Actor {
 public:
  Creature(Color color, Mailbox<Mall> mall) : color_(color), mall_(mall) {}
  void on(const Go&) { enter(); }
  void on(const Meet& meet) {
    const Color before = color_;
    color_ = savina::complement(color_, meet.color);
    ++meetings_;
    static_cast<void>(meet.who.send(Change{savina::complement(meet.color, before)}));
    enter();
  }
  void on(const Change& change) {
    color_ = change.color;
    ++meetings_;
    enter();
  }
  void on(const Fade&) { static_cast<void>(mall_.send(Count{meetings_})); }

 private:
  void enter() { static_cast<void>(mall_.send(Meet{color_, ringmail::this_actor::mailbox<Creature>()})); }

  Color color_;
  Mailbox<Mall> mall_;
  std::uint64_t meetings_ = 0;
};

void Mall::on(const Meet& meet) {
  if (meetings_left_ == 0) {
    static_cast<void>(meet.who.send(Fade{}));
  } else if (!waiting_) {
    waiting_ = meet;
  } else {
    --meetings_left_;
    static_cast<void>(waiting_->who.send(meet));
    waiting_.reset();
  }
}

}  // namespace

/// All on one scheduler, with the mall: everybody's every other message goes there.
std::unique_ptr<Contender> make_chameneos(const Setup& setup) {
  const std::uint64_t meetings = setup.sized(savina::meetings);
  return ours("savina.chameneos", setup.schedulers, {.operations = meetings, .answer = 2 * meetings},
              [meetings](System& system, BlockTimer& timer) {
                const auto mall = system.spawn_on<Mall>(0, meetings, timer);
                static_cast<void>(mall.send(Go{}));
                for (std::uint64_t i = 0; i < savina::chameneos; ++i) {
                  const auto color = static_cast<Color>(i % 3);
                  static_cast<void>(system.spawn_on<Creature>(0, color, mall).send(Go{}));
                }
              });
}

}  // namespace bench::actors

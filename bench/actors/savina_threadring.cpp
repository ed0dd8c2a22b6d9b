// A token that goes round a ring of actors.
#include "actors/ours.hpp"
#include "actors/savina/sizes.hpp"
#include "actors/scenarios.hpp"

namespace bench::actors {
namespace {

struct Token {
  std::uint64_t hops_left;
};

class Member : public Actor {
 public:
  struct Next {
    Mailbox<Member> member;
  };

  Member(std::uint64_t number, BlockTimer& timer) : number_(number), timer_(timer) {}
  void on(const Next& next) { next_ = next.member; }
  void on(const Go&) { timer_.begin(); }
  void on(const Token& token) {
    if (token.hops_left == 0) {
      timer_.end(number_);
    } else {
      static_cast<void>(next_.send(Token{token.hops_left - 1}));
    }
  }

 private:
  Mailbox<Member> next_;
  std::uint64_t number_;
  BlockTimer& timer_;
};

}  // namespace

/// Neighbours are placed together, so that a lap crosses to each scheduler once.
std::unique_ptr<Contender> make_threadring(const Setup& setup) {
  const std::uint64_t hops = setup.sized(savina::ring_hops);
  constexpr std::uint64_t count = savina::ring_actors;
  return ours("savina.threadring", setup.schedulers, {.operations = hops, .answer = hops % count},
              [hops, schedulers = setup.schedulers](System& system, BlockTimer& timer) {
                std::vector<Mailbox<Member>> members;
                for (std::uint64_t i = 0; i < count; ++i) {
                  const auto scheduler = static_cast<std::uint32_t>(i * schedulers / count);
                  members.push_back(system.spawn_on<Member>(scheduler, i, timer));
                }
                for (std::uint64_t i = 0; i < count; ++i) {
                  static_cast<void>(members[i].send(Member::Next{members[(i + 1) % count]}));
                }
                static_cast<void>(members[0].send(Go{}));
                static_cast<void>(members[0].send(Token{hops}));
              });
}

}  // namespace bench::actors

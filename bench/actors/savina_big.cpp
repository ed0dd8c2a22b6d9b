// Everybody sends a ping to somebody, waits for the pong, and does that again.
#include "actors/ours.hpp"
#include "actors/savina/sizes.hpp"
#include "actors/savina/work.hpp"
#include "actors/scenarios.hpp"

namespace bench::actors {
namespace {

struct Ping {
  std::uint64_t from;
};
struct Pong {
  std::uint64_t from;
};
struct Finished {
  std::uint64_t pongs;
};

/// Counts who has finished.
class Sink : public Actor {
 public:
  explicit Sink(BlockTimer& timer) : timer_(timer) {}
  void on(const Finished& finished) {
    pongs_ += finished.pongs;
    if (++finished_ == savina::big_actors) timer_.end(pongs_);
  }

 private:
  BlockTimer& timer_;
  std::uint64_t pongs_ = 0;
  std::uint64_t finished_ = 0;
};

class Pinger : public Actor {
 public:
  struct Begin {
    std::vector<Mailbox<Pinger>> all;
  };

  Pinger(std::uint64_t number, std::uint64_t pings, Mailbox<Sink> sink, BlockTimer& timer)
      : number_(number), pings_left_(pings), sink_(sink), timer_(timer), random_(number) {}

  void on(const Begin& begin) {
    all_ = begin.all;
    if (number_ == 0) {
      timer_.begin();
      for (const auto& each : all_) static_cast<void>(each.send(Go{}));
    }
  }
  void on(const Go&) { ping(); }
  void on(const Ping& ping) { static_cast<void>(all_[ping.from].send(Pong{number_})); }
  void on(const Pong& pong) {
    if (pong.from == expected_) ++pongs_;
    if (pings_left_ > 0) {
      ping();
    } else {
      static_cast<void>(sink_.send(Finished{pongs_}));
    }
  }

 private:
  void ping() {
    --pings_left_;
    expected_ = random_.below(all_.size());
    static_cast<void>(all_[expected_].send(Ping{number_}));
  }

  std::uint64_t number_;
  std::uint64_t pings_left_;
  Mailbox<Sink> sink_;
  BlockTimer& timer_;
  savina::Random random_;
  std::vector<Mailbox<Pinger>> all_;
  std::uint64_t expected_ = 0;
  std::uint64_t pongs_ = 0;
};

}  // namespace

/// Spread over the schedulers. With N of them all but one in N messages cross.
std::unique_ptr<Contender> make_big(const Setup& setup) {
  const std::uint64_t pings = setup.sized(savina::big_pings);
  constexpr std::uint64_t count = savina::big_actors;
  return ours("savina.big", setup.schedulers, {.operations = count * pings, .answer = count * pings},
              [pings](System& system, BlockTimer& timer) {
                const auto sink = system.spawn<Sink>(timer);
                std::vector<Mailbox<Pinger>> all;
                for (std::uint64_t i = 0; i < count; ++i) all.push_back(system.spawn<Pinger>(i, pings, sink, timer));
                // The first one last: by then all know each other.
                for (std::uint64_t i = count; i-- > 0;) static_cast<void>(all[i].send(Pinger::Begin{all}));
              });
}

}  // namespace bench::actors

// Everybody sends a ping to somebody, waits for the pong, and does that again.
#include "actors/caf/scenarios.hpp"
#include "actors/caf/theirs.hpp"
#include "actors/savina/sizes.hpp"
#include "actors/savina/work.hpp"

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
using Everybody = std::vector<caf::actor>;

}  // namespace
}  // namespace bench::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Ping)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Pong)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Finished)

namespace bench::actors {
namespace {

/// Counts who has finished.
class Sink : public CafActor {
 public:
  Sink(caf::actor_config& config, BlockTimer& timer) : CafActor(config), timer_(timer) {}
  caf::behavior make_behavior() override {
    return {[this](const Finished& finished) {
      pongs_ += finished.pongs;
      if (++finished_ == savina::big_actors) timer_.end(pongs_);
    }};
  }

 private:
  BlockTimer& timer_;
  std::uint64_t pongs_ = 0;
  std::uint64_t finished_ = 0;
};

class Pinger : public CafActor {
 public:
  Pinger(caf::actor_config& config, std::uint64_t number, std::uint64_t pings, caf::actor sink, BlockTimer& timer)
      : CafActor(config), number_(number), pings_left_(pings), sink_(std::move(sink)), timer_(timer), random_(number) {}

  caf::behavior make_behavior() override {
    return {[this](const Everybody& all) {
              all_ = all;
              if (number_ == 0) {
                timer_.begin();
                for (const auto& each : all_) send(each, CafGo{});
              }
            },
            [this](const CafGo&) { ping(); }, [this](const Ping& ping) { send(all_[ping.from], Pong{number_}); },
            [this](const Pong& pong) {
              if (pong.from == expected_) ++pongs_;
              if (pings_left_ > 0) {
                ping();
              } else {
                send(sink_, Finished{pongs_});
              }
            }};
  }
  void on_exit() override {
    all_.clear();
    sink_ = nullptr;
  }

 private:
  void ping() {
    --pings_left_;
    expected_ = random_.below(all_.size());
    send(all_[expected_], Ping{number_});
  }

  std::uint64_t number_;
  std::uint64_t pings_left_;
  caf::actor sink_;
  BlockTimer& timer_;
  savina::Random random_;
  Everybody all_;
  std::uint64_t expected_ = 0;
  std::uint64_t pongs_ = 0;
};

}  // namespace

std::unique_ptr<Contender> make_caf_big(const Setup& setup) {
  const std::uint64_t pings = setup.sized(savina::big_pings);
  constexpr std::uint64_t count = savina::big_actors;
  return theirs("savina.big", setup.schedulers, {count * pings, count * pings},
                [pings](caf::actor_system& system, BlockTimer& timer) {
                  const auto sink = system.spawn<Sink>(std::ref(timer));
                  Everybody all;
                  for (std::uint64_t i = 0; i < count; ++i) {
                    all.push_back(system.spawn<Pinger>(i, pings, sink, std::ref(timer)));
                  }
                  // The first one last: by then all know each other.
                  for (std::uint64_t i = count; i-- > 0;) caf::anon_send(all[i], all);
                  Everybody crew = all;
                  crew.push_back(sink);
                  return crew;
                });
}

}  // namespace bench::actors

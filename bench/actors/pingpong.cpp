// Two actors that send a message to each other: on one scheduler, and on two that are pinned to two CPUs.
#include "actors/messages.hpp"
#include "actors/ours.hpp"
#include "actors/scenarios.hpp"
#include "actors/trip_times.hpp"

namespace bench::actors {
namespace {

/// Who has a timer serves and counts, the other plays back.
class Player : public Actor {
 public:
  struct Serve {
    Mailbox<Player> other;
    std::uint64_t round_trips = 0;
    BlockTimer* timer = nullptr;
  };

  void on(const Serve& serve) {
    other_ = serve.other;
    timer_ = serve.timer;
    if (timer_ == nullptr) return;
    timer_->begin();
    static_cast<void>(other_.send(Ball{serve.round_trips}));
  }

  void on(const Ball& ball) {
    if (timer_ == nullptr) {
      static_cast<void>(other_.send(ball));
    } else if (++played_; ball.round_trips_left > 1) {
      static_cast<void>(other_.send(Ball{ball.round_trips_left - 1}));
    } else {
      timer_->end(played_);
    }
  }

 private:
  Mailbox<Player> other_;
  BlockTimer* timer_ = nullptr;
  std::uint64_t played_ = 0;
};

/// The same with 32 bytes, and each trip timed as in ring.rtt.
class TimedPlayer : public Actor {
 public:
  struct Serve {
    Mailbox<TimedPlayer> other;
    TripTimes* times = nullptr;
    BlockTimer* timer = nullptr;
  };

  void on(const Serve& serve) {
    other_ = serve.other;
    times_ = serve.times;
    timer_ = serve.timer;
    if (timer_ == nullptr) return;
    timer_->begin();
    times_->begin();
    static_cast<void>(other_.send(FarBall{{0, 1, 2, 3}}));
  }

  void on(const FarBall& ball) {
    if (timer_ == nullptr) {
      static_cast<void>(other_.send(ball));
    } else if (times_->note(ball)) {
      static_cast<void>(other_.send(times_->next()));
    } else {
      timer_->end(times_->answer());
    }
  }

 private:
  Mailbox<TimedPlayer> other_;
  TripTimes* times_ = nullptr;
  BlockTimer* timer_ = nullptr;
};

/// Its figure is the median of the trips, as that of ring.rtt is.
class TimedPingPong final : public Contender {
 public:
  explicit TimedPingPong(const Setup& setup) : cpus_(setup.cpus), trips_(setup.sized(far_round_trips)) {}

  double run() override {
    System system = make_system("pingpong.schedulers", {.schedulers = 2, .cpus = {cpus_[0], cpus_[1]}});
    BlockTimer timer;
    TripTimes times(trips_);
    const auto near = system.spawn_on<TimedPlayer>(0);
    const auto far = system.spawn_on<TimedPlayer>(1);
    static_cast<void>(far.send(TimedPlayer::Serve{.other = near}));
    static_cast<void>(near.send(TimedPlayer::Serve{.other = far, .times = &times, .timer = &timer}));
    timer.wait_ns("pingpong.schedulers", times.expected());
    return times.median_ns();
  }
  unsigned schedulers() const override { return 2; }

 private:
  std::vector<int> cpus_;
  std::uint64_t trips_;
};

}  // namespace

std::unique_ptr<Contender> make_pingpong_local(const Setup& setup) {
  const std::uint64_t trips = setup.sized(local_round_trips);
  return ours("pingpong.local", 1, {.operations = trips, .answer = trips}, [trips](System& system, BlockTimer& timer) {
    const auto one = system.spawn<Player>();
    const auto other = system.spawn<Player>();
    static_cast<void>(other.send(Player::Serve{.other = one}));
    static_cast<void>(one.send(Player::Serve{.other = other, .round_trips = trips, .timer = &timer}));
  });
}

std::unique_ptr<Contender> make_pingpong_schedulers(const Setup& setup) {
  return std::make_unique<TimedPingPong>(setup);
}

}  // namespace bench::actors

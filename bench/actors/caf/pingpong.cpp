// Two actors that send a message to each other: on one worker, and on two threads of their own.
#include "actors/caf/scenarios.hpp"
#include "actors/caf/theirs.hpp"
#include "actors/messages.hpp"
#include "actors/trip_times.hpp"
#include "measuring/cpus.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Ball)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::FarBall)

namespace bench::actors {
namespace {

/// Who has a timer counts, the other plays back. The first to speak is told whom to.
class Player : public CafActor {
 public:
  Player(caf::actor_config& config, std::uint64_t round_trips, BlockTimer* timer)
      : CafActor(config), round_trips_(round_trips), timer_(timer) {}

  caf::behavior make_behavior() override {
    return {[this](const caf::actor& other) {
              other_ = other;
              if (timer_ == nullptr) return;
              timer_->begin();
              send(other_, Ball{round_trips_});
            },
            [this](const Ball& ball) {
              if (timer_ == nullptr) {
                send(other_, ball);
              } else if (++played_; ball.round_trips_left > 1) {
                send(other_, Ball{ball.round_trips_left - 1});
              } else {
                timer_->end(played_);
              }
            }};
  }

  void on_exit() override { other_ = nullptr; }

 private:
  std::uint64_t round_trips_;
  BlockTimer* timer_;
  caf::actor other_;
  std::uint64_t played_ = 0;
};

class TimedPlayer : public CafActor {
 public:
  TimedPlayer(caf::actor_config& config, int cpu, TripTimes* times, BlockTimer* timer)
      : CafActor(config), cpu_(cpu), times_(times), timer_(timer) {}

  caf::behavior make_behavior() override {
    // It has a thread of its own.
    ringmail::measuring::pin_this_thread(cpu_);
    return {[this](const caf::actor& other) {
              other_ = other;
              if (timer_ == nullptr) return;
              timer_->begin();
              times_->begin();
              send(other_, FarBall{{0, 1, 2, 3}});
            },
            [this](const FarBall& ball) {
              if (timer_ == nullptr) {
                send(other_, ball);
              } else if (times_->note(ball)) {
                send(other_, times_->next());
              } else {
                timer_->end(times_->answer());
              }
            }};
  }
  void on_exit() override { other_ = nullptr; }

 private:
  int cpu_;
  TripTimes* times_;
  BlockTimer* timer_;
  caf::actor other_;
};

class TimedPingPong final : public Contender {
 public:
  explicit TimedPingPong(const Setup& setup) : cpus_(setup.cpus), trips_(setup.sized(far_round_trips)) {}

  double run() override {
    BlockTimer timer;
    TripTimes times(trips_);
    CafConfig config(1);
    caf::actor_system system(config);
    const auto near = system.spawn<TimedPlayer, caf::detached>(cpus_[0], &times, &timer);
    const auto far = system.spawn<TimedPlayer, caf::detached>(cpus_[1], nullptr, nullptr);
    caf::anon_send(far, near);
    caf::anon_send(near, far);
    timer.wait_ns("pingpong.schedulers by CAF", times.expected());
    caf::anon_send_exit(near, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(far, caf::exit_reason::user_shutdown);
    system.await_all_actors_done();
    return times.median_ns();
  }

 private:
  std::vector<int> cpus_;
  std::uint64_t trips_;
};

}  // namespace

std::unique_ptr<Contender> make_caf_pingpong_local(const Setup& setup) {
  const std::uint64_t trips = setup.sized(local_round_trips);
  return theirs("pingpong.local", 1, {trips, trips}, [trips](caf::actor_system& system, BlockTimer& timer) {
    const auto one = system.spawn<Player>(trips, &timer);
    const auto other = system.spawn<Player>(0u, nullptr);
    caf::anon_send(other, one);
    caf::anon_send(one, other);
    return std::vector<caf::actor>{one, other};
  });
}

/// Only an actor of its own thread stays where it is: two of the pool would be brought together on one worker.
std::unique_ptr<Contender> make_caf_pingpong_detached(const Setup& setup) {
  return std::make_unique<TimedPingPong>(setup);
}

}  // namespace bench::actors

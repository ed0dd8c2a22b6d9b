// What crosses a process, measured by the code of bench/latency: the ring alone, and an actor that speaks to a peer.
#include <array>

#include "actors/messages.hpp"
#include "actors/scenarios.hpp"
#include "latency/echo_peer.hpp"
#include "latency/far_process.hpp"
#include "latency/peer_rtt.hpp"
#include "latency/scenarios.hpp"
#include "measuring/cpus.hpp"

namespace bench::actors {
namespace {

/// A scenario of bench/latency: its figure is the median of the trips of a block.
class Crossing final : public Contender {
 public:
  Crossing(std::unique_ptr<Scenario> scenario, const Setup& setup)
      : block_{.warm_up = far_warm_up, .round_trips = setup.sized(far_round_trips)},
        placement_{.near_cpu = setup.cpus[0], .far_cpu = setup.cpus[1]},
        scenarios_{std::move(scenario)} {
    if (scenarios_[0]->has_far_end()) far_.emplace(scenarios_, block_, placement_.far_cpu);
    scenarios_[0]->start(placement_);
  }

  double run() override {
    const PinnedThread pinned(placement_.near_cpu);
    if (far_) far_->begin(0);
    scenarios_[0]->near_end(block_.warm_up, nullptr);
    std::vector<Sample> trips(block_.round_trips);
    scenarios_[0]->near_end(block_.round_trips, trips.data());
    return median_trip_ns(trips);
  }
  unsigned schedulers() const override { return far_ ? 0 : 1; }

 private:
  Block block_;
  Placement placement_;
  std::array<std::unique_ptr<Scenario>, 1> scenarios_;
  std::optional<FarProcess> far_;
};

}  // namespace

std::unique_ptr<Contender> make_ring_rtt(const Setup& setup) {
  return std::make_unique<Crossing>(bench::make_ring_rtt(), setup);
}

std::unique_ptr<Contender> make_pingpong_processes(const Setup& setup) {
  return std::make_unique<Crossing>(
      std::make_unique<PeerRtt>("pingpong.processes", PeerRtt::By::messages, echo_peer_command), setup);
}

std::unique_ptr<Contender> make_ask_remote(const Setup& setup) {
  return std::make_unique<Crossing>(std::make_unique<PeerRtt>("ask.remote", PeerRtt::By::ask, echo_peer_command),
                                    setup);
}

}  // namespace bench::actors

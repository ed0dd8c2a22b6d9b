// What links that say nothing cost the one that is busy: all of them end at one scheduler, which polls their rings.
#include "latency/echo_peer.hpp"
#include "latency/peer_rtt.hpp"
#include "latency/scenarios.hpp"

namespace bench {
namespace {

/// A process a link, as a user has them.
class FanIn : public PeerRtt {
 public:
  explicit FanIn(unsigned links)
      : PeerRtt("fan_in." + std::to_string(links), By::messages, echo_peer_command, links),
        variant_(std::to_string(links)) {}

  std::string variant() const override { return variant_; }

 private:
  std::string variant_;
};

}  // namespace

std::unique_ptr<Scenario> make_fan_in(unsigned links) { return std::make_unique<FanIn>(links); }

}  // namespace bench

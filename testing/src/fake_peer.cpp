#include "ringmail/testing/fake_peer.hpp"

namespace ringmail::testing {

FakePeer::FakePeer(Simulation& simulation, std::string name)
    : behaviour_(std::make_shared<detail::FakeBehaviour>(detail::FakeBehaviour{.name = std::move(name)})) {
  simulation.add(behaviour_);
}

}  // namespace ringmail::testing

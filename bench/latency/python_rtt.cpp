// An actor asks a Python process. Beside actor.remote_rtt it says what the interpreter costs.
#include <cstdlib>

#include "latency/peer_rtt.hpp"
#include "latency/scenarios.hpp"

namespace bench {

std::unique_ptr<Scenario> make_python_rtt() {
  const char* const named = std::getenv("RINGMAIL_PYTHON");
  const std::string python = named != nullptr ? named : LATENCY_PYTHON;
  return std::make_unique<PeerRtt>("python.rtt", PeerRtt::By::ask, [python](int cpu) {
    return std::vector<std::string>{python, LATENCY_PYTHON_PEER, std::to_string(cpu)};
  });
}

}  // namespace bench

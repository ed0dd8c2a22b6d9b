#include "ringmail/runtime/peer_keeper.hpp"

#include "ringmail/transport/join.hpp"

namespace ringmail::runtime {

std::expected<void, std::string> PeerKeeper::join(RemoteSystem&, JoinedEnds) {
  return std::unexpected("a simulated system connects to no other");
}

}  // namespace ringmail::runtime

// macOS has no control groups.
#include "peer_cgroups.hpp"

namespace ringmail::runtime {

std::expected<void, std::string> PeerCgroups::prepare() { return std::unexpected("macOS has no control groups"); }

std::expected<std::string, std::string> PeerCgroups::create(const PeerCgroup&) { return std::string(); }

void PeerCgroups::end(std::string) {}

PeerCgroups::~PeerCgroups() = default;

}  // namespace ringmail::runtime

// Each peer has a watcher of its own (exec_helper_os.c).
#include "peer_guard.hpp"

namespace ringmail::runtime {

std::expected<void, std::string> PeerGuard::prepare(const ExecHelper&, const std::string&) { return {}; }

PeerGuard::~PeerGuard() = default;

void PeerGuard::forget(int group) { groups_.erase(group); }

}  // namespace ringmail::runtime

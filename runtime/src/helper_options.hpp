// What the exec helper is told to do to a peer's process before it becomes the peer.
#pragma once

#include <sys/types.h>

#include <expected>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ringmail/runtime/peer_options.hpp"

namespace ringmail::runtime {

/// Whom it runs as, looked up here: the helper is static, and a static program can ask no name service.
struct PeerIdentity {
  /// What is wrong with the names, in one line.
  static std::expected<PeerIdentity, std::string> of(const PeerOptions& options);

  std::optional<uid_t> user;  ///< none: the host's
  std::optional<gid_t> group;
  std::vector<gid_t> supplementary;
  std::vector<std::pair<std::string, std::string>> environment;  ///< what login would set
};

/// One line that names an option whose value is impossible anywhere, or nothing.
std::expected<void, std::string> check_containment(const PeerOptions& options);

/// In the order in which they have to be done.
std::vector<std::string> helper_options(const PeerOptions& options, const PeerIdentity& identity);

}  // namespace ringmail::runtime

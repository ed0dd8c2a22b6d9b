// Another program in the place of the one that a peer runs, and why that came to nothing. docs/peers.md, "Another program".
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ringmail/runtime/exit_reason.hpp"
#include "ringmail/runtime/peer_options.hpp"

namespace ringmail::runtime {

/// What the next program of a peer is run with, as in PeerOptions. What is not set is as it was. The rest belongs to the mailbox, or
/// to who watches over it, and stays: name, schema, sizes, user, restart policy, output.
struct PeerReplacement {
  std::vector<std::string> command{};  ///< empty: the same, started anew
  std::optional<std::vector<std::pair<std::string, std::string>>> environment{};
  std::optional<bool> inherit_environment{};
  std::optional<std::string> working_directory{};
  std::optional<bool> control_by_pipes{};
  std::optional<PeerDeadlines> deadlines{};
  std::optional<PeerHang> hang{};
  std::optional<PeerLimits> limits{};
  std::optional<PeerCgroup> cgroup{};
};

struct ReplaceError {
  enum class Kind : std::uint8_t {
    not_found,   ///< there is no such peer, or no more
    impossible,  ///< an option cannot be had, or somebody else starts this peer; nothing was done
    busy,        ///< it is being replaced already
    stopping,    ///< it was told to stop, before or meanwhile, or its supervisor keeps it down
    failed,      ///< the new program did not get ready, for this reason; the one before runs on, or again
    ended,       ///< the peer has ended meanwhile, for this reason
    timed_out,   ///< nobody waits for it any longer; it goes on
    stopped,     ///< the actor that waited was told to stop; it goes on
  };
  Kind kind = Kind::not_found;
  std::string text{};  ///< one line
  ExitReason reason{};
};

using ReplaceOutcome = std::expected<void, ReplaceError>;

/// `options` with what `replacement` sets.
PeerOptions with(PeerOptions options, const PeerReplacement& replacement);

std::string_view to_string(ReplaceError::Kind kind);
std::string to_string(const ReplaceError& error);

}  // namespace ringmail::runtime

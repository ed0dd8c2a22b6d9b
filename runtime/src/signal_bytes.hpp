// What systems, and peers, are told about actors besides messages, and an exit reason as bytes. docs/spec/ring.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ringmail/runtime/exit_reason.hpp"

namespace ringmail::runtime {

/// The `type` of a FrameKind::signal.
enum class Signal : std::uint32_t {
  stop = 1,     ///< the target is to stop
  monitor,      ///< the sender wants to know of the target's end
  demonitor,    ///< no longer
  down,         ///< the sender, whom the target monitors, has ended: with a reason
  link,         ///< the sender has linked itself to the target
  unlink,       ///< no longer
  exit,         ///< the sender, to whom the target is linked, has ended: with a reason
  acknowledge,  ///< of a peer: its mail is finished up to a position
};

/// At most max_reason_bytes: of a longer chain the end is left out, of a longer text the rest.
inline constexpr std::size_t max_reason_bytes = 1984;  // which the smallest ring of mail takes
std::vector<std::byte> encode(const ExitReason& reason);
/// For a peer: one entry, whose text is that of the whole chain.
std::vector<std::byte> encode_as_line(const ExitReason& reason);
/// Nothing: no encoding of a reason.
std::optional<ExitReason> decode_reason(std::span<const std::byte> bytes);

}  // namespace ringmail::runtime

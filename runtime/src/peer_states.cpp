#include "peer_states.hpp"

#include <algorithm>

namespace ringmail::runtime {
namespace {

using S = PeerState;
using E = PeerEvent;

constexpr PeerTransition transitions[] = {
    {S::opening, E::kept, S::returning},
    {S::opening, E::attached, S::handshaking},  // it has returned
    {S::opening, E::opened, S::starting},
    {S::opening, E::opened_idle, S::awaited},
    {S::opening, E::held, S::delayed},
    {S::opening, E::paused, S::settling},
    {S::opening, E::finished, S::closing},  // stopped before it was opened

    // Each opens the rings, with what was kept in them.
    {S::returning, E::returned, S::opening},
    {S::returning, E::absent, S::opening},
    {S::returning, E::overdue, S::opening},
    {S::returning, E::stop, S::opening},

    {S::awaited, E::attached, S::handshaking},
    {S::awaited, E::stop, S::closing},
    {S::awaited, E::paused, S::settling},

    {S::starting, E::began, S::handshaking},
    {S::starting, E::closed, S::leaving},
    {S::starting, E::refused, S::leaving},
    {S::starting, E::broke, S::killing},
    {S::starting, E::overdue, S::killing},
    {S::starting, E::stop, S::draining},
    {S::starting, E::failed, S::settling},
    {S::starting, E::finished, S::closing},

    {S::handshaking, E::ready, S::running},
    {S::handshaking, E::refused, S::leaving},  // for being overdue as well
    {S::handshaking, E::closed, S::leaving},
    {S::handshaking, E::broke, S::killing},
    {S::handshaking, E::stop, S::draining},
    {S::handshaking, E::failed, S::settling},
    {S::handshaking, E::finished, S::closing},

    {S::running, E::closed, S::leaving},
    {S::running, E::goodbye, S::leaving},
    {S::running, E::hung, S::aborting},
    {S::running, E::broke, S::killing},
    {S::running, E::stop, S::draining},
    {S::running, E::succeed, S::yielding},
    {S::running, E::failed, S::settling},
    {S::running, E::finished, S::closing},

    // The rest of a handshake, the goodbye and the end of the stream are all expected here, under the one deadline.
    {S::draining, E::refused, S::leaving},
    {S::draining, E::broke, S::killing},
    {S::draining, E::overdue, S::terminating},
    {S::draining, E::paused, S::settling},
    {S::draining, E::finished, S::closing},

    // As in draining. It is not stopped: its successor is, when it is there.
    {S::yielding, E::broke, S::killing},
    {S::yielding, E::overdue, S::terminating},
    {S::yielding, E::paused, S::settling},
    {S::yielding, E::finished, S::closing},

    {S::leaving, E::overdue, S::killing},
    {S::leaving, E::broke, S::killing},
    {S::leaving, E::failed, S::settling},
    {S::leaving, E::finished, S::closing},

    {S::aborting, E::overdue, S::killing},
    {S::aborting, E::broke, S::killing},
    {S::aborting, E::failed, S::settling},
    {S::aborting, E::finished, S::closing},

    {S::terminating, E::broke, S::killing},
    {S::terminating, E::overdue, S::killing},
    {S::terminating, E::paused, S::settling},
    {S::terminating, E::finished, S::closing},

    {S::killing, E::overdue, S::killing},  // says so in the log
    {S::killing, E::failed, S::settling},
    {S::killing, E::finished, S::closing},

    {S::settling, E::settled, S::delayed},
    {S::settling, E::finished, S::closing},  // stopped meanwhile

    {S::delayed, E::overdue, S::starting},
    {S::delayed, E::opened_idle, S::awaited},
    {S::delayed, E::stop, S::closing},
    {S::delayed, E::succeed, S::settling},  // whose memory has to be of another kind
    {S::delayed, E::finished, S::closing},

    {S::closing, E::settled, S::ended},
};

}  // namespace

std::span<const PeerTransition> peer_transitions() { return transitions; }

const PeerTransition* find_transition(PeerState from, PeerEvent event) {
  const auto* found = std::ranges::find_if(
      transitions, [&](const PeerTransition& row) { return row.from == from && row.event == event; });
  return found == std::end(transitions) ? nullptr : found;
}

std::string_view to_string(PeerState state) {
  switch (state) {
    case S::opening: return "opening";
    case S::returning: return "returning";
    case S::awaited: return "awaited";
    case S::starting: return "starting";
    case S::handshaking: return "handshaking";
    case S::running: return "running";
    case S::draining: return "draining";
    case S::yielding: return "yielding";
    case S::leaving: return "leaving";
    case S::aborting: return "aborting";
    case S::terminating: return "terminating";
    case S::killing: return "killing";
    case S::settling: return "settling";
    case S::delayed: return "delayed";
    case S::closing: return "closing";
    case S::ended: return "ended";
  }
  return "in no state";
}

}  // namespace ringmail::runtime

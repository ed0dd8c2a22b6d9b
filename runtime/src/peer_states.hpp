// The life of a peer over all of its incarnations, as a table: from which state what leads where.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ringmail::runtime {

enum class PeerState : std::uint8_t {
  opening,      ///< the schedulers take its rings into their poll lists
  returning,    ///< its host was another one, and it is to come back to this one
  awaited,      ///< somebody else starts it, and nobody has attached yet
  starting,     ///< the process runs and has not said anything
  handshaking,  ///< it has begun its hello
  running,      ///< it is ready
  draining,     ///< it was told to stop and reads what was sent before
  yielding,     ///< its successor is there: it was told to stop behind the message in hand
  leaving,      ///< refused, or its stream has ended: it should exit by itself
  aborting,     ///< it hung, and SIGABRT was sent
  terminating,  ///< SIGTERM was sent
  killing,      ///< SIGKILL was sent
  settling,     ///< it is dead: the schedulers settle what it left and turn to the next incarnation
  delayed,      ///< the next incarnation is started in a while
  closing,      ///< it is dead and will not be started again: the schedulers settle the account
  ended,
};

enum class PeerEvent : std::uint8_t {
  kept,         ///< it has been kept for this host
  returned,     ///< and has come
  absent,       ///< it is dead
  opened,       ///< the schedulers have the rings; its process is to be started
  opened_idle,  ///< as `opened`, for a peer that somebody else starts
  held,         ///< as `opened`, for one that is started when its supervisor says so
  attached,     ///< a process that somebody else started has said hello
  began,        ///< the first byte of its hello came
  ready,
  refused,   ///< the handshake came to nothing, and it was told so
  closed,    ///< it closed its stream
  broke,     ///< it wrote something impossible
  hung,      ///< it held a message for too long
  goodbye,   ///< it has drained its mail and exits
  stop,      ///< somebody wants it stopped
  succeed,   ///< another program is to take up from it
  overdue,   ///< the deadline of the state has passed
  failed,    ///< it could not be started, or is dead, and will be started again
  paused,    ///< it was stopped, and its supervisor or its successor takes it from there
  finished,  ///< it could not be started, or is dead, and will not be started again
  settled,   ///< the schedulers are done
};

struct PeerTransition {
  PeerState from;
  PeerEvent event;
  PeerState to;
};

/// What is not in it has no effect, such as a deadline that has passed just before it was taken back.
std::span<const PeerTransition> peer_transitions();

/// Null when `event` has no effect in `from`.
const PeerTransition* find_transition(PeerState from, PeerEvent event);

std::string_view to_string(PeerState state);

}  // namespace ringmail::runtime

#include "ringmail/runtime/peer_status.hpp"

#include <spdlog/fmt/fmt.h>

#include "peer_text.hpp"

namespace ringmail::runtime {

std::string_view to_string(PeerActivity activity) {
  switch (activity) {
    case PeerActivity::down: return "down";
    case PeerActivity::idle: return "idle";
    case PeerActivity::parked: return "parked";
    case PeerActivity::busy: return "busy";
    case PeerActivity::waiting: return "waiting";
    case PeerActivity::blocked: return "blocked";
    case PeerActivity::suspended: return "suspended";
  }
  return "unknown";
}

std::string to_string(const PeerStatus& status) {
  std::string text = status.phase;
  switch (status.activity) {
    case PeerActivity::down: break;
    case PeerActivity::idle: text += ", idle"; break;
    case PeerActivity::parked: text += ", asleep with nothing in hand"; break;
    case PeerActivity::busy: text += ", busy"; break;
    case PeerActivity::waiting: text += ", asleep in a handler"; break;
    case PeerActivity::blocked:
      text += fmt::format(", waits for room in its ring to scheduler {}", status.blocked_on.value_or(0));
      break;
    case PeerActivity::suspended: text += ", " + status.suspended_by; break;
  }
  if (status.in_hand) text += fmt::format("; in hand for {}: {}", text_of(status.held_for), to_string(*status.in_hand));
  if (status.waiting != 0) text += fmt::format("; {} messages not finished", status.waiting);
  if (!status.is_complete) text += "; a scheduler that knows more does not answer";
  if (status.deaths != 0) {
    text += fmt::format("; died {} times, last: {}", status.deaths, to_string(status.last_death));
  }
  return text;
}

}  // namespace ringmail::runtime

// Other peers of the same system: the host makes a lane between two of them, and they talk on it without the host.
#include <utility>

#include "peer_link.hpp"

namespace ringmail::transport {

void PeerLink::introduce(ControlFrame frame) {
  const auto introduce = decode<Introduce>(frame);
  if (!introduce) return;  // none of this version's
  const Introduced answer{.lane = introduce->lane, .text = meet(*introduce, std::move(frame.descriptors))};
  // A stream that has failed says so to whoever reads it.
  static_cast<void>(stream().send(Introduced::kind, encode(answer)));
}

/// Why not, or nothing.
std::string PeerLink::meet(const Introduce& introduce, std::vector<Descriptor> descriptors) {
  if ((link_.welcome().features & introductions) == 0) return "introductions were not agreed on";
  if (introduce.lane != lanes_.size() || introduce.lane >= max_lanes) {
    return "lane " + std::to_string(introduce.lane) + " is not the next of " + std::to_string(lanes_.size());
  }
  auto met = IntroducedLane::join(introduce, std::move(descriptors));
  if (!met) return std::move(met.error());
  PeerLane& lane = lanes_.emplace_back();
  static_cast<Lane&>(lane) = (*met)->lane();
  lane.index = introduce.lane;
  lane.met = std::move(*met);
  if (lanes_.front().stopping) stop_reading(lane);
  return {};
}

void PeerLink::note_presence(const Presence& presence) {
  if (presence.lane >= lanes_.size() || !lanes_[presence.lane].met) return;
  lanes_[presence.lane].other = presence.state;
}

/// Beyond what has been published by now: that is for the next life.
void PeerLink::stop_reading(PeerLane& lane) {
  if (lane.stopping) return;
  lane.stopping = true;
  lane.stop_at = lane.met->end_of_mail();
}

/// The other peer has written the impossible: this link goes on without that lane, and the host is told.
int PeerLink::cut(PeerLane& lane, const char* why) {
  lane.broken = true;
  const Introduced answer{.lane = lane.index, .text = "'" + lane.met->name() + "' broke the protocol: " + why};
  static_cast<void>(stream().send(Introduced::kind, encode(answer)));
  return 0;
}

int PeerLink::is_cut_off(PeerLane& lane) {
  lane.short_of_room = false;  // an event loop knows it now
  return fail(RINGMAIL_ENOTFOUND, "the peer '%s' %s", lane.met->name().c_str(),
              lane.broken ? "broke the protocol" : "has ended");
}

/// Between two peers rings outlive them, and so do answers to whoever is dead.
bool PeerLink::is_for_this_life(const PeerLane& lane, std::uint32_t correlation) const {
  return !lane.met || (correlation & (0x7fu << 24)) == life();
}

/// Where a mailbox of this process's is named in frames of that lane: a peer itself is 0.
std::uint64_t PeerLink::on_wire(const PeerLane& lane, ringmail_mailbox mailbox) const {
  return accepted_ ? 0 : lane.met ? mailbox_on(0, mailbox) : mailbox;
}

}  // namespace ringmail::transport

#include "kept_peer.hpp"

#include <csignal>
#include <utility>

namespace ringmail::runtime {

std::expected<KeptPeer, std::string> KeptPeer::of(KeptItem item) {
  auto note = KeptNote::decode(item.note);
  if (!note) return std::unexpected("another version has written of it");
  KeptPeer peer;
  if (note->has_output && item.descriptors.size() >= 2) {
    peer.err = std::move(item.descriptors.back());
    item.descriptors.pop_back();
    peer.out = std::move(item.descriptors.back());
    item.descriptors.pop_back();
  }
  auto link = transport::KeptLink::open(note->layout, std::move(item.descriptors));
  if (!link) return std::unexpected("its memory: " + to_string(link.error()));
  peer.note = std::move(*note);
  peer.link = std::move(*link);
  peer.pid = item.pid;
  peer.process = std::move(item.process);
  peer.time = item.time;
  return peer;
}

void KeptPeer::end() const {
  // While the process is there its number is nobody else's.
  if (process && transport::signal_watched(process.get(), SIGKILL)) ::kill(-pid, SIGKILL);
}

}  // namespace ringmail::runtime

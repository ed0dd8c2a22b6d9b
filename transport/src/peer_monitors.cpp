// Which actors of the host a peer monitors, and what it is told of their ends.
#include <cstring>

#include "peer_link.hpp"

namespace ringmail::transport {
namespace {

constexpr std::size_t most_monitors = 1024;

}  // namespace

int PeerLink::monitor(ringmail_mailbox target, std::int64_t timeout_ns, std::uint64_t& monitor) {
  if (is_forked()) return RINGMAIL_EFORKED;
  if (closed_) return RINGMAIL_ECLOSED;
  const PeerLane* const lane = lane_to(target);
  if (accepted_ || (lane != nullptr && lane->met))
    return fail(RINGMAIL_EREFUSED, "there are no monitors between two peers");
  if ((link_.welcome().features & transport::monitors) == 0) return fail(RINGMAIL_EREFUSED, "the host has no monitors");
  if (lane == nullptr) return fail(RINGMAIL_ENOTFOUND, "there is no such mailbox");
  // The host would end the link.
  if (monitors_.size() == most_monitors)
    return fail(RINGMAIL_EMISUSE, "a peer has %zu monitors at most", most_monitors);
  // No number of an earlier incarnation, whose downs may come yet.
  std::uint64_t number = 0;
  do {
    number = incarnation() << 32 | ++monitor_;
  } while (monitors_.contains(number));
  const auto entry = monitors_.emplace(number, target).first;
  if (const int result = loan_signal(target, timeout_ns); result != 0) {
    monitors_.erase(entry);
    return result;
  }
  monitor = number;
  return publish_loan({.kind = FrameKind::signal, .type = signal_monitor, .sender = number});
}

int PeerLink::demonitor(std::uint64_t monitor, std::int64_t timeout_ns) {
  if (is_forked()) return RINGMAIL_EFORKED;
  if (closed_) return RINGMAIL_ECLOSED;
  const auto found = monitors_.find(monitor);
  if (found == monitors_.end()) return fail(RINGMAIL_ENOTFOUND, "there is no such monitor");
  if (const int result = loan_signal(found->second, timeout_ns); result != 0) return result;
  monitors_.erase(found);
  return publish_loan({.kind = FrameKind::signal, .type = signal_demonitor, .sender = monitor});
}

/// Its payload is u32 kind, i32 code, i32 signal, u32 length, and so much text.
int PeerLink::describe_down(ringmail_message& message) {
  constexpr std::uint32_t head_bytes = 16;
  std::uint32_t words[head_bytes / sizeof(std::uint32_t)];
  if (message.length < head_bytes) return fail(RINGMAIL_EPROTOCOL, "the host sent an exit reason that is none");
  std::memcpy(words, message.payload, head_bytes);
  if (words[3] > message.length - head_bytes)
    return fail(RINGMAIL_EPROTOCOL, "the host sent an exit reason that is none");
  message.type = words[0];
  message.payload = static_cast<const std::byte*>(message.payload) + head_bytes;
  message.length = words[3];
  return 1;
}

}  // namespace ringmail::transport

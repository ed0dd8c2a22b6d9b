#include "ringmail/transport/carry.hpp"

#include <bit>
#include <cstring>

namespace ringmail::transport {

void LeftFrames::leave_out_first() {
  const auto commit =
      std::bit_cast<CommitWord>(detail::word_at(data, where.first & (capacity - 1)).load(std::memory_order_relaxed));
  where.first += frame_bytes(commit.length);
  --where.messages;
}

std::expected<std::vector<CarriedFrame>, RingFault> carry(const LeftFrames& left, RingProducer& to) {
  std::vector<CarriedFrame> carried;
  std::uint64_t at = left.where.first;
  while (at < left.where.tail) {
    const std::uint64_t offset = at & (left.capacity - 1);
    // Relaxed, as all below: whoever wrote it is dead, or waits to be told that this is done. Once each, and the local is judged.
    const auto read = [&](std::uint64_t behind) {
      return detail::word_at(left.data, offset + behind).load(std::memory_order_relaxed);
    };
    const auto commit = std::bit_cast<CommitWord>(read(offsetof(FrameHeader, commit)));
    const std::uint64_t bytes = frame_bytes(commit.length);
    if (bytes > left.capacity / 2) return std::unexpected(RingFault::frame_too_long);
    if (offset + bytes > left.capacity) return std::unexpected(RingFault::frame_past_end);
    if (commit.kind != FrameKind::padding) {
      if (commit.length > to.max_payload()) return std::unexpected(RingFault::frame_too_long);
      std::byte* const room = to.try_loan(commit.length);
      if (room == nullptr) return std::unexpected(RingFault::frame_too_long);
      std::memcpy(room, left.data + offset + sizeof(FrameHeader), commit.length);
      to.commit({.kind = commit.kind,
                 .type = static_cast<std::uint32_t>(read(offsetof(FrameHeader, type))),
                 .correlation = 0,
                 .target = read(offsetof(FrameHeader, target)),
                 .sender = read(offsetof(FrameHeader, sender))});
      carried.push_back({.from = at, .end = to.end(), .next_sequence = to.sequence()});
    }
    at += bytes;
  }
  return carried;
}

}  // namespace ringmail::transport

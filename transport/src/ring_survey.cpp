#include "ringmail/transport/ring_survey.hpp"

#include <bit>

namespace ringmail::transport {

std::optional<RingSurvey> survey(const std::byte* data, std::uint64_t capacity, const ConsumerBlock& consumer) {
  RingSurvey found;
  // SYNC(cursor): with RingConsumer::store_cursor; the sequence that is read behind it is this cursor's, or a later one's.
  found.cursor = consumer.cursor.load(std::memory_order_acquire);
  // Relaxed: ordered by the cursor. It counts only where there is no frame at the cursor: then the consumer is at the tail, which
  // does not move while one of the two is dead, or moves by a frame that is then found.
  const std::uint16_t stored = static_cast<std::uint16_t>(consumer.sequence.load(std::memory_order_relaxed));
  if (found.cursor % line_bytes != 0) return std::nullopt;
  std::optional<std::uint16_t> sequence;
  std::uint64_t at = found.cursor;
  while (at - found.cursor < capacity) {
    const std::uint64_t offset = at & (capacity - 1);
    // SYNC(frame): with RingProducer::publish.
    const std::uint64_t word = detail::word_at(data, offset).load(std::memory_order_acquire);
    if (word == 0) break;
    const auto commit = std::bit_cast<CommitWord>(word);
    const std::uint64_t bytes = frame_bytes(commit.length);
    const bool known = commit.kind >= FrameKind::padding && commit.kind <= FrameKind::last_between_processes;
    if (!known || bytes > capacity / 2 || offset + bytes > capacity) return std::nullopt;
    if (sequence && commit.sequence != *sequence) return std::nullopt;
    if (!sequence) found.sequence = commit.sequence;
    if (commit.kind != FrameKind::padding && found.messages++ == 0) found.first = at;
    sequence = static_cast<std::uint16_t>(commit.sequence + 1);
    at += bytes;
  }
  // A ring always has room for a terminator.
  if (at - found.cursor >= capacity) return std::nullopt;
  if (!sequence) found.sequence = stored;
  found.tail = at;
  found.tail_sequence = sequence.value_or(stored);
  if (found.messages == 0) found.first = at;
  return found;
}

}  // namespace ringmail::transport

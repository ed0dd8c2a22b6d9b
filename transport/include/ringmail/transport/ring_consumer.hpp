// The reading side of a ring: peek, begin, advance, store the cursor. The invariants stand in ring.hpp.
#pragma once

#include <algorithm>
#include <bit>
#include <cassert>
#include <optional>

#include "ringmail/transport/ring.hpp"

namespace ringmail::transport {

/// Which kinds of frame a ring may carry.
enum class RingKind : std::uint8_t { between_processes, local };

class RingConsumer {
 public:
  RingConsumer() = default;

  /// Starts where `memory.own` says: at position 0 of a new ring, or where the last incarnation's cursor stood.
  explicit RingConsumer(const ConsumerMemory& memory, RingKind kind = RingKind::between_processes)
      : memory_(memory),
        mask_(memory.capacity - 1),
        position_(memory.own->cursor.load(std::memory_order_relaxed)),
        stored_(position_),
        resume_tail_(memory.own->resume_tail),
        attempt_(memory.own->attempt),
        sequence_(static_cast<std::uint16_t>(memory.own->resume_sequence)),
        last_kind_(kind == RingKind::local ? FrameKind::local_control : FrameKind::last_between_processes) {
    assert(std::has_single_bit(memory.capacity) && memory.capacity >= page_bytes);
    assert(position_ % line_bytes == 0);
  }

  /// Before it reads: takes what stands before `position` for read, and not for finished. See finish_through().
  void start_behind(std::uint64_t position, std::uint16_t sequence) {
    position_ = position;
    sequence_ = sequence;
  }

  /// As RingProducer::order(): for the cursors that this side stores.
  void order(Ordering ordering) { ordering_ = ordering; }

  /// Whether there is nothing to read: one load of the word that the producer will write next.
  bool empty() const { return detail::word_at(memory_.data, position_ & mask_).load(std::memory_order_seq_cst) == 0; }

  /// The next frame, or none: nothing there, or fault() says what is wrong with it. The same frame until advance(), if its
  /// writer leaves it alone; each time it is read anew and checked anew. A value, so that what its user does not look at
  /// is not copied.
  std::optional<Frame> peek() {
    while (true) {
      const std::uint64_t offset = position_ & mask_;
      // SYNC(frame): with the store in RingProducer::publish. C1: the only load of this word.
      // SYNC(park): sequentially consistent for the poll between marking the park word and sleeping.
      const std::uint64_t word = detail::word_at(memory_.data, offset).load(std::memory_order_seq_cst);
      if (word == 0 || fault_ != RingFault::none) return std::nullopt;
      const auto commit = std::bit_cast<CommitWord>(word);
      const std::uint64_t bytes = frame_bytes(commit.length);
      const RingFault fault = check(commit, offset, bytes);
      if (fault != RingFault::none) [[unlikely]] {
        fault_ = fault;
        return std::nullopt;
      }
      bytes_ = bytes;
      if (commit.kind == FrameKind::padding) [[unlikely]] {
        step();
        continue;
      }
      const std::uint64_t type_and_correlation = load(offset + offsetof(FrameHeader, type));
      return Frame{.head = {.kind = commit.kind,
                            .type = static_cast<std::uint32_t>(type_and_correlation),
                            .correlation = static_cast<std::uint32_t>(type_and_correlation >> 32),
                            .target = load(offset + offsetof(FrameHeader, target)),
                            .sender = load(offset + offsetof(FrameHeader, sender))},
                   .payload = memory_.data + offset + sizeof(FrameHeader),
                   .length = commit.length,
                   .position = position_};
    }
  }

  /// Says which frame a handler is about to work on, for whoever asks after a hang or a death.
  void begin() {
    // Relaxed: read only by the host, for a report or once this process is dead.
    memory_.own->in_hand.store(position_ + 1, std::memory_order_relaxed);
  }

  /// Past the frame that peek() gave. Its payload may be read until the cursor is stored.
  void advance() {
    step();
    attempt_ = 0;
  }

  /// How many frames, from the one that peek() gave on, lie one behind the other and are like it, in head and length: 1 to `most`,
  /// and no more than a quarter of the ring, for which no producer need wait. None at `end` or behind it is looked at.
  std::uint32_t count_alike(std::uint32_t most, std::uint64_t end) const {
    RingConsumer ahead = *this;
    const auto first = ahead.peek();
    if (!first) return 1;
    const auto limit = static_cast<std::uint32_t>(std::min<std::uint64_t>(most, memory_.capacity / 4 / bytes_));
    std::uint32_t count = 1;
    for (; count < limit; ++count) {
      ahead.advance();
      if (ahead.position_ >= end) break;
      const auto next = ahead.peek();
      if (!next || next->payload != first->payload + count * bytes_ || next->length != first->length) break;
      if (next->head.kind != first->head.kind || next->head.type != first->head.type) break;
      if (next->head.target != first->head.target || next->head.sender != first->head.sender) break;
      if (next->head.correlation != first->head.correlation) break;
    }
    return count;
  }
  /// Past so many that count_alike() has counted.
  void advance_alike(std::uint32_t count) {
    position_ += bytes_ * count;
    sequence_ = static_cast<std::uint16_t>(sequence_ + count);
    attempt_ = 0;
  }

  /// A cursor is due when a quarter of the ring has been finished since the last; so a producer that waits for room and
  /// a consumer that never runs dry meet. In the stretch that a dead predecessor may have seen, after every message.
  bool cursor_due() const {
    return position_ - stored_ >= memory_.capacity / 4 || (position_ <= resume_tail_ && position_ != stored_);
  }

  /// Stores the cursor if it moved. True: the producer sleeps until there is room, and must be rung.
  bool store_cursor() {
    if (stored_ == position_) return false;
    stored_ = position_;
    // Relaxed: ordered by the cursor. On its line, so that it costs nothing.
    memory_.own->sequence.store(sequence_, std::memory_order_relaxed);
    // SYNC(cursor): with the loads in RingProducer: refresh_cursor, freeze_consumer. C2.
    // SYNC(want): ordered before the load of `want`; with RingProducer::want_room.
    store_before_loads(memory_.own->cursor, position_, ordering_);
    return memory_.other->want.load(std::memory_order_seq_cst) != 0;
  }

  /// As store_cursor(), where frames are finished later than they are read: up to `position`, where the frame with `sequence` starts.
  bool finish_through(std::uint64_t position, std::uint16_t sequence) {
    if (stored_ == position) return false;
    stored_ = position;
    // Relaxed, and then ordered: as in store_cursor().
    memory_.own->sequence.store(sequence, std::memory_order_relaxed);
    store_before_loads(memory_.own->cursor, position, ordering_);
    return memory_.other->want.load(std::memory_order_seq_cst) != 0;
  }

  /// Marks this ring as polled only when bit `mark - 1` of the pending set is set; 0 unmarks it. Poll once more after
  /// marking.
  void mark_cold(std::uint32_t mark) {
    // SYNC(cold): ordered before the poll that follows; with RingProducer::cold_mark.
    memory_.own->cold.store(mark, std::memory_order_seq_cst);
  }

  const ConsumerMemory& memory() const { return memory_; }
  RingFault fault() const { return fault_; }
  std::uint64_t position() const { return position_; }
  std::uint16_t sequence() const { return sequence_; }  ///< of the frame at position()
  /// Behind so many frames alike, from the one that peek() gave on.
  std::uint64_t position_behind(std::uint32_t count) const { return position_ + bytes_ * count; }
  bool redelivers() const { return position_ < resume_tail_; }  ///< a predecessor may have seen the frame at position()
  /// How many predecessors died with the frame at position() in hand.
  std::uint32_t attempt() const { return attempt_; }

 private:
  void step() {
    position_ += bytes_;
    ++sequence_;
  }

  RingFault check(const CommitWord& commit, std::uint64_t offset, std::uint64_t bytes) const {
    if (commit.sequence != sequence_) return RingFault::sequence_gap;
    if (commit.kind < FrameKind::padding || commit.kind > last_kind_) return RingFault::unknown_kind;
    if (commit.kind > FrameKind::last_between_processes && commit.kind < FrameKind::local)
      return RingFault::unknown_kind;
    if (bytes > memory_.capacity / 2) return RingFault::frame_too_long;
    if (offset + bytes > memory_.capacity) return RingFault::frame_past_end;
    if (commit.kind == FrameKind::padding && offset + bytes != memory_.capacity) return RingFault::padding_length;
    return RingFault::none;
  }

  // Relaxed: ordered after the acquire of the commit word. Atomic, so that one load it stays.
  std::uint64_t load(std::uint64_t offset) const {
    return detail::word_at(memory_.data, offset).load(std::memory_order_relaxed);
  }

  ConsumerMemory memory_;
  std::uint64_t mask_ = 0;
  std::uint64_t position_ = 0;
  std::uint64_t stored_ = 0;  // the cursor as last stored
  std::uint64_t resume_tail_ = 0;
  std::uint32_t attempt_ = 0;
  std::uint64_t bytes_ = 0;  // of the frame at position_, once peeked
  std::uint16_t sequence_ = 0;
  FrameKind last_kind_ = FrameKind::last_between_processes;
  RingFault fault_ = RingFault::none;
  Ordering ordering_ = Ordering::sequential;
};

}  // namespace ringmail::transport

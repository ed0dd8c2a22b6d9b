// The writing side of a ring: loan, commit, publish. The invariants stand in ring.hpp.
#pragma once

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <optional>

#include "ringmail/transport/ring.hpp"
#include "ringmail/transport/ring_survey.hpp"

namespace ringmail::transport {

class RingProducer {
 public:
  RingProducer() = default;
  /// Starts where `memory.own` says: at position 0 of a new ring, or behind what the host has put there.
  explicit RingProducer(const ProducerMemory& memory)
      : memory_(memory),
        mask_(memory.capacity - 1),
        tail_(memory.own->start),
        next_(tail_),
        zeroed_(tail_),
        messages_(memory.own->start_messages),
        published_messages_(messages_),
        sequence_(memory.own->start_sequence) {
    assert(std::has_single_bit(memory.capacity) && memory.capacity >= page_bytes);
    assert(tail_ % line_bytes == 0);
  }

  /// Goes on where a dead producer has left off.
  RingProducer(const ProducerMemory& memory, const RingSurvey& left) : RingProducer(memory) {
    tail_ = next_ = zeroed_ = left.tail;
    cursor_ = left.cursor;
    sequence_ = left.tail_sequence;
  }

  /// Sequential unless said otherwise. Asymmetric only when this process is registered and the consumer's barriers come.
  void order(Ordering ordering) { ordering_ = ordering; }

  /// The largest payload: the largest frame is half a ring, so an empty ring always accepts it.
  std::uint32_t max_payload() const { return max_payload_of(memory_.capacity); }
  static std::uint32_t max_payload_of(std::uint64_t capacity) {
    return static_cast<std::uint32_t>(capacity / 2 - sizeof(FrameHeader));
  }

  /// Room for a payload of `length` bytes, or null while the ring is too full for it (or the consumer is at fault).
  /// Precondition: no loan is open, length <= max_payload(). The room is aligned to 32 bytes and holds old bytes.
  std::byte* try_loan(std::uint32_t length) {
    assert(!loaned_ && length <= max_payload());
    const std::uint64_t frame = frame_bytes(length);
    const std::uint64_t to_end = memory_.capacity - (next_ & mask_);
    const std::uint64_t padding = frame <= to_end ? 0 : to_end;
    const std::uint64_t end = next_ + padding + frame + line_bytes;
    if (end - cursor_ > memory_.capacity) [[unlikely]] {
      if (!refresh_cursor() || end - cursor_ > memory_.capacity) return nullptr;
    }
    loaned_ = true;
    padding_ = padding;
    length_ = length;
    return memory_.data + ((next_ + padding) & mask_) + sizeof(FrameHeader);
  }

  /// Gives the open loan back, nothing of it having been seen.
  void cancel() {
    assert(loaned_);
    loaned_ = false;
    // What was written to the loan may lie over terminators; the first line's word is not part of a loan.
    zeroed_ = next_;
  }

  /// The loaned frame joins the open batch. Nobody sees it until publish().
  void commit(const FrameHead& head) {
    assert(loaned_ && head.kind != FrameKind::padding);
    loaned_ = false;
    if (padding_ != 0) {
      append({.kind = FrameKind::padding}, static_cast<std::uint32_t>(padding_ - sizeof(FrameHeader)), padding_);
    }
    append(head, length_, frame_bytes(length_));
    ++messages_;
  }

  bool has_open_batch() const { return next_ != tail_; }

  /// Publishes the open batch with one store: all of it or, if this process dies before, none. Returns whether there
  /// was one; then the consumer must be rung.
  bool publish() {
    if (next_ == tail_) return false;
    // P1. Relaxed: ordered by the release of the commit word.
    if (zeroed_ <= next_) write_terminator(next_);
    // SYNC(frame): with the acquire load in RingConsumer::peek; everything written to the batch is visible to who sees
    // it.
    // SYNC(park): ordered before the load of the consumer's park word and cold mark.
    store_before_loads(detail::word_at(memory_.data, tail_ & mask_), first_commit_, ordering_);
    tail_ = next_;
    published_messages_ = messages_;
    if (!loaned_) write_terminators_ahead();
    return true;
  }

  /// Tells the consumer that this producer sleeps until the cursor moves (false: no longer). After `true`, look whether
  /// the loan still fails before sleeping.
  void want_room(bool want) {
    // SYNC(want): ordered before the load of the cursor in try_loan; with RingConsumer::store_cursor.
    memory_.own->want.store(want ? 1 : 0, std::memory_order_seq_cst);
  }

  /// Whether the consumer has finished more than when the ring last looked full. For who waits for room.
  bool cursor_moved() const { return memory_.other->cursor.load(std::memory_order_seq_cst) != cursor_; }

  /// What the consumer is marked as: 0, or 1 + the bit to set in its pending set. SYNC(cold)
  std::uint32_t cold_mark() const { return memory_.other->cold.load(std::memory_order_seq_cst); }

  RingFault fault() const { return fault_; }
  std::uint64_t capacity() const { return memory_.capacity; }
  std::uint64_t tail() const { return tail_; }      ///< position of the end of what is published
  std::uint64_t end() const { return next_; }       ///< and of the open batch
  std::uint64_t cursor() const { return cursor_; }  ///< as last read
  std::uint64_t published_messages() const { return published_messages_; }
  std::uint16_t sequence() const { return static_cast<std::uint16_t>(sequence_); }  ///< of the next frame

  /// Reads the consumer's cursor and checks it. False: it is at fault, and so is every later loan that needs room.
  bool refresh_cursor() {
    if (fault_ != RingFault::none) return false;
    // SYNC(cursor): with the store in RingConsumer::store_cursor; what was read before it may be overwritten after
    // this.
    const std::uint64_t cursor = memory_.other->cursor.load(std::memory_order_seq_cst);
    fault_ = cursor % line_bytes != 0 ? RingFault::cursor_unaligned
             : cursor < cursor_       ? RingFault::cursor_backwards
             : cursor > tail_         ? RingFault::cursor_past_tail
                                      : RingFault::none;
    if (fault_ != RingFault::none) return false;
    cursor_ = cursor;
    return true;
  }

  /// What the consumer has not finished, by its cursor as it now stands. Reads this producer's own frames from the last
  /// cursor known to be good, so a cursor that is not on a frame boundary is found out: then fault() says so, and the
  /// last good cursor counts. Precondition: no open batch.
  struct Unfinished {
    std::uint64_t cursor = 0;  ///< where the first message starts, behind its padding; the tail if there is none
    std::uint64_t messages = 0;
    std::uint16_t sequence = 0;  ///< of the frame at the cursor
    /// Of these the one that the consumer says it has in hand, if it says so of one. Its payload stands until this writes again.
    std::optional<Frame> in_hand = {};
  };
  /// `acknowledged`: what counts as finished whatever the cursor says. acknowledged.hpp
  Unfinished unfinished(std::uint64_t acknowledged = 0) {
    assert(!has_open_batch());
    const std::uint64_t known = cursor_;
    refresh_cursor();
    if (const auto found = frames_from(known, std::max(cursor_, acknowledged))) return *found;
    // Either this cursor or, checked for all but this, an earlier one lies inside a frame. From an earlier one nothing
    // can be read any more: what it passed over has been overwritten since.
    fault_ = RingFault::cursor_unaligned;
    const auto found = frames_from(known, std::max(known, acknowledged));
    cursor_ = found ? known : tail_;
    return found ? *found : Unfinished{.cursor = tail_, .sequence = static_cast<std::uint16_t>(sequence_)};
  }

  /// Each frame of those that unfinished(), called just before, has `found`. What it is given is good during the call.
  template <class Each>
  void each_unfinished(const Unfinished& found, Each&& each) const {
    for (std::uint64_t at = found.cursor; at < tail_;) {
      // Relaxed: this thread wrote it.
      const auto commit =
          std::bit_cast<CommitWord>(detail::word_at(memory_.data, at & mask_).load(std::memory_order_relaxed));
      if (commit.kind != FrameKind::padding) each(frame_at(at, commit));
      at += frame_bytes(commit.length);
    }
  }

  /// Whether a frame starts at `position`, or what is published ends there. At `from` one does; neither lies before cursor().
  bool is_boundary(std::uint64_t position, std::uint64_t from) const {
    while (from < position) {
      // Relaxed: this thread wrote it.
      const std::uint64_t word = detail::word_at(memory_.data, from & mask_).load(std::memory_order_relaxed);
      from += frame_bytes(std::bit_cast<CommitWord>(word).length);
    }
    return from == position;
  }

  /// Position of the frame that the consumer's handler worked on last, or a position that no frame has. For reports: it
  /// is the consumer's word, unchecked.
  std::uint64_t in_hand() const { return memory_.other->in_hand.load(std::memory_order_relaxed) - 1; }

  /// Leaves out `last`, which is that of unfinished(), and all before it: the next consumer starts behind. Precondition: this one runs
  /// no more.
  Unfinished leave_out_through(const Frame& last) {
    cursor_ = last.position + frame_bytes(last.length);
    const auto rest = frames_from(cursor_, cursor_);
    return rest ? *rest : Unfinished{.cursor = tail_, .sequence = static_cast<std::uint16_t>(sequence_)};
  }

  /// Whoever read here is dead, or is taken for dead: what his block says now is kept in `said`, and counts until switch_consumer(),
  /// whatever is written there later.
  void freeze_consumer(ConsumerBlock& said) {
    // SYNC(cursor): what he had sent when he stored it is seen by who looks after this.
    said.cursor.store(memory_.other->cursor.load(std::memory_order_acquire), std::memory_order_relaxed);
    said.in_hand.store(memory_.other->in_hand.load(std::memory_order_relaxed), std::memory_order_relaxed);
    memory_.other = &said;
  }

  /// Goes on towards another consumer, whose block starts with the cursor and the sequence of unfinished(). A fault of
  /// the one before is forgotten with it.
  void switch_consumer(const ConsumerBlock* other) {
    memory_.other = other;
    fault_ = RingFault::none;
  }

 private:
  /// Counts from `cursor` on, reading frame by frame from `from` to the tail; nothing if either is not where a frame
  /// starts.
  std::optional<Unfinished> frames_from(std::uint64_t from, std::uint64_t cursor) const {
    Unfinished found{.cursor = cursor, .sequence = static_cast<std::uint16_t>(sequence_)};
    const std::uint64_t said = in_hand();
    std::optional<std::uint16_t> sequence;
    bool on_boundary = cursor == tail_;
    std::uint64_t at = from;
    while (at < tail_) {
      // Relaxed: this thread wrote it.
      const auto frame =
          std::bit_cast<CommitWord>(detail::word_at(memory_.data, at & mask_).load(std::memory_order_relaxed));
      if (sequence && frame.sequence != *sequence) return std::nullopt;
      sequence = static_cast<std::uint16_t>(frame.sequence + 1);
      if (at == cursor) on_boundary = true;
      if (at >= cursor && frame.kind != FrameKind::padding && found.messages++ == 0) {
        found.cursor = at;
        found.sequence = frame.sequence;
      }
      if (at >= cursor && at == said && frame.kind != FrameKind::padding) found.in_hand = frame_at(at, frame);
      at += frame_bytes(frame.length);
    }
    if (at != tail_ || !on_boundary) return std::nullopt;
    if (sequence && *sequence != static_cast<std::uint16_t>(sequence_)) return std::nullopt;
    return found;
  }

  Frame frame_at(std::uint64_t position, const CommitWord& commit) const {
    const std::byte* const frame = memory_.data + (position & mask_);
    // Relaxed, all of them: this thread wrote it.
    const auto read = [frame](std::uint64_t at) { return detail::word_at(frame, at).load(std::memory_order_relaxed); };
    const std::uint64_t type_and_correlation = read(offsetof(FrameHeader, type));
    return {.head = {.kind = commit.kind,
                     .type = static_cast<std::uint32_t>(type_and_correlation),
                     .correlation = static_cast<std::uint32_t>(type_and_correlation >> 32),
                     .target = read(offsetof(FrameHeader, target)),
                     .sender = read(offsetof(FrameHeader, sender))},
            .payload = frame + sizeof(FrameHeader),
            .length = commit.length,
            .position = position};
  }

  void append(const FrameHead& head, std::uint32_t length, std::uint64_t bytes) {
    std::byte* const frame = memory_.data + (next_ & mask_);
    const CommitWord commit{.length = length, .kind = head.kind, .sequence = static_cast<std::uint16_t>(sequence_++)};
    // Relaxed, all of them: ordered by the release of the batch's first commit word. P4
    const auto write = [frame](std::uint64_t at, std::uint64_t word) {
      detail::word_at(frame, at).store(word, std::memory_order_relaxed);
    };
    write(offsetof(FrameHeader, type), head.type | std::uint64_t{head.correlation} << 32);
    write(offsetof(FrameHeader, target), head.target);
    write(offsetof(FrameHeader, sender), head.sender);
    if (next_ == tail_) {
      first_commit_ = std::bit_cast<std::uint64_t>(commit);
    } else {
      write(offsetof(FrameHeader, commit), std::bit_cast<std::uint64_t>(commit));
    }
    next_ += bytes;
  }

  /// The consumer read these lines a lap ago, so they have to come from its cache: now, while nobody waits for it, and not
  /// between a frame and its commit word. P2
  void write_terminators_ahead() {
    while (zeroed_ <= tail_ + lines_ahead * line_bytes && zeroed_ + line_bytes - cursor_ <= memory_.capacity) {
      write_terminator(zeroed_);
    }
  }

  void write_terminator(std::uint64_t position) {
    detail::word_at(memory_.data, position & mask_).store(0, std::memory_order_relaxed);
    zeroed_ = position + line_bytes;
  }

  static constexpr std::uint64_t lines_ahead = 4;

  ProducerMemory memory_;
  std::uint64_t mask_ = 0;
  std::uint64_t tail_ = 0;      // end of what is published
  std::uint64_t next_ = 0;      // end of the open batch
  std::uint64_t zeroed_ = 0;    // if beyond next_: the first word of every line from next_ to here is 0
  std::uint64_t cursor_ = 0;    // as last read: the consumer has finished at least this much
  std::uint64_t messages_ = 0;  // committed, padding not counted
  std::uint64_t published_messages_ = 0;
  std::uint64_t first_commit_ = 0;  // of the open batch
  std::uint64_t padding_ = 0;       // of the open loan
  std::uint32_t length_ = 0;        // of the open loan
  std::uint32_t sequence_ = 0;
  RingFault fault_ = RingFault::none;
  Ordering ordering_ = Ordering::sequential;
  bool loaned_ = false;
};

}  // namespace ringmail::transport

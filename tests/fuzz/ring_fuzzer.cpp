// What lies in a ring is another process's to write, at any time: whatever it is, each end reads and writes inside its own
// memory alone, comes back, and says what is wrong once and for ever.
//
// The input is a program. One half of it is the other side, which writes any word of what it may write; the other half
// are calls of the side that is looked at, which keeps to what its header asks of it.
#include <algorithm>
#include <bit>
#include <new>
#include <utility>

#include "attacked_ring.hpp"
#include "ringmail/transport/ring_consumer.hpp"
#include "ringmail/transport/ring_producer.hpp"

namespace {

using namespace ringmail::fuzz;

/// A producer without manners against a consumer.
class AttackedConsumer {
 public:
  AttackedConsumer(Input& input, std::uint64_t capacity, bool at_end)
      : input_(input),
        memory_(capacity, at_end),
        ring_(
            ConsumerMemory{
                .data = memory_.data.data(), .capacity = capacity, .other = memory_.producer, .own = memory_.consumer},
            input.below(4) == 0 ? RingKind::local : RingKind::between_processes) {}

  void step() {
    switch (input_.below(8)) {
      case 0:
      case 1:
      case 2: write_frame(); break;
      case 3: word(input_.below(memory_.data.size())) = input_.take<std::uint64_t>(); break;
      case 4: memory_.producer->want = input_.take<std::uint32_t>(); break;
      case 5: ring_.store_cursor(); break;
      default: take(); break;
    }
  }

 private:
  std::atomic<std::uint64_t>& word(std::uint64_t position) {
    return detail::word_at(memory_.data.data(), position & (memory_.data.size() - 1) & ~std::uint64_t{7});
  }

  /// One that could be in order, at the place that is read next or further on.
  void write_frame() {
    const std::uint64_t position = ring_.position() + (input_.below(4) == 0 ? line_bytes * input_.below(64) : ahead_);
    const std::uint64_t to_end = memory_.data.size() - (position & (memory_.data.size() - 1));
    const bool padding = input_.below(4) == 0;
    const std::uint64_t length =
        padding ? to_end - sizeof(FrameHeader) : input_.below(input_.below(4) == 0 ? 65536 : 200);
    const CommitWord commit{
        .length = static_cast<std::uint32_t>(input_.below(8) == 0 ? odd(input_, length) : length),
        .kind = padding ? FrameKind::padding
                        : static_cast<FrameKind>(input_.below(8) == 0 ? input_.take<std::uint16_t>() : 2),
        .sequence = static_cast<std::uint16_t>(input_.below(16) == 0 ? odd(input_, sequence_) : sequence_)};
    word(position) = std::bit_cast<std::uint64_t>(commit);
    ++sequence_;
    ahead_ += frame_bytes(commit.length);
  }

  void take() {
    const std::uint64_t before = ring_.position();
    const auto frame = ring_.peek();
    // Padding is never followed by padding, so this is as far as one look may come.
    check(ring_.position() - before <= memory_.data.size() / 2);
    if (ring_.position() != before) {
      check(ring_.position() % memory_.data.size() == 0);
      ++taken_;
    }
    if (is_faulted_) check(!frame && ring_.fault() == fault_ && ring_.position() == before);
    is_faulted_ = ring_.fault() != RingFault::none;
    fault_ = ring_.fault();
    if (!frame) {
      ahead_ = 0;
      return;
    }
    check(!is_faulted_);
    check(frame->payload >= memory_.data.data() + sizeof(FrameHeader));
    check(frame->payload + frame->length <= memory_.data.data() + memory_.data.size());
    check(frame->head.kind != FrameKind::padding);
    check(std::bit_cast<CommitWord>(word(ring_.position()).load()).sequence == taken_++);
    // As a runtime does: taken out first.
    static std::byte copy[1 << 16];
    std::memcpy(copy, frame->payload, frame->length);
    ring_.begin();
    const std::uint64_t at = ring_.position();
    ring_.advance();
    check(ring_.position() == at + frame_bytes(frame->length));
    ahead_ -= std::min(ahead_, ring_.position() - before);
    if (ring_.cursor_due()) ring_.store_cursor();
    check(memory_.consumer->cursor <= ring_.position() && memory_.consumer->cursor % line_bytes == 0);
  }

  Input& input_;
  Memory memory_;
  RingConsumer ring_;
  std::uint64_t ahead_ = 0;  // of the consumer: where the next frame goes
  std::uint64_t sequence_ = 0;
  std::uint16_t taken_ = 0;  // frames, padding included
  RingFault fault_ = RingFault::none;
  bool is_faulted_ = false;
};

/// A consumer without manners against a producer.
class AttackedProducer {
 public:
  AttackedProducer(Input& input, std::uint64_t capacity, bool at_end)
      : input_(input), memory_(capacity, at_end), ring_(producer_memory()) {}

  void step() {
    switch (input_.below(10)) {
      case 0:
      case 1: lie(); break;
      case 2: good_cursor(); break;
      case 3:
        memory_.consumer->in_hand = input_.take<std::uint64_t>();
        memory_.consumer->cold = input_.take<std::uint32_t>();
        static_cast<void>(ring_.cold_mark());
        static_cast<void>(ring_.in_hand());
        break;
      case 4: die(); break;
      case 5: ring_.publish(); break;
      case 6: look(); break;
      default: send(); break;
    }
    const RingFault fault = ring_.fault();
    if (fault_ != RingFault::none) check(fault == fault_);
    fault_ = fault;
  }

 private:
  ProducerMemory producer_memory() {
    return {.data = memory_.data.data(),
            .capacity = memory_.data.size(),
            .own = memory_.producer,
            .other = memory_.consumer};
  }

  void send() {
    const auto length = static_cast<std::uint32_t>(input_.below(input_.below(4) == 0 ? ring_.max_payload() + 1 : 200));
    std::byte* room = ring_.try_loan(length);
    if (room == nullptr) {
      ring_.publish();
      ring_.want_room(true);
      static_cast<void>(ring_.cursor_moved());
      return;
    }
    check(room >= memory_.data.data() + sizeof(FrameHeader));
    check(room + length <= memory_.data.data() + memory_.data.size());
    std::memset(room, input_.take<std::uint8_t>(), length);
    if (input_.below(8) == 0) {
      ring_.cancel();
    } else {
      ring_.commit({});
    }
    if (input_.below(2) == 0) ring_.publish();
  }

  void look() {
    if (!ring_.refresh_cursor()) return;
    const std::uint64_t cursor = memory_.consumer->cursor;
    check(cursor >= believed_ && cursor <= ring_.tail() && cursor % line_bytes == 0);
    believed_ = cursor;
  }

  void lie() {
    memory_.consumer->cursor = odd(input_, good_cursor_);
    lied_ = true;
  }

  /// Says, as a good one would, that all is finished that has been published so far.
  void good_cursor() {
    good_cursor_ = ring_.tail();
    memory_.consumer->cursor = good_cursor_;
  }

  /// The consumer's process is dead: what it left unread is counted, and the next one takes up.
  void die() {
    ring_.publish();
    const auto left = ring_.unfinished();
    check(left.cursor <= ring_.tail() && left.cursor % line_bytes == 0);
    check(ring_.tail() - left.cursor <= memory_.data.size());
    check(left.messages <= memory_.data.size() / line_bytes);
    ::new (memory_.next) ConsumerBlock;
    memory_.next->cursor = left.cursor;
    memory_.next->resume_sequence = left.sequence;
    if (!lied_) read_to_the_end(left.messages);
    std::swap(memory_.consumer, memory_.next);
    ring_.switch_consumer(memory_.consumer);
    good_cursor_ = left.cursor;
    fault_ = RingFault::none;
    // One that lay in between frames may have been believed: then what is left is what it deserves.
    lied_ = lied_ && left.cursor != ring_.tail();
  }

  /// Of one that never lied everything is left that it had not finished.
  void read_to_the_end(std::uint64_t messages) {
    RingConsumer consumer(
        {.data = memory_.data.data(), .capacity = memory_.data.size(), .other = memory_.producer, .own = memory_.next});
    for (; consumer.peek(); --messages) consumer.advance();
    check(consumer.fault() == RingFault::none && messages == 0 && consumer.position() == ring_.tail());
  }

  Input& input_;
  Memory memory_;
  RingProducer ring_;
  std::uint64_t good_cursor_ = 0;
  RingFault fault_ = RingFault::none;
  std::uint64_t believed_ = 0;  // as last seen: it may not move back
  bool lied_ = false;
};

template <class Attacked>
void run(Input& input, std::uint64_t capacity, bool at_end) {
  Attacked attacked(input, capacity, at_end);
  while (!input.is_empty()) attacked.step();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const auto first = input.take<std::uint8_t>();
  const std::uint64_t capacity = (first & 2) != 0 ? page_bytes : 16 * page_bytes;
  const bool at_end = (first & 4) != 0;
  if ((first & 1) != 0) {
    run<AttackedConsumer>(input, capacity, at_end);
  } else {
    run<AttackedProducer>(input, capacity, at_end);
  }
  return 0;
}

// An arena: memory beside a lane's mail ring, in which the bodies of its messages lie. docs/spec/large.md
//
// The producer alone knows which blocks there are and which are free. The consumer says of each what it has given back, by a
// word of its own, and can thereby lose itself a block at most.
//
// Threads: an ArenaProducer belongs to the thread of the ring's producer, an ArenaConsumer to that of its consumer, but for
// give_back(), which any thread may call. Neither owns the memory it was given.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "ringmail/transport/layout.hpp"
#include "ringmail/transport/ring_fault.hpp"

namespace ringmail::transport {

class RingProducer;

inline constexpr std::uint64_t max_arena_bytes = std::uint64_t{1} << 40;

struct ArenaMemory {
  std::byte* data = nullptr;
  std::uint64_t bytes = 0;  ///< whole pages
  /// Has so many bytes from an offset accounted for, so that they can be written. False: the machine has no more.
  std::function<bool(std::uint64_t offset, std::uint64_t bytes)> populate;
  const ReturnsBlock* returns = nullptr;
};

class ArenaProducer {
 public:
  ArenaProducer() = default;
  /// May allocate, as all that makes or frees blocks.
  explicit ArenaProducer(ArenaMemory memory);

  explicit operator bool() const { return memory_.bytes != 0; }
  std::uint64_t bytes() const { return memory_.bytes; }

  /// A block with room for a body of `length` bytes. Or null while there is none, or the consumer is at fault. `mail` is the ring
  /// that bodies go with. Precondition: length <= bytes().
  std::byte* try_loan(std::uint64_t length, RingProducer& mail);
  bool is_loaned(const std::byte* block) const;
  bool has_loans() const { return !loaned_.empty(); }
  /// Gives an open loan back.
  void cancel(const std::byte* block);
  /// The loan becomes the body of the frame that is to be committed next; say so with committed(). Until then it may still be
  /// cancelled.
  BodyPlace place_of(const std::byte* block) const;
  /// Its frame has been committed to `mail`.
  void committed(const std::byte* block, const RingProducer& mail);

  /// Whether a block may have become free since there last was no room. For who waits for one.
  bool may_have_room(const RingProducer& mail) const;

  /// The consumer is dead, and the next one, whose returns are new, takes up at `cursor`: what lies before is free.
  void switch_consumer(std::uint64_t cursor, const ReturnsBlock* returns);

  RingFault fault() const { return fault_; }
  std::uint64_t used_bytes() const { return used_; }  ///< of the blocks that are not free
  std::size_t blocks() const { return loaned_.size() + out_; }

 private:
  struct Loan {
    std::uint64_t bytes = 0;  // of the block
    std::uint64_t length = 0;
    std::uint32_t slot = 0;
  };
  struct Slot {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;      // 0: not out
    std::uint64_t end = 0;        // position behind its frame
    std::uint32_t serial = 0;     // of the block, or of the last one
    std::uint32_t last_word = 0;  // what the consumer's word was when the block was sent
    bool is_returned = false;
  };

  std::optional<std::uint32_t> take_slot();
  std::optional<std::uint64_t> take_bytes(std::uint64_t bytes);
  void add_free(std::uint64_t offset, std::uint64_t bytes);
  void remove_free(std::uint64_t offset, std::uint64_t bytes);
  void free_block(Slot& slot);
  void collect(RingProducer& mail);
  std::uint64_t offset_of(const std::byte* block) const { return static_cast<std::uint64_t>(block - memory_.data); }

  ArenaMemory memory_;
  std::map<std::uint64_t, std::uint64_t> free_by_offset_;           // no two adjacent
  std::set<std::pair<std::uint64_t, std::uint64_t>> free_by_size_;  // bytes, offset
  std::map<std::uint64_t, Loan> loaned_;                            // by offset
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::uint64_t populated_ = 0;  // all before has been, and nothing behind is in a block
  std::uint64_t used_ = 0;
  std::size_t out_ = 0;
  std::size_t unfinished_ = 0;  // of those that are out: given back, but their frame is not finished
  std::uint32_t seen_ = 0;      // count of the returns, when they were looked through last
  RingFault fault_ = RingFault::none;
};

/// A body as its reader sees it.
struct ReceivedBody {
  const std::byte* data = nullptr;
  std::uint64_t length = 0;
  std::uint32_t slot = 0;
  std::uint32_t serial = 0;
};

class ArenaConsumer {
 public:
  ArenaConsumer() = default;
  ArenaConsumer(std::span<const std::byte> arena, ReturnsBlock* own, const ProducerBlock* mail)
      : arena_(arena), own_(own), mail_(mail), held_(std::make_unique<Held>()) {}

  explicit operator bool() const { return own_ != nullptr; }

  /// The body of a frame with that payload, which is this side's until it gives it back.
  std::expected<ReceivedBody, RingFault> take(std::span<const std::byte> payload);
  /// Any thread, once for each. True: the producer sleeps until there is room, and must be rung.
  bool give_back(std::uint32_t slot, std::uint32_t serial);

 private:
  using Held = std::array<std::atomic<bool>, arena_slots>;

  std::span<const std::byte> arena_;
  ReturnsBlock* own_ = nullptr;
  const ProducerBlock* mail_ = nullptr;
  std::unique_ptr<Held> held_;
};

}  // namespace ringmail::transport

// A ring: one producer, one consumer, frames whose first word says whether they are there.
//
// Threads: a RingProducer belongs to one thread at a time, a RingConsumer to one thread at a time. Neither allocates,
// locks or makes a system call. Both stay valid as long as the memory they were given, which they do not own.
//
// Invariants, P the producer's and C the consumer's:
//   P1  The word after the last published frame is 0 before that frame's commit word is stored (the terminator).
//   P2  No byte from the cursor to the end of the terminator is written twice: a frame may be written when
//       tail + padding + frame + line - cursor <= capacity.
//   P3  Frames are contiguous. Padding that precedes a frame is published by the same store as that frame.
//   P4  Of a batch only the first commit word is stored at publication; the others stand already, out of reach behind.
//   C1  A shared word is loaded once, and the local is what is checked and used.
//   C2  The cursor passes a frame only when it has been finished.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "ringmail/transport/barrier.hpp"
#include "ringmail/transport/layout.hpp"
#include "ringmail/transport/ring_fault.hpp"

namespace ringmail::transport {

/// The words of a frame besides its commit word.
struct FrameHead {
  FrameKind kind = FrameKind::message;
  std::uint32_t type = 0;
  std::uint32_t correlation = 0;
  std::uint64_t target = 0;
  std::uint64_t sender = 0;
};

/// A frame as its consumer sees it: `head` is a copy, `payload` lies in the ring until advance().
struct Frame {
  FrameHead head;
  const std::byte* payload = nullptr;
  std::uint32_t length = 0;
  std::uint64_t position = 0;
};

struct ProducerMemory {
  std::byte* data = nullptr;   ///< line-aligned, zero when the ring is new
  std::uint64_t capacity = 0;  ///< a power of two, at least a page
  ProducerBlock* own = nullptr;
  const ConsumerBlock* other = nullptr;
};

struct ConsumerMemory {
  const std::byte* data = nullptr;
  std::uint64_t capacity = 0;
  const ProducerBlock* other = nullptr;
  ConsumerBlock* own = nullptr;
};

namespace detail {
inline std::atomic<std::uint64_t>& word_at(std::byte* data, std::uint64_t offset) {
  return *reinterpret_cast<std::atomic<std::uint64_t>*>(data + offset);
}
inline const std::atomic<std::uint64_t>& word_at(const std::byte* data, std::uint64_t offset) {
  return *reinterpret_cast<const std::atomic<std::uint64_t>*>(data + offset);
}
}  // namespace detail

}  // namespace ringmail::transport

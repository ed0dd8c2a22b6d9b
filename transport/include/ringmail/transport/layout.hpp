// What lies where in memory that two sides share. This is a wire format: docs/spec/ring.md says the same in tables.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ringmail::transport {

static_assert(std::endian::native == std::endian::little, "frames are little-endian and are not swapped");

/// Frames start on a boundary of this many bytes, so a message of up to 32 bytes is one line, and one line is all that
/// crosses between cores on the critical path.
inline constexpr std::uint64_t line_bytes = 64;

/// What two threads write is this far apart: two lines, because the adjacent-line prefetcher moves lines in pairs.
inline constexpr std::size_t isolation_bytes = 128;

inline constexpr std::uint64_t page_bytes = 4096;

/// Kinds start at 1: a commit word of 0 says that nothing has been published yet, and an empty message of kind 0 would
/// read as just that.
enum class FrameKind : std::uint16_t {
  padding = 1,   ///< fills the end of a ring; belongs to the message after it
  message = 2,   ///< a user's message, on a mail ring
  reply = 3,     ///< answers `correlation`, on a control ring; with acknowledgements on mail
  no_reply = 4,  ///< says that `correlation` will not be answered; `type` is a NoReply
  stop = 5,      ///< stop once the mail ring has been read up to the u64 position in the payload
  ping = 6,      ///< answered by a pong with the same correlation
  pong = 7,
  signal = 8,  ///< on a mail ring: monitor, link, exit, ..., and acknowledgements; `type` says which
  large = 9,   ///< a user's message with a body in the arena; a BodyPlace stands before it
  last_between_processes = large,
  local = 0x100,  ///< a C++ object; what it is stands in place of `type` and `correlation`. Refused between processes
  local_control = 0x101,
};

/// Why an ask will not be answered: the `type` of a FrameKind::no_reply.
enum class NoReply : std::uint32_t { no_handler = 1, failed = 2, stopped = 3, full = 4 };

struct CommitWord {
  std::uint32_t length;  ///< of the payload, in bytes
  FrameKind kind;
  std::uint16_t sequence;  ///< counts the frames of a ring, padding included, modulo 2^16
};
static_assert(sizeof(CommitWord) == 8);

/// Every word of it is shared memory and is loaded once, as a whole, into a local.
struct FrameHeader {
  std::uint64_t commit;  ///< a CommitWord, or 0: not published
  std::uint32_t type;
  std::uint32_t correlation;
  std::uint64_t target;
  std::uint64_t sender;
};
static_assert(sizeof(FrameHeader) == 32 && offsetof(FrameHeader, target) == 16 && offsetof(FrameHeader, sender) == 24);

inline constexpr std::uint64_t frame_bytes(std::uint64_t payload_bytes) {
  return (sizeof(FrameHeader) + payload_bytes + line_bytes - 1) & ~(line_bytes - 1);
}

/// What a ring's producer writes beside the frames.
struct alignas(isolation_bytes) ProducerBlock {
  std::atomic<std::uint32_t> want{0};  ///< not 0 while the producer sleeps until the cursor moves
  // Where the producer starts. Written by the host before that, and by nobody after: a ring may have been given what lay in another.
  std::uint32_t start_sequence{0};  ///< of its first frame
  std::uint64_t start{0};           ///< the position of that
  std::uint64_t start_messages{0};  ///< before it, where they count as the producer's own
};
static_assert(sizeof(ProducerBlock) == 128 && offsetof(ProducerBlock, start) == 8);

/// What a ring's consumer writes. The cursor is stored once a batch, the word in hand once a message, the cold mark
/// hardly ever; the producer reads the first when the ring looks full and the last after every publish.
struct ConsumerBlock {
  alignas(isolation_bytes) std::atomic<std::uint64_t> cursor{0};  ///< position of the first frame not finished
  std::atomic<std::uint32_t> sequence{0};  ///< of the frame at the cursor, for who takes up an empty ring
  alignas(isolation_bytes) std::atomic<std::uint64_t> in_hand{
      0};  ///< 1 + position of the frame last given to a handler; 0: none
  alignas(isolation_bytes) std::atomic<std::uint32_t> cold{0};  ///< n > 0: set bit n - 1 of the pending set as well
  /// Written by the host before the consumer starts, and by nobody after that: where an incarnation takes up.
  alignas(isolation_bytes) std::uint64_t resume_tail{0};  ///< up to here the predecessor may have seen the messages
  std::uint32_t resume_sequence{0};                       ///< of the frame at the cursor
  std::uint32_t attempt{0};                               ///< how many incarnations died with that very frame in hand
  std::uint64_t attempted{0};                             ///< 1 + the position of that frame, between two peers
  /// Of a ring to the host whose link is kept: not 0 once it holds what the incarnation before had left. SYNC(carried)
  std::atomic<std::uint32_t> carried{0};
};
static_assert(sizeof(ConsumerBlock) == 512 && offsetof(ConsumerBlock, in_hand) == 128 &&
              offsetof(ConsumerBlock, cold) == 256 && offsetof(ConsumerBlock, resume_tail) == 384);

/// How many bodies of a lane may be out, in each direction.
inline constexpr std::uint32_t arena_slots = 512;

/// What the reader of an arena writes: which blocks it has given back.
struct ReturnsBlock {
  alignas(isolation_bytes) std::atomic<std::uint32_t> count{0};
  alignas(512) std::atomic<std::uint32_t> serial[arena_slots]{};  ///< by slot: of the block that was given back last
};
static_assert(sizeof(ReturnsBlock) == 2560 && offsetof(ReturnsBlock, serial) == 512);

/// Where a body is: what a frame with one begins with.
struct BodyPlace {
  std::uint64_t offset = 0;  ///< of its block in the arena
  std::uint64_t length = 0;  ///< in bytes
  std::uint32_t slot = 0;
  std::uint32_t serial = 0;  ///< never 0
  std::uint64_t zero = 0;
};
static_assert(sizeof(BodyPlace) == 32);

/// One scheduler's doorbell: its park word alone on a page, and the set of its cold rings that have something in them.
inline constexpr std::uint64_t pending_rings = page_bytes * 8;
struct Bell {
  alignas(page_bytes) std::atomic<std::uint32_t> park{0};
  alignas(page_bytes) std::atomic<std::uint64_t> pending[pending_rings / 64]{};
};
static_assert(sizeof(Bell) == 2 * page_bytes && offsetof(Bell, pending) == page_bytes);

/// What a scheduler shows of its park word to those who may not write to its bell: the same values, but for `ringing`.
struct alignas(isolation_bytes) ParkMirror {
  std::atomic<std::uint32_t> park{0};
};
static_assert(sizeof(ParkMirror) == 128);
/// Of the segment that holds one for each of `count` schedulers.
constexpr std::uint64_t park_mirror_bytes(std::uint32_t count) {
  return (count * sizeof(ParkMirror) + page_bytes - 1) / page_bytes * page_bytes;
}

static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free,
              "a lock beside a shared atomic would be private to one process");

/// Where the halves of a lane's four rings lie in the three segments of a link. A segment has one writer.
struct LinkLayout {
  std::uint32_t lanes = 1;
  std::uint64_t mail_to_peer_bytes = 1 << 20;
  std::uint64_t mail_to_host_bytes = 1 << 20;
  std::uint64_t control_bytes = 1 << 16;
  std::uint64_t arena_to_peer_bytes = 0;  ///< of each lane; 0: there are no bodies
  std::uint64_t arena_to_host_bytes = 0;

  /// mail: the host writes it, and it outlives the peer.
  std::uint64_t mail_stride() const { return page_bytes + mail_to_peer_bytes; }
  std::uint64_t mail_bytes() const { return lanes * mail_stride(); }
  std::uint64_t mail_producer(std::uint32_t lane) const { return lane * mail_stride(); }
  std::uint64_t mail_data(std::uint32_t lane) const { return mail_producer(lane) + page_bytes; }

  /// host: the host writes it, fresh for each incarnation.
  std::uint64_t host_stride() const { return page_bytes + control_bytes; }
  std::uint64_t host_bytes() const { return lanes * host_stride(); }
  std::uint64_t host_mail_consumer(std::uint32_t lane) const { return lane * host_stride(); }
  std::uint64_t host_control_consumer(std::uint32_t lane) const { return lane * host_stride() + 512; }
  std::uint64_t host_control_producer(std::uint32_t lane) const { return lane * host_stride() + 1024; }
  std::uint64_t host_returns(std::uint32_t lane) const { return lane * host_stride() + 1536; }
  std::uint64_t host_control_data(std::uint32_t lane) const { return lane * host_stride() + page_bytes; }

  /// arena_to_peer: the host writes it, and it outlives the peer. arena_to_host: the peer writes it, fresh for each incarnation.
  bool has_arenas() const { return arena_to_peer_bytes != 0; }
  std::uint64_t arenas_to_peer_bytes() const { return lanes * arena_to_peer_bytes; }
  std::uint64_t arenas_to_host_bytes() const { return lanes * arena_to_host_bytes; }

  /// peer: the peer writes it, fresh for each incarnation.
  std::uint64_t peer_stride() const { return page_bytes + mail_to_host_bytes + control_bytes; }
  std::uint64_t peer_bytes() const { return lanes * peer_stride(); }
  std::uint64_t peer_mail_consumer(std::uint32_t lane) const { return lane * peer_stride(); }
  std::uint64_t peer_control_consumer(std::uint32_t lane) const { return lane * peer_stride() + 512; }
  std::uint64_t peer_mail_producer(std::uint32_t lane) const { return lane * peer_stride() + 1024; }
  std::uint64_t peer_control_producer(std::uint32_t lane) const { return lane * peer_stride() + 1152; }
  std::uint64_t peer_returns(std::uint32_t lane) const { return lane * peer_stride() + 1536; }
  std::uint64_t peer_mail_data(std::uint32_t lane) const { return lane * peer_stride() + page_bytes; }
  std::uint64_t peer_control_data(std::uint32_t lane) const { return peer_mail_data(lane) + mail_to_host_bytes; }
};
}  // namespace ringmail::transport

// What the two ends of a control stream say to each other, and on what grounds either end refuses.
//
// Plain values; nothing here touches a descriptor. The bytes are specified in docs/spec/handshake.md. encode() gives
// the payload of a frame whose kind is the message's `kind`. decode() reads one and believes nothing: every length has
// a bound, every value a range, and no byte may be left over in a version that is known.
//
// Texts are UTF-8 without NUL; what the struct calls a name is not empty unless it says so, and has no control
// characters, because it ends up in log lines. A name or schema longer than its bound is the sender's bug.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ringmail/transport/barrier.hpp"
#include "ringmail/transport/control_stream.hpp"

namespace ringmail::transport {

inline constexpr std::uint32_t hello_magic = 0x314c4d52;  // "RML1"
inline constexpr std::uint16_t protocol_version = 1;

/// From the first byte of a hello until `ready`. How long a process may take to start is another matter.
inline constexpr std::uint64_t handshake_timeout_ns = 2'000'000'000;

/// Names the numbers of the inherited descriptors of a spawned peer. One number is the control stream's socket, two are pipes:
/// the one that it reads, and the one that it writes.
inline constexpr const char* inherited_descriptors_variable = "RINGMAIL_FDS";

enum Feature : std::uint64_t {
  mail_outlives_peer = 1u << 0,  ///< the next incarnation is given the messages that this one has not finished
  asymmetric_barrier = 1u << 1,  ///< both are registered for barriers, and issue one before they sleep. barrier.hpp
  stream_doorbell =
      1u << 2,  ///< the host shares no bells: the peer sees when they sleep, and rings on the control stream
  between_systems =
      1u << 3,  ///< the peer is a scheduler of another system: its actors are addressed, monitored and linked
  pipe_doorbell = 1u << 4,  ///< the peer sleeps on a pipe, beside other descriptors, and not on its futex
  introductions = 1u << 6,  ///< the peer is given lanes to other peers
  monitors = 1u << 7,       ///< the peer may monitor actors of the host
  peer_log = 1u << 8,       ///< the peer may write into the host's log: `log` in the specification
  large = 1u << 9,          ///< messages have bodies, in arenas. arena.hpp
  by_proc = 1u << 10,       ///< the peer opens what it is given in /proc, and rings whomever through the host
  exactly_once =
      1u << 11,  ///< what the peer sends for a message is published with its acknowledgement. acknowledged.hpp
  outlives_host = 1u << 12,  ///< when its host dies the peer waits for the next one, and comes to it: `outlive`
};
/// How a lane between two that chose these publishes.
inline Ordering ordering_of(std::uint64_t features) {
  return (features & asymmetric_barrier) != 0 ? Ordering::asymmetric : Ordering::sequential;
}
inline constexpr std::uint64_t features_everywhere = mail_outlives_peer;

inline constexpr std::uint64_t min_ring_bytes = 4096;
inline constexpr std::uint64_t max_ring_bytes = std::uint64_t{1} << 30;
constexpr bool is_ring_size(std::uint64_t bytes) {
  return std::has_single_bit(bytes) && bytes >= min_ring_bytes && bytes <= max_ring_bytes;
}
inline constexpr std::uint32_t max_lanes = 256;

/// The lane that leads to the thread on which an actor of the host lives, by the actor's id. docs/spec/ring.md
constexpr std::uint32_t lane_of(std::uint64_t mailbox) {
  return static_cast<std::uint32_t>(mailbox >> 52) & (max_lanes - 1);
}

/// What is `actor` at the other end of that lane.
constexpr std::uint64_t mailbox_on(std::uint32_t lane, std::uint64_t actor) {
  return std::uint64_t{lane} << 52 | (actor & ((std::uint64_t{1} << 52) - 1));
}

inline constexpr std::size_t max_language_bytes = 32;
inline constexpr std::size_t max_name_bytes = 255;
inline constexpr std::size_t max_token_bytes = 128;
inline constexpr std::size_t max_path_bytes = 107;  ///< of a socket
inline constexpr std::size_t max_text_bytes = 16 * 1024;
inline constexpr std::size_t max_schema_bytes = 512 * 1024;

enum class RefusalCode : std::uint16_t {
  bad_magic = 1,
  malformed = 2,
  version = 3,
  missing_feature = 4,
  schema = 5,
  ring_size = 6,
  unknown_name = 7,
  not_allowed = 8,
  deadline = 9,
  busy = 10,
  bad_segment = 11,  ///< said by a peer: a segment has the wrong size, or lacks seals
};
std::string_view to_string(RefusalCode code);

/// Peer to host, first.
struct Hello {
  static constexpr auto kind = ControlKind::hello;

  std::uint16_t version_min = protocol_version;
  std::uint16_t version_max = protocol_version;
  std::uint64_t features = features_everywhere;
  std::uint32_t pid = 0;
  std::uint64_t wanted_ring_bytes = 0;  ///< 0: the host's choice
  std::string language = {};
  std::string name = {};    ///< may be empty: the host knows whom it spawned
  std::string token = {};   ///< may be empty
  std::string schema = {};  ///< canonical text, may be empty; not looked into here

  bool operator==(const Hello&) const = default;
};

enum class SegmentRole : std::uint8_t {
  mail = 1,           ///< the host writes it, and it outlives the peer
  host = 2,           ///< the host writes it
  peer = 3,           ///< the peer writes it
  host_bells = 4,     ///< both write; the host sleeps on it
  peer_bells = 5,     ///< both write; the peer sleeps on it
  host_parked = 6,    ///< the host writes it; in place of host_bells where `stream_doorbell` was chosen
  doorbell = 7,       ///< no memory: the end of a pipe that the peer reads, where `pipe_doorbell` was chosen
  arena_to_peer = 8,  ///< the host writes it, and it outlives the peer; where `large` was chosen
  arena_to_host = 9,  ///< the peer writes it; likewise
};
inline constexpr std::size_t segment_roles = 9;
inline constexpr std::uint64_t doorbell_bytes = 4096;  ///< what a welcome says of it
std::string_view to_string(SegmentRole role);

struct WelcomeSegment {
  SegmentRole role = SegmentRole::mail;
  std::uint64_t bytes = 0;
  std::uint32_t host_fd = 0;  ///< for a peer that opens /proc/<host_pid>/fd/<host_fd> instead of receiving it

  bool operator==(const WelcomeSegment&) const = default;
};

/// Host to peer, with one descriptor for each segment, in that order.
struct Welcome {
  static constexpr auto kind = ControlKind::welcome;

  std::uint16_t version = protocol_version;
  std::uint64_t features = 0;
  std::uint64_t incarnation = 0;
  std::uint32_t line_bytes = 64;
  std::uint32_t lanes = 1;
  std::uint64_t mail_to_peer_bytes = 0;
  std::uint64_t mail_to_host_bytes = 0;
  std::uint64_t control_bytes = 0;
  std::string name = {};    ///< what the host calls the peer
  std::string schema = {};  ///< the host's, may be empty
  std::uint32_t host_pid = 0;
  std::vector<WelcomeSegment> segments = {};

  bool operator==(const Welcome&) const = default;
};

/// Peer to host: every segment is mapped.
struct Ready {
  static constexpr auto kind = ControlKind::ready;
  bool operator==(const Ready&) const = default;
};

/// Either way, last. A text that is too long or not UTF-8 is cut and mended when it is encoded, because it must arrive.
struct Refused {
  static constexpr auto kind = ControlKind::refused;

  RefusalCode code = RefusalCode::malformed;  ///< one that is not known here is kept as it is
  std::string text = {};                      ///< one line for a person

  bool operator==(const Refused&) const = default;
};
using Refusal = Refused;

/// Peer to host: the thread of this lane sleeps, and there is something for it. At most once a sleep. Where `by_proc` was chosen,
/// also of a lane to another peer.
struct Ring {
  static constexpr auto kind = ControlKind::ring;

  std::uint32_t lane = 0;

  bool operator==(const Ring&) const = default;
};

/// Peer to host: which mailbox has this name?
struct Resolve {
  static constexpr auto kind = ControlKind::resolve;

  std::uint32_t request = 0;  ///< the peer's, echoed in the answer
  std::string name = {};

  bool operator==(const Resolve&) const = default;
};

struct Resolved {
  static constexpr auto kind = ControlKind::resolved;

  std::uint32_t request = 0;
  bool found = false;
  std::uint64_t mailbox = 0;  ///< 0 when not found

  bool operator==(const Resolved&) const = default;
};

/// Peer to host: why it is about to exit. The text is cut and mended like that of a refusal.
struct Failure {
  static constexpr auto kind = ControlKind::failure;

  std::string text = {};

  bool operator==(const Failure&) const = default;
};

enum class LogLevel : std::uint8_t { trace, debug, info, warning, error, critical };

/// Peer to host: lines for its log. The text is cut and mended like that of a refusal.
struct Log {
  static constexpr auto kind = ControlKind::log;

  LogLevel level = LogLevel::info;
  std::string text = {};

  bool operator==(const Log&) const = default;
};

/// Host to peer, directly behind the welcome: where its next host is to be found, and how long it is waited for.
struct Outlive {
  static constexpr auto kind = ControlKind::outlive;

  std::uint64_t time_ns = 0;
  std::string path = {};   ///< of the socket
  std::string token = {};  ///< for the hello there

  bool operator==(const Outlive&) const = default;
};

/// Peer to host: it was told to stop, has drained its mail, and exits.
struct Goodbye {
  static constexpr auto kind = ControlKind::goodbye;
  bool operator==(const Goodbye&) const = default;
};

/// Host to peer, with the descriptors of its own side, of the other's, of the other's bell and of the pipe that rings the other: a
/// lane to another peer. docs/spec/peers.md
struct Introduce {
  static constexpr auto kind = ControlKind::introduce;

  std::uint32_t lane = 0;
  std::string name = {};  ///< what the host calls the other
  std::uint64_t mail_bytes = 0;
  std::uint64_t control_bytes = 0;

  bool operator==(const Introduce&) const = default;
};
inline constexpr std::size_t introduction_descriptors = 4;

/// The same to a peer that opens descriptors as /proc/<host_pid>/fd/<number>. It rings the other through the host, and is given no pipe.
struct IntroduceByNumber {
  static constexpr auto kind = ControlKind::introduce_by_number;

  Introduce introduce = {};
  std::uint32_t own_fd = 0;    ///< the side that it writes
  std::uint32_t other_fd = 0;  ///< the other side
  std::uint32_t bell_fd = 0;   ///< on which the other sleeps

  bool operator==(const IntroduceByNumber&) const = default;
};

/// Peer to host: it reads that lane, or why it does not.
struct Introduced {
  static constexpr auto kind = ControlKind::introduced;

  std::uint32_t lane = 0;
  std::string text = {};  ///< empty: it does

  bool operator==(const Introduced&) const = default;
};

/// Host to peer: what has become of the other end of a lane.
struct Presence {
  static constexpr auto kind = ControlKind::presence;
  enum State : std::uint8_t {
    away,   ///< its process is dead, and another one is to come
    there,  ///< it reads the lane
    ended,  ///< there is none any more
  };

  std::uint32_t lane = 0;
  State state = there;

  bool operator==(const Presence&) const = default;
};

std::vector<std::byte> encode(const Hello& hello);
std::vector<std::byte> encode(const Welcome& welcome);
std::vector<std::byte> encode(const Ready& ready);
std::vector<std::byte> encode(const Refused& refused);
std::vector<std::byte> encode(const Resolve& resolve);
std::vector<std::byte> encode(const Resolved& resolved);
std::vector<std::byte> encode(const Failure& failure);
std::vector<std::byte> encode(const Outlive& outlive);
std::vector<std::byte> encode(const Goodbye& goodbye);
std::vector<std::byte> encode(const Ring& ring);
std::vector<std::byte> encode(const Log& log);
std::vector<std::byte> encode(const Introduce& introduce);
std::vector<std::byte> encode(const IntroduceByNumber& introduce);
std::vector<std::byte> encode(const Introduced& introduced);
std::vector<std::byte> encode(const Presence& presence);

struct DecodeError {
  enum Code : std::uint8_t {
    truncated,     ///< the payload ends inside `field`
    trailing,      ///< `value` bytes are left over
    too_long,      ///< the text, or list, of `value` bytes, or entries
    bad_text,      ///< not UTF-8, or a NUL, or in a name a control character, or an empty name
    out_of_range,  ///< `value`
    bad_magic,     ///< `value`
    wrong_kind,    ///< another message was due; `value` is the kind that came
  };

  Code code;
  ControlKind message;
  std::string_view field;  ///< of static storage
  std::uint64_t value = 0;

  friend bool operator==(const DecodeError& error, Code code) { return error.code == code; }
};

/// One line, without a full stop: "hello: name is too long (300)".
std::string to_string(const DecodeError& error);

/// For each of the messages above. The first checks the kind as well.
template <class Message>
std::expected<Message, DecodeError> decode(std::span<const std::byte> payload);
template <class Message>
std::expected<Message, DecodeError> decode(const ControlFrame& frame) {
  if (frame.kind != Message::kind) {
    return std::unexpected(
        DecodeError{DecodeError::wrong_kind, Message::kind, {}, static_cast<std::uint64_t>(frame.kind)});
  }
  return decode<Message>(std::span<const std::byte>(frame.payload));
}

std::string_view to_string(ControlKind kind);

/// What to answer to what could not be decoded, or to a stream that is not one.
Refusal refusal(const DecodeError& error);
Refusal refusal(const StreamError& error);

/// "version: the peer speaks 2 to 3, this host speaks 1 to 1".
std::string to_string(const Refusal& refusal);

/// What a host insists on.
struct HostLimits {
  std::uint16_t version_min = protocol_version;
  std::uint16_t version_max = protocol_version;
  std::uint64_t features = features_everywhere;
  std::uint64_t required_features = 0;
  std::uint64_t largest_ring_bytes = max_ring_bytes;
  std::string token = {};  ///< empty: any will do
};

struct Chosen {
  std::uint16_t version = 0;
  std::uint64_t features = 0;
  std::uint64_t wanted_ring_bytes = 0;  ///< a possible size, or 0: the host's choice

  bool operator==(const Chosen&) const = default;
};

/// The host's verdict on what needs no look at schemas, names or rights. The newest version of both, the features of
/// both.
std::expected<Chosen, Refusal> negotiate(const Hello& hello, const HostLimits& limits);

/// The peer's verdict on what it was given; `descriptors` is how many came. Whether a segment has the size and the
/// seals that were announced is for whoever opens it to see. `offered`: the features of the hello.
std::expected<void, Refusal> check(const Welcome& welcome,
                                   std::size_t descriptors,
                                   std::uint64_t offered = features_everywhere);

}  // namespace ringmail::transport

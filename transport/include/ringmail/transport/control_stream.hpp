// The stream that stays open beside a link: length-prefixed frames, and descriptors with them, over a connected Unix
// socket.
//
// Threads: a ControlStream belongs to one thread at a time. No call blocks, except those that are given a deadline. The
// descriptor's own mode is neither needed nor changed, since its open description may be shared with another process; but
// on macOS it becomes non-blocking (unix_socket.hpp).
//
// On the wire a frame is u32 length of the payload, u16 kind, u16 zero, payload; all little-endian
// (docs/spec/handshake.md).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ringmail/transport/descriptor.hpp"
#include "ringmail/transport/unix_socket.hpp"

namespace ringmail::transport {

enum class ControlKind : std::uint16_t {
  hello = 1,
  welcome = 2,
  ready = 3,
  refused = 4,
  resolve = 5,
  resolved = 6,
  failure = 7,
  goodbye = 8,
  ring = 9,
  log = 10,
  outlive = 11,
  introduce = 16,
  introduced = 17,
  presence = 18,
  introduce_by_number = 19,
};

inline constexpr std::size_t control_header_bytes = 8;
inline constexpr std::size_t max_control_payload_bytes = 1 << 20;
inline constexpr std::size_t max_control_descriptors = 8;

/// What send() keeps for a peer that does not read, at most: room for a few of the largest frames.
inline constexpr std::size_t max_control_backlog_bytes = 4 * (max_control_payload_bytes + control_header_bytes);

struct ControlFrame {
  ControlKind kind;
  std::vector<std::byte> payload = {};
  std::vector<Descriptor> descriptors = {};  ///< close-on-exec
};

/// Why a stream cannot go on. None of them can be recovered from: close the stream.
struct StreamError {
  enum Code : std::uint8_t {
    closed,                 ///< the other side closed it, between two frames
    closed_in_frame,        ///< the other side closed it, and the last frame is not whole
    too_long,               ///< a frame of more than max_control_payload_bytes
    malformed,              ///< an unknown kind, or the third field of the header is not 0
    unexpected_descriptor,  ///< where none are accepted, or inside a payload
    lost_descriptor,        ///< more than max_control_descriptors came, or this process has no number free for one
    backlog,                ///< the other side does not read what is sent
    io,                     ///< a system call failed: os_error
  };

  Code code;
  int os_error = 0;
  /// The header as far as it had come, so that a text can show what somebody printed into the stream.
  std::array<unsigned char, control_header_bytes> header{};
  std::uint8_t header_bytes = 0;

  friend bool operator==(const StreamError& error, Code code) { return error.code == code; }
};

/// One line, without a full stop.
std::string to_string(const StreamError& error);

class ControlStream {
 public:
  /// A host accepts no descriptors: a peer could otherwise fill its table.
  enum class Descriptors : std::uint8_t { accepted, refused };

  explicit ControlStream(Descriptor socket, Descriptors policy = Descriptors::accepted);
  /// Over two non-blocking pipes. No descriptors travel: those that are given to send() are not sent. `unread` is the other end of
  /// `out`, kept open so that writing to the dead is no SIGPIPE.
  ControlStream(Descriptor in, Descriptor out, Descriptor unread)
      : socket_(std::move(in)), policy_(Descriptors::refused), out_(std::move(out)), unread_(std::move(unread)) {}

  /// For poll: readable always. Stays owned here.
  int descriptor() const { return socket_.get(); }
  /// For poll: writable while wants_write().
  int write_descriptor() const { return out_ ? out_.get() : socket_.get(); }

  /// Sends what the socket takes and keeps the rest for flush(). The payload is copied, and the descriptors may be
  /// closed, as soon as this returns. At most max_control_descriptors. After an error the frame may have been sent in
  /// part.
  std::expected<void, StreamError> send(ControlKind kind,
                                        std::span<const std::byte> payload,
                                        std::span<const int> descriptors = {});

  /// True when nothing is left.
  std::expected<bool, StreamError> flush();
  bool wants_write() const { return !backlog_.empty(); }
  /// Whether this very frame is among what waits to be written.
  bool is_waiting(ControlKind kind, std::span<const std::byte> payload) const;
  /// What send() keeps, and flush() has not got rid of.
  std::size_t backlog_bytes() const { return backlog_bytes_; }

  /// The next whole frame, or nothing before more bytes have come. Call until it gives nothing. What the other side
  /// sent before it closed is given out first. After an error it gives that error again.
  std::expected<std::optional<ControlFrame>, StreamError> receive();

  /// For threads that have no loop. Both send what is left over while they wait; `deadline_ns` is of monotonic_ns(). At
  /// the deadline the first gives nothing and the second false.
  std::expected<std::optional<ControlFrame>, StreamError> receive_until(std::uint64_t deadline_ns);
  std::expected<bool, StreamError> flush_until(std::uint64_t deadline_ns);

 private:
  struct Outgoing {
    std::vector<std::byte> bytes;
    std::size_t sent = 0;
    std::vector<Descriptor> descriptors;  ///< go with the first byte
  };
  using Header = std::array<std::byte, control_header_bytes>;

  std::expected<std::size_t, StreamError> write(std::span<const std::byte> bytes, std::span<const int> descriptors);
  std::expected<bool, StreamError> fill();
  std::expected<std::size_t, StreamError> read(std::span<std::byte> into);
  std::optional<StreamError::Code> check_header() const;
  std::size_t payload_bytes() const;
  StreamError error(StreamError::Code code, int os_error = 0) const;
  bool wait(int events, std::uint64_t deadline_ns) const;

  Descriptor socket_;
  Descriptors policy_;
  Descriptor out_;  // none: the socket
  Descriptor unread_;

  std::deque<Outgoing> backlog_;
  std::size_t backlog_bytes_ = 0;

  Header header_{};
  std::size_t header_read_ = 0;
  std::vector<std::byte> payload_;
  std::size_t payload_read_ = 0;
  std::vector<Descriptor> received_;
  std::optional<StreamError> failed_;
};

}  // namespace ringmail::transport

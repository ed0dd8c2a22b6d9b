// How a process becomes the peer of a link: finds the control stream, shakes hands, checks and maps the segments. What the C
// ABI attaches by, and what a system connects to another one by.
//
// Threads: one at a time. What bell() and lane() give points into the mappings, which live as long as this.
#pragma once

#include <cstdarg>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "ringmail.h"
#include "ringmail/transport/control_stream.hpp"
#include "ringmail/transport/handshake.hpp"
#include "ringmail/transport/lane.hpp"
#include "ringmail/transport/peer_segments.hpp"

namespace ringmail::transport {

class JoinedLink {
 public:
  JoinedLink() = default;
  JoinedLink(const JoinedLink&) = delete;
  JoinedLink& operator=(const JoinedLink&) = delete;

  // In this order. Each returns 0 or a RINGMAIL_E code, and error() then says more.

  /// To the socket at `path`, waiting so long for a host that does not accept.
  int connect(const char* path, std::uint64_t timeout_ns);
  /// Over a descriptor that was inherited.
  int adopt(int descriptor);
  /// Hello and welcome; maps every segment. `deadline_ns` is of monotonic_ns().
  int greet(const Hello& hello, std::uint64_t deadline_ns);
  /// The host may then count on this end.
  int say_ready();

  /// Of a greet() that was refused by the host.
  std::optional<RefusalCode> refused_with() const { return refused_with_; }
  /// Where `outlives_host` was chosen.
  const std::optional<Outlive>& outlive() const { return outlive_; }
  /// As new, to join once more: what was mapped stays with whoever has segments().
  void start_anew();

  /// After greet().
  const Welcome& welcome() const { return welcome_; }
  const LinkLayout& layout() const { return segments_->layout; }
  Ordering ordering() const { return ordering_of(welcome_.features); }
  /// This end of that lane: made anew, so once.
  Lane lane(std::uint32_t index);
  bool has_arenas() const { return segments_->layout.has_arenas(); }
  ArenaProducer body_producer(std::uint32_t index) { return segments_->body_producer(index); }
  /// Mapped as long as somebody has it.
  const std::shared_ptr<PeerSegments>& segments() const { return segments_; }
  /// What this process sleeps on.
  Bell& bell() { return *segments_->peer_bells.at<Bell>(0); }
  bool is_mapped() const { return segments_->peer_bells.data() != nullptr; }
  /// Where the data of a lane's mail from the host or to it lie.
  std::span<const std::byte> mail_memory(std::uint32_t lane, bool outgoing) const {
    return segments_->mail_memory(lane, outgoing);
  }
  /// The pipe that the host rings, once; none where `pipe_doorbell` was not chosen.
  Descriptor take_doorbell() { return std::move(segments_->doorbell); }

  ControlStream& stream() { return *stream_; }
  bool has_stream() const { return stream_.has_value(); }
  void close_stream() { stream_.reset(); }

  const char* error() const { return error_; }
  int vfail(int code, const char* format, std::va_list arguments);

 private:
  [[gnu::format(printf, 3, 4)]] int fail(int code, const char* format, ...);
  int stream_failed(const StreamError& error);
  int map_segments(ControlFrame& frame);
  int learn_to_outlive(std::uint64_t deadline_ns);

  std::optional<ControlStream> stream_;
  Welcome welcome_;
  std::optional<Outlive> outlive_;
  std::optional<RefusalCode> refused_with_;
  std::shared_ptr<PeerSegments> segments_ = std::make_shared<PeerSegments>();
  char error_[512] = "no error";
};

}  // namespace ringmail::transport

#include "ringmail/transport/join.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "ringmail/transport/unix_socket.hpp"

namespace ringmail::transport {

int JoinedLink::vfail(int code, const char* format, std::va_list arguments) {
  std::vsnprintf(error_, sizeof error_, format, arguments);
  return code;
}

int JoinedLink::fail(int code, const char* format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  vfail(code, format, arguments);
  va_end(arguments);
  return code;
}

int JoinedLink::stream_failed(const StreamError& error) {
  return fail(RINGMAIL_ECLOSED, "the control stream: %s", to_string(error).c_str());
}

int JoinedLink::connect(const char* path, std::uint64_t timeout_ns) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (std::strlen(path) >= sizeof address.sun_path) {
    return fail(RINGMAIL_ESYSTEM, "%s: the path of a socket has at most %zu bytes", path, sizeof address.sun_path - 1);
  }
  std::strcpy(address.sun_path, path);
  Descriptor socket = unix_socket();
  if (!socket) return fail(RINGMAIL_ESYSTEM, "%s: %s", path, std::strerror(errno));
  // Who connects to a host that does not accept waits for it, once its queue is full.
  const timeval timeout{
      .tv_sec = static_cast<time_t>(timeout_ns / 1'000'000'000),
      .tv_usec = static_cast<suseconds_t>(std::max<std::uint64_t>(timeout_ns % 1'000'000'000 / 1000, 1))};
  setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    if (errno == EAGAIN) return fail(RINGMAIL_ETIMEDOUT, "%s: the host did not accept in time", path);
    return fail(RINGMAIL_ESYSTEM, "%s: %s", path, std::strerror(errno));
  }
  return adopt(socket.release());
}

int JoinedLink::adopt(int descriptor) {
  // A child of this process that kept the stream open would hide this process's death from the host.
  fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  stream_.emplace(Descriptor(descriptor));
  return 0;
}

int JoinedLink::greet(const Hello& hello, std::uint64_t deadline_ns) {
  const auto first = encode(hello);
  if (const auto readable = decode<Hello>(first); !readable) {
    return fail(RINGMAIL_EMISUSE, "the options make no hello: %s", to_string(readable.error()).c_str());
  }
  if (auto sent = stream_->send(Hello::kind, first); !sent) return stream_failed(sent.error());
  auto frame = stream_->receive_until(deadline_ns);
  if (!frame) return stream_failed(frame.error());
  if (!*frame) return fail(RINGMAIL_ETIMEDOUT, "the host did not answer the hello in time");
  if ((*frame)->kind == Refused::kind) {
    const auto refused = decode<Refused>(**frame);
    if (refused) refused_with_ = refused->code;
    return fail(RINGMAIL_EREFUSED, "the host refused: %s",
                refused ? to_string(*refused).c_str() : to_string(refused.error()).c_str());
  }
  auto welcome = decode<Welcome>(**frame);
  if (!welcome) return fail(RINGMAIL_EPROTOCOL, "%s", to_string(welcome.error()).c_str());
  welcome_ = std::move(*welcome);

  int result = 0;
  if (auto checked = check(welcome_, (*frame)->descriptors.size(), hello.features); !checked) {
    result = fail(RINGMAIL_EREFUSED, "%s", to_string(checked.error()).c_str());
  } else if (welcome_.line_bytes != line_bytes) {
    result = fail(RINGMAIL_EREFUSED, "the host's frames start every %u bytes, this peer's every %u",
                  welcome_.line_bytes, static_cast<unsigned>(line_bytes));
  } else {
    result = map_segments(**frame);
  }
  if (result != 0) {
    static_cast<void>(stream_->send(Refused::kind, encode(Refused{.code = RefusalCode::bad_segment, .text = error_})));
  }
  return result != 0 || (welcome_.features & outlives_host) == 0 ? result : learn_to_outlive(deadline_ns);
}

/// What follows the welcome of who is to come back.
int JoinedLink::learn_to_outlive(std::uint64_t deadline_ns) {
  auto frame = stream_->receive_until(deadline_ns);
  if (!frame) return stream_failed(frame.error());
  if (!*frame) return fail(RINGMAIL_ETIMEDOUT, "the host did not say where the next one is to be found");
  auto outlive = decode<Outlive>(**frame);
  if (!outlive) return fail(RINGMAIL_EPROTOCOL, "%s", to_string(outlive.error()).c_str());
  outlive_ = std::move(*outlive);
  return 0;
}

void JoinedLink::start_anew() {
  stream_.reset();
  outlive_.reset();
  refused_with_.reset();
  segments_ = std::make_shared<PeerSegments>();
}

int JoinedLink::say_ready() {
  if (auto sent = stream_->send(Ready::kind, encode(Ready{})); !sent) return stream_failed(sent.error());
  return 0;
}

int JoinedLink::map_segments(ControlFrame& frame) {
  segments_->layout = {.lanes = welcome_.lanes,
                       .mail_to_peer_bytes = welcome_.mail_to_peer_bytes,
                       .mail_to_host_bytes = welcome_.mail_to_host_bytes,
                       .control_bytes = welcome_.control_bytes};
  for (const WelcomeSegment& segment : welcome_.segments) {
    if (segment.role == SegmentRole::arena_to_peer)
      segments_->layout.arena_to_peer_bytes = segment.bytes / welcome_.lanes;
    if (segment.role == SegmentRole::arena_to_host)
      segments_->layout.arena_to_host_bytes = segment.bytes / welcome_.lanes;
  }
  for (std::size_t i = 0; i < welcome_.segments.size(); ++i) {
    const SegmentRole role = welcome_.segments[i].role;
    if (auto mapped = segments_->map(welcome_.segments[i], std::move(frame.descriptors[i])); !mapped) {
      return fail(RINGMAIL_EREFUSED, "segment %.*s: %s", static_cast<int>(to_string(role).size()),
                  to_string(role).data(), to_string(mapped.error()).c_str());
    }
  }
  if (!segments_->starts_on_lines()) {
    return fail(RINGMAIL_EREFUSED, "segment peer: the cursor that the host wrote is not on a frame boundary");
  }
  return 0;
}

Lane JoinedLink::lane(std::uint32_t i) {
  const Mapping& parked = segments_->host_parked;
  Lane lane =
      segments_->lane(i, (welcome_.features & stream_doorbell) != 0 ? Doorbell(parked.at<ParkMirror>(0)[i], *stream_, i)
                                                                    : Doorbell(segments_->host_bells.at<Bell>(0)[i]));
  lane.order(ordering());
  return lane;
}

}  // namespace ringmail::transport

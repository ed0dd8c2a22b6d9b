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
  return result;
}

int JoinedLink::say_ready() {
  if (auto sent = stream_->send(Ready::kind, encode(Ready{})); !sent) return stream_failed(sent.error());
  return 0;
}

int JoinedLink::map_segments(ControlFrame& frame) {
  layout_ = {.lanes = welcome_.lanes,
             .mail_to_peer_bytes = welcome_.mail_to_peer_bytes,
             .mail_to_host_bytes = welcome_.mail_to_host_bytes,
             .control_bytes = welcome_.control_bytes};
  for (std::size_t i = 0; i < welcome_.segments.size(); ++i) {
    struct Plan {
      Mapping* mapping;
      std::uint64_t bytes;
      Mapping::Access access;
      Seal seal;
    };
    const SegmentRole role = welcome_.segments[i].role;
    const auto plan = [&]() -> Plan {
      using enum Mapping::Access;
      switch (role) {
        case SegmentRole::mail: return {&mail_, layout_.mail_bytes(), read, Seal::no_more_writers};
        case SegmentRole::host: return {&host_, layout_.host_bytes(), read, Seal::no_more_writers};
        case SegmentRole::peer: return {&peer_, layout_.peer_bytes(), write, Seal::size};
        case SegmentRole::host_bells: return {&host_bells_, layout_.lanes * sizeof(Bell), write, Seal::shared_writers};
        case SegmentRole::host_parked:
          return {&host_parked_, park_mirror_bytes(layout_.lanes), read, Seal::no_more_writers};
        case SegmentRole::peer_bells: break;
      }
      return {&peer_bells_, sizeof(Bell), write, Seal::shared_writers};
    }();
    auto segment = Segment::join(std::move(frame.descriptors[i]), plan.bytes, plan.seal);
    auto mapping = segment ? segment->map(plan.access) : std::unexpected(segment.error());
    if (!mapping) {
      return fail(RINGMAIL_EREFUSED, "segment %.*s: %s", static_cast<int>(to_string(role).size()),
                  to_string(role).data(), to_string(mapping.error()).c_str());
    }
    *plan.mapping = std::move(*mapping);
  }
  return 0;
}

Lane JoinedLink::lane(std::uint32_t i) {
  const Mapping& mail = mail_;
  const Mapping& host = host_;
  Lane lane;
  lane.mail_in = RingConsumer({.data = mail.data() + layout_.mail_data(i),
                               .capacity = layout_.mail_to_peer_bytes,
                               .other = mail.at<ProducerBlock>(layout_.mail_producer(i)),
                               .own = peer_.at<ConsumerBlock>(layout_.peer_mail_consumer(i))});
  lane.control_in = RingConsumer({.data = host.data() + layout_.host_control_data(i),
                                  .capacity = layout_.control_bytes,
                                  .other = host.at<ProducerBlock>(layout_.host_control_producer(i)),
                                  .own = peer_.at<ConsumerBlock>(layout_.peer_control_consumer(i))});
  lane.mail_out = RingProducer({.data = peer_.data() + layout_.peer_mail_data(i),
                                .capacity = layout_.mail_to_host_bytes,
                                .own = peer_.at<ProducerBlock>(layout_.peer_mail_producer(i)),
                                .other = host.at<ConsumerBlock>(layout_.host_mail_consumer(i))});
  lane.control_out = RingProducer({.data = peer_.data() + layout_.peer_control_data(i),
                                   .capacity = layout_.control_bytes,
                                   .own = peer_.at<ProducerBlock>(layout_.peer_control_producer(i)),
                                   .other = host.at<ConsumerBlock>(layout_.host_control_consumer(i))});
  lane.bell = (welcome_.features & stream_doorbell) != 0 ? Doorbell(host_parked_.at<ParkMirror>(0)[i], *stream_, i)
                                                         : Doorbell(host_bells_.at<Bell>(0)[i]);
  lane.order(ordering());
  return lane;
}

}  // namespace ringmail::transport

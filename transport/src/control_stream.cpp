#include "ringmail/transport/control_stream.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

#include "ringmail/transport/futex.hpp"

namespace ringmail::transport {

namespace {

// A payload's memory grows as its bytes come, so that a length alone costs nobody a megabyte.
constexpr std::size_t growth_bytes = 64 * 1024;

template <class Word>
Word load(std::span<const std::byte> from, std::size_t offset) {
  Word word{};
  for (std::size_t i = 0; i < sizeof(Word); ++i) {
    word = static_cast<Word>(word | std::to_integer<Word>(from[offset + i]) << (8 * i));
  }
  return word;
}

template <class Word>
void store(std::span<std::byte> into, std::size_t offset, Word word) {
  for (std::size_t i = 0; i < sizeof(Word); ++i) into[offset + i] = static_cast<std::byte>(word >> (8 * i));
}

std::uint32_t length_of(std::span<const std::byte> header) { return load<std::uint32_t>(header, 0); }
std::uint16_t kind_of(std::span<const std::byte> header) { return load<std::uint16_t>(header, 4); }
std::uint16_t reserved_of(std::span<const std::byte> header) { return load<std::uint16_t>(header, 6); }

bool known(std::uint16_t kind) {
  const auto within = [kind](ControlKind least, ControlKind most) {
    return kind >= static_cast<std::uint16_t>(least) && kind <= static_cast<std::uint16_t>(most);
  };
  return within(ControlKind::hello, ControlKind::outlive) ||
         within(ControlKind::introduce, ControlKind::introduce_by_number);
}

union AncillaryBuffer {
  char bytes[CMSG_SPACE(max_control_descriptors * sizeof(int))];
  cmsghdr aligned;
};

void attach(msghdr& message, AncillaryBuffer& buffer, std::span<const int> descriptors) {
  message.msg_control = buffer.bytes;
  // The fields' types differ between systems.
  message.msg_controllen = static_cast<decltype(message.msg_controllen)>(CMSG_SPACE(descriptors.size_bytes()));
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = static_cast<decltype(header->cmsg_len)>(CMSG_LEN(descriptors.size_bytes()));
  std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
}

// All of them, whatever becomes of the frame: one that is left in the buffer is open for ever.
std::size_t take_descriptors(msghdr& message, std::vector<Descriptor>& into) {
  std::size_t taken = 0;
  each_received(message, [&](int number) {
    into.emplace_back(number);
    ++taken;
  });
  return taken;
}

// What somebody printed, legible and on one line.
std::string quoted(std::span<const unsigned char> bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text = "\"";
  for (const unsigned char byte : bytes) {
    if (byte == '"' || byte == '\\') {
      text += {'\\', static_cast<char>(byte)};
    } else if (byte == '\n') {
      text += "\\n";
    } else if (byte >= 0x20 && byte < 0x7f) {
      text += static_cast<char>(byte);
    } else {
      text += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return text + '"';
}

}  // namespace

std::string to_string(const StreamError& error) {
  const auto bytes = std::as_bytes(std::span(error.header));
  const std::string seen = quoted(std::span(error.header).first(error.header_bytes));
  switch (error.code) {
    case StreamError::closed: return "the other side closed the control stream";
    case StreamError::closed_in_frame:
      return "the control stream ended inside a frame that starts with the bytes " + seen;
    case StreamError::too_long:
      return "not a control frame: the bytes " + seen + " give it a length of " + std::to_string(length_of(bytes)) +
             ", the most is " + std::to_string(max_control_payload_bytes);
    case StreamError::malformed:
      if (!known(kind_of(bytes))) {
        return "not a control frame: the bytes " + seen + " give it the unknown kind " + std::to_string(kind_of(bytes));
      }
      return "not a control frame: the bytes " + seen + " end in " + std::to_string(reserved_of(bytes)) +
             " where 0 must stand";
    case StreamError::unexpected_descriptor:
      return "a file descriptor came on the control stream where none is accepted";
    case StreamError::lost_descriptor:
      return "file descriptors were lost on the control stream: more than " + std::to_string(max_control_descriptors) +
             " with a frame, or more than this process may open";
    case StreamError::backlog:
      return "the other side does not read its control stream: more than " + std::to_string(max_control_backlog_bytes) +
             " bytes wait";
    case StreamError::io: return std::string("the control stream failed: ") + std::strerror(error.os_error);
  }
  return "unknown control stream error";
}

ControlStream::ControlStream(Descriptor socket, Descriptors policy) : socket_(std::move(socket)), policy_(policy) {
  prepare_stream(socket_.get());
}

std::expected<void, StreamError> ControlStream::send(ControlKind kind,
                                                     std::span<const std::byte> payload,
                                                     std::span<const int> descriptors) {
  assert(descriptors.size() <= max_control_descriptors);
  Outgoing frame;
  frame.bytes.resize(control_header_bytes + payload.size());
  store(frame.bytes, 0, static_cast<std::uint32_t>(payload.size()));
  store(frame.bytes, 4, static_cast<std::uint16_t>(kind));
  std::ranges::copy(payload, frame.bytes.begin() + control_header_bytes);
  if (payload.size() > max_control_payload_bytes) {
    StreamError refused{.code = StreamError::too_long, .header_bytes = control_header_bytes};
    std::memcpy(refused.header.data(), frame.bytes.data(), control_header_bytes);
    return std::unexpected(refused);
  }

  if (auto flushed = flush(); !flushed) return std::unexpected(flushed.error());
  if (backlog_.empty()) {
    auto sent = write(frame.bytes, descriptors);
    if (!sent) return std::unexpected(sent.error());
    if (*sent == frame.bytes.size()) return {};
    frame.sent = *sent;
  }
  if (backlog_bytes_ + frame.bytes.size() - frame.sent > max_control_backlog_bytes) {
    return std::unexpected(error(StreamError::backlog));
  }
  if (frame.sent == 0 && !out_) {
    for (const int number : descriptors) {
      frame.descriptors.emplace_back(::fcntl(number, F_DUPFD_CLOEXEC, 0));
      if (!frame.descriptors.back()) return std::unexpected(error(StreamError::io, errno));
    }
  }
  backlog_bytes_ += frame.bytes.size() - frame.sent;
  backlog_.push_back(std::move(frame));
  return {};
}

bool ControlStream::is_waiting(ControlKind kind, std::span<const std::byte> payload) const {
  return std::ranges::any_of(backlog_, [&](const Outgoing& frame) {
    return load<std::uint16_t>(frame.bytes, 4) == static_cast<std::uint16_t>(kind) &&
           std::ranges::equal(std::span(frame.bytes).subspan(control_header_bytes), payload);
  });
}

std::expected<bool, StreamError> ControlStream::flush() {
  while (!backlog_.empty()) {
    Outgoing& frame = backlog_.front();
    std::array<int, max_control_descriptors> numbers{};
    std::ranges::transform(frame.descriptors, numbers.begin(), &Descriptor::get);
    auto sent = write(std::span(frame.bytes).subspan(frame.sent), std::span(numbers).first(frame.descriptors.size()));
    if (!sent) return std::unexpected(sent.error());
    if (*sent == 0) return false;
    frame.descriptors.clear();
    frame.sent += *sent;
    backlog_bytes_ -= *sent;
    if (frame.sent == frame.bytes.size()) backlog_.pop_front();
  }
  return true;
}

// As much as the socket takes at once, which may be nothing. One successful call: a second would repeat the descriptors.
std::expected<std::size_t, StreamError> ControlStream::write(std::span<const std::byte> bytes,
                                                             std::span<const int> descriptors) {
  AncillaryBuffer ancillary{};
  iovec part{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) attach(message, ancillary, descriptors);
  for (;;) {
    const ssize_t sent = out_ ? ::write(out_.get(), bytes.data(), bytes.size()) : send_now(socket_.get(), message);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (errno == EPIPE || errno == ECONNRESET) return std::unexpected(error(StreamError::closed));
    if (errno != EINTR) return std::unexpected(error(StreamError::io, errno));
  }
}

std::expected<std::optional<ControlFrame>, StreamError> ControlStream::receive() {
  if (failed_) return std::unexpected(*failed_);
  auto whole = fill();
  if (!whole) {
    received_.clear();
    payload_ = {};
    failed_ = whole.error();
    return std::unexpected(*failed_);
  }
  if (!*whole) return std::nullopt;
  ControlFrame frame{.kind = static_cast<ControlKind>(kind_of(header_)),
                     .payload = std::exchange(payload_, {}),
                     .descriptors = std::exchange(received_, {})};
  header_read_ = 0;
  payload_read_ = 0;
  return frame;
}

// No read crosses the end of a header or of a frame. So the descriptors that come with a read belong to the frame being
// read, and nothing depends on how the system joins what was sent apart.
std::expected<bool, StreamError> ControlStream::fill() {
  while (header_read_ < control_header_bytes) {
    auto got = read(std::span(header_).subspan(header_read_));
    if (!got) return std::unexpected(got.error());
    if (*got == 0) return false;
    header_read_ += *got;
    if (const auto fault = check_header()) return std::unexpected(error(*fault));
  }
  while (payload_read_ < payload_bytes()) {
    if (payload_read_ == payload_.size()) {
      payload_.resize(std::min(payload_bytes(), payload_read_ + growth_bytes));
    }
    auto got = read(std::span(payload_).subspan(payload_read_));
    if (!got) return std::unexpected(got.error());
    if (*got == 0) return false;
    payload_read_ += *got;
  }
  return true;
}

// 0 when there is nothing now.
std::expected<std::size_t, StreamError> ControlStream::read(std::span<std::byte> into) {
  AncillaryBuffer ancillary{};
  for (;;) {
    iovec part{.iov_base = into.data(), .iov_len = into.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    // Without a buffer for them the system drops the descriptors before they have a number here. Where it does not say so
    // they are taken, to be refused.
    if (policy_ == Descriptors::accepted || !tells_dropped_descriptors) {
      message.msg_control = ancillary.bytes;
      message.msg_controllen = sizeof(ancillary.bytes);
    }
    const ssize_t got = out_ ? ::read(socket_.get(), into.data(), into.size()) : receive_now(socket_.get(), message);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return 0;
    if (got < 0 && errno != ECONNRESET) return std::unexpected(error(StreamError::io, errno));
    if (got <= 0) {
      return std::unexpected(error(header_read_ == 0 ? StreamError::closed : StreamError::closed_in_frame));
    }

    if (out_) return static_cast<std::size_t>(got);
    const std::size_t taken = take_descriptors(message, received_);
    if ((message.msg_flags & MSG_CTRUNC) != 0) {
      return std::unexpected(
          error(policy_ == Descriptors::refused ? StreamError::unexpected_descriptor : StreamError::lost_descriptor));
    }
    if (taken > 0 && (policy_ == Descriptors::refused || header_read_ == control_header_bytes)) {
      return std::unexpected(error(StreamError::unexpected_descriptor));
    }
    if (received_.size() > max_control_descriptors) return std::unexpected(error(StreamError::lost_descriptor));
    return static_cast<std::size_t>(got);
  }
}

// Each field as soon as it is there: who prints three words into the stream and waits is told at once.
std::optional<StreamError::Code> ControlStream::check_header() const {
  if (header_read_ >= 4 && payload_bytes() > max_control_payload_bytes) return StreamError::too_long;
  if (header_read_ >= 6 && !known(kind_of(header_))) return StreamError::malformed;
  if (header_read_ >= 8 && reserved_of(header_) != 0) return StreamError::malformed;
  return std::nullopt;
}

std::size_t ControlStream::payload_bytes() const { return length_of(header_); }

StreamError ControlStream::error(StreamError::Code code, int os_error) const {
  StreamError error{.code = code, .os_error = os_error, .header_bytes = static_cast<std::uint8_t>(header_read_)};
  std::memcpy(error.header.data(), header_.data(), header_read_);
  return error;
}

std::expected<std::optional<ControlFrame>, StreamError> ControlStream::receive_until(std::uint64_t deadline_ns) {
  for (;;) {
    auto frame = receive();
    if (!frame || *frame) return frame;
    // A side that no longer reads may still have said why: that comes out of receive().
    const bool can_write = wants_write() && flush().has_value() && wants_write();
    if (!wait(POLLIN | (can_write ? POLLOUT : 0), deadline_ns)) return std::nullopt;
  }
}

std::expected<bool, StreamError> ControlStream::flush_until(std::uint64_t deadline_ns) {
  for (;;) {
    auto flushed = flush();
    if (!flushed || *flushed) return flushed;
    if (!wait(POLLOUT, deadline_ns)) return false;
  }
}

// False at the deadline.
bool ControlStream::wait(int events, std::uint64_t deadline_ns) const {
  for (;;) {
    const std::uint64_t now = monotonic_ns();
    if (now >= deadline_ns) return false;
    // Rounded up, or the last millisecond would be spun through.
    const std::uint64_t milliseconds = std::min<std::uint64_t>((deadline_ns - now + 999'999) / 1'000'000, 3'600'000);
    pollfd entries[] = {
        {.fd = socket_.get(), .events = static_cast<short>(events & ~POLLOUT), .revents = 0},
        {.fd = (events & POLLOUT) != 0 ? write_descriptor() : -1, .events = POLLOUT, .revents = 0},
    };
    if (::poll(entries, std::size(entries), static_cast<int>(milliseconds)) > 0) return true;
  }
}

}  // namespace ringmail::transport

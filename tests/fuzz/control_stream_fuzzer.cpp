// A stream of frames that arrives in pieces: it makes the same frames, and the same error, as when it comes at once; what a
// frame holds can be decoded or is refused; and no descriptor is left open, wherever some come along.
//
// An input is a byte of choices, a byte that says where the stream is cut, and the stream.

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "../transport/open_descriptors.hpp"
#include "guarded.hpp"
#include "messages.hpp"

namespace {

using namespace ringmail::transport;
using ringmail::fuzz::Bytes;
using ringmail::fuzz::Chance;

enum Choice : std::uint8_t { in_pieces = 1, with_descriptors = 2, refuses_descriptors = 4 };
constexpr std::size_t prefix_bytes = 2;

struct Heard {
  std::vector<std::pair<ControlKind, Bytes>> frames;
  std::optional<StreamError::Code> error;

  bool operator==(const Heard&) const = default;
};

void send_some(int socket, std::span<const std::byte> bytes, std::size_t descriptors) {
  static const int any = open("/dev/null", O_RDONLY | O_CLOEXEC);
  std::array<int, 12> numbers;
  numbers.fill(any);
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof numbers)> ancillary{};
  iovec part{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (descriptors != 0) {
    message.msg_control = ancillary.data();
    message.msg_controllen = CMSG_SPACE(descriptors * sizeof(int));
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors * sizeof(int));
    std::memcpy(CMSG_DATA(header), numbers.data(), descriptors * sizeof(int));
  }
  if (sendmsg(socket, &message, MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) std::abort();
}

/// Reads what is there. False: the stream is at its end or at fault.
bool hear(ControlStream& stream, Heard& heard) {
  while (true) {
    auto frame = stream.receive();
    if (!frame) {
      heard.error = frame.error().code;
      if (to_string(frame.error()).empty() || stream.receive().error() != frame.error().code) std::abort();
      return false;
    }
    if (!*frame) return true;
    if ((*frame)->descriptors.size() > max_control_descriptors) std::abort();
    heard.frames.emplace_back((*frame)->kind, std::move((*frame)->payload));
  }
}

Heard deliver(std::span<const std::byte> bytes, unsigned choices, unsigned seed) {
  Chance chance(seed + 1);
  auto ends = control_pair();
  if (!ends) std::abort();
  ControlStream stream(std::move(ends->second), (choices & refuses_descriptors) != 0
                                                    ? ControlStream::Descriptors::refused
                                                    : ControlStream::Descriptors::accepted);
  Heard heard;
  while (!bytes.empty()) {
    const bool in_two = (choices & in_pieces) != 0;
    const std::size_t most = in_two ? 1 + chance.below(chance.one_in(4) ? 100 : 9) : std::size_t{32768};
    const auto piece = bytes.first(std::min(most, bytes.size()));
    const std::size_t descriptors = (choices & with_descriptors) != 0 && chance.one_in(3) ? 1 + chance.below(12) : 0;
    send_some(ends->first.get(), piece, descriptors);
    bytes = bytes.subspan(piece.size());
    if (!hear(stream, heard)) return heard;
  }
  ends->first = Descriptor();
  if (hear(stream, heard)) std::abort();
  return heard;
}

/// With what send_some() keeps.
std::size_t descriptors_at_rest() {
  send_some(control_pair()->first.get(), {}, 0);
  return test::open_descriptors();
}

void decode_all(const Heard& heard) {
  for (const auto& [kind, payload] : heard.frames) {
    ringmail::fuzz::with_kind(static_cast<unsigned>(kind), [&]<class Message>(const Message&) {
      ringmail::fuzz::between_guards(
          reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size(),
          [](std::span<const std::byte> bytes) { static_cast<void>(decode<Message>(bytes)); });
    });
  }
}

/// The frames of a stream, as far as they are whole.
std::vector<Bytes> frames_of(std::span<const std::byte> stream) {
  std::vector<Bytes> frames;
  while (stream.size() >= control_header_bytes) {
    std::uint32_t length = 0;
    std::memcpy(&length, stream.data(), sizeof length);
    if (length > stream.size() - control_header_bytes) break;
    frames.emplace_back(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(control_header_bytes + length));
    stream = stream.subspan(control_header_bytes + length);
  }
  return frames;
}

Bytes any_frame(Chance& chance) {
  const auto kind = static_cast<unsigned>(1 + chance.below(10));
  const Bytes payload = ringmail::fuzz::with_kind(
      kind, [&](const auto& good) { return chance.one_in(2) ? encode(good) : ringmail::fuzz::near_to(good, chance); });
  Bytes frame(control_header_bytes);
  const auto length = static_cast<std::uint32_t>(payload.size());
  std::memcpy(frame.data(), &length, sizeof length);
  frame[4] = static_cast<std::byte>(kind);
  frame.insert(frame.end(), payload.begin(), payload.end());
  return frame;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < prefix_bytes) return 0;
  const unsigned choices = data[0];
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(prefix_bytes);
  static const std::size_t open = descriptors_at_rest();
  const Heard heard = deliver(bytes, choices, data[1]);
  decode_all(heard);
  if ((choices & with_descriptors) == 0 && !(heard == deliver(bytes, choices & ~unsigned{in_pieces}, 0))) std::abort();
  if (test::open_descriptors() != open) std::abort();
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data,
                                               std::size_t size,
                                               std::size_t max_size,
                                               unsigned seed) {
  Chance chance(seed);
  if (size < prefix_bytes || chance.one_in(3)) return LLVMFuzzerMutate(data, size, max_size);
  if (chance.one_in(4)) data[0] = static_cast<std::uint8_t>(chance.below(9));
  if (chance.one_in(4)) data[1] = static_cast<std::uint8_t>(chance.below(256));
  auto frames = frames_of(std::as_bytes(std::span(data, size)).subspan(prefix_bytes));
  const auto place = [&] { return frames.begin() + static_cast<std::ptrdiff_t>(chance.below(frames.size() + 1)); };
  switch (chance.below(4)) {
    case 0:
      if (!frames.empty()) frames.erase(frames.begin() + static_cast<std::ptrdiff_t>(chance.below(frames.size())));
      break;
    case 1:
      if (!frames.empty()) {  // a header that says something else
        Bytes& frame = frames[chance.below(frames.size())];
        frame[chance.below(control_header_bytes)] = static_cast<std::byte>(chance.number<std::uint8_t>());
        break;
      }
      [[fallthrough]];
    default: frames.insert(place(), any_frame(chance));
  }
  Bytes stream;
  for (const Bytes& frame : frames) stream.insert(stream.end(), frame.begin(), frame.end());
  return prefix_bytes + ringmail::fuzz::put(stream, data + prefix_bytes, max_size - prefix_bytes);
}

#include "ringmail/transport/control_stream.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "ringmail/transport/futex.hpp"

namespace ringmail::transport {
namespace {

using Descriptors = ControlStream::Descriptors;

std::uint64_t in_seconds(std::uint64_t seconds) { return monotonic_ns() + seconds * 1'000'000'000; }

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> frame_of(std::uint32_t length,
                                std::uint16_t kind,
                                std::uint16_t zero,
                                std::string_view payload) {
  std::vector<std::byte> frame;
  for (int i = 0; i < 4; ++i) frame.push_back(static_cast<std::byte>(length >> (8 * i)));
  for (int i = 0; i < 2; ++i) frame.push_back(static_cast<std::byte>(kind >> (8 * i)));
  for (int i = 0; i < 2; ++i) frame.push_back(static_cast<std::byte>(zero >> (8 * i)));
  std::ranges::copy(bytes_of(payload), std::back_inserter(frame));
  return frame;
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* directory = opendir("/dev/fd");
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count;
}

bool same_file(int a, int b) {
  struct stat left{};
  struct stat right{};
  return fstat(a, &left) == 0 && fstat(b, &right) == 0 && left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

Descriptor some_file() { return Descriptor(open("/dev/null", O_RDONLY | O_CLOEXEC)); }

// One end spoken to through a ControlStream, the other by hand.
struct Wire {
  explicit Wire(Descriptors policy = Descriptors::accepted) {
    auto pair = control_pair();
    stream.emplace(std::move(pair->first), policy);
    raw = std::move(pair->second);
    prepare_stream(raw.get());
  }

  void put(std::span<const std::byte> bytes, std::span<const int> descriptors = {}) const {
    iovec part{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
    std::vector<char> control(CMSG_SPACE(descriptors.size_bytes()));
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!descriptors.empty()) {
      message.msg_control = control.data();
      message.msg_controllen = static_cast<decltype(message.msg_controllen)>(control.size());
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = static_cast<decltype(header->cmsg_len)>(CMSG_LEN(descriptors.size_bytes()));
      std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
    }
    ASSERT_EQ(send_now(raw.get(), message), static_cast<ssize_t>(bytes.size()));
  }
  void put(std::string_view text) const { put(bytes_of(text)); }

  StreamError error() {
    const auto received = stream->receive();
    EXPECT_FALSE(received);
    return received ? StreamError{.code = StreamError::io} : received.error();
  }

  std::optional<ControlStream> stream;
  Descriptor raw;
};

struct Pair {
  explicit Pair(Descriptors right_policy = Descriptors::accepted) {
    auto ends = control_pair();
    left.emplace(std::move(ends->first));
    right.emplace(std::move(ends->second), right_policy);
  }
  std::optional<ControlStream> left;
  std::optional<ControlStream> right;
};

TEST(ControlStream, a_frame_arrives_as_it_was_sent) {
  Pair pair;
  ASSERT_TRUE(pair.left->send(ControlKind::resolve, bytes_of("who?")));
  ASSERT_TRUE(pair.left->send(ControlKind::ready, {}));

  auto first = pair.right->receive();
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->kind, ControlKind::resolve);
  EXPECT_EQ((*first)->payload, bytes_of("who?"));
  EXPECT_TRUE((*first)->descriptors.empty());
  auto second = pair.right->receive();
  ASSERT_TRUE(second && *second);
  EXPECT_EQ((*second)->kind, ControlKind::ready);
  EXPECT_TRUE((*second)->payload.empty());
  auto third = pair.right->receive();
  ASSERT_TRUE(third);
  EXPECT_FALSE(*third);
}

TEST(ControlStream, the_bytes_on_the_wire_are_those_of_the_specification) {
  Wire wire;
  ASSERT_TRUE(wire.stream->send(ControlKind::failure, bytes_of("oh")));
  std::array<std::byte, 32> read{};
  ASSERT_EQ(::read(wire.raw.get(), read.data(), read.size()), 10);
  const auto expected = frame_of(2, 7, 0, "oh");
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), read.begin()));
}

TEST(ControlStream, frames_that_come_byte_by_byte_are_put_together) {
  Wire wire;
  auto bytes = frame_of(5, 5, 0, "hello");
  std::ranges::copy(frame_of(0, 3, 0, ""), std::back_inserter(bytes));
  std::vector<ControlKind> kinds;
  for (const std::byte byte : bytes) {
    wire.put(std::span(&byte, 1));
    auto received = wire.stream->receive();
    ASSERT_TRUE(received);
    if (*received) kinds.push_back((*received)->kind);
    if (*received && kinds.size() == 1) {
      EXPECT_EQ((*received)->payload, bytes_of("hello"));
    }
  }
  EXPECT_EQ(kinds, (std::vector{ControlKind::resolve, ControlKind::ready}));
}

TEST(ControlStream, a_payload_of_the_largest_size_passes_a_full_socket_buffer) {
  Pair pair;
  std::string large(max_control_payload_bytes, 'x');
  large.front() = 'a';
  large.back() = 'z';
  ASSERT_TRUE(pair.left->send(ControlKind::hello, bytes_of(large)));
  ASSERT_TRUE(pair.left->send(ControlKind::ready, {}));
  ASSERT_TRUE(pair.left->wants_write());

  std::vector<ControlFrame> frames;
  while (frames.size() < 2) {
    auto received = pair.right->receive();
    ASSERT_TRUE(received);
    if (*received) {
      frames.push_back(std::move(**received));
    } else {
      ASSERT_TRUE(pair.left->flush());
    }
  }
  EXPECT_EQ(frames[0].payload, bytes_of(large));
  EXPECT_EQ(frames[1].kind, ControlKind::ready);
  EXPECT_FALSE(pair.left->wants_write());
}

TEST(ControlStream, a_payload_that_is_too_large_is_not_sent) {
  Pair pair;
  const auto sent = pair.left->send(ControlKind::hello, std::vector<std::byte>(max_control_payload_bytes + 1));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error(), StreamError::too_long);
  auto received = pair.right->receive();
  ASSERT_TRUE(received);
  EXPECT_FALSE(*received);
}

TEST(ControlStream, a_side_that_never_reads_costs_a_bounded_backlog) {
  Pair pair;
  const std::vector<std::byte> large(max_control_payload_bytes);
  std::expected<void, StreamError> sent;
  for (int i = 0; i < 8 && sent; ++i) sent = pair.left->send(ControlKind::hello, large);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error(), StreamError::backlog);
}

TEST(ControlStream, descriptors_arrive_with_their_frame_and_are_close_on_exec) {
  Pair pair;
  const Descriptor null = some_file();
  const Descriptor zero(open("/dev/zero", O_RDONLY | O_CLOEXEC));
  const int numbers[] = {null.get(), zero.get()};
  ASSERT_TRUE(pair.left->send(ControlKind::resolve, bytes_of("none with this")));
  ASSERT_TRUE(pair.left->send(ControlKind::welcome, bytes_of("two"), numbers));
  ASSERT_TRUE(pair.left->send(ControlKind::ready, {}));

  auto before = pair.right->receive();
  ASSERT_TRUE(before && *before);
  EXPECT_TRUE((*before)->descriptors.empty());
  auto with = pair.right->receive();
  ASSERT_TRUE(with && *with);
  ASSERT_EQ((*with)->descriptors.size(), 2u);
  EXPECT_TRUE(same_file((*with)->descriptors[0].get(), null.get()));
  EXPECT_TRUE(same_file((*with)->descriptors[1].get(), zero.get()));
  for (const auto& descriptor : (*with)->descriptors) {
    EXPECT_TRUE(fcntl(descriptor.get(), F_GETFD) & FD_CLOEXEC);
  }
  auto after = pair.right->receive();
  ASSERT_TRUE(after && *after);
  EXPECT_TRUE((*after)->descriptors.empty());
}

TEST(ControlStream, descriptors_with_the_first_byte_alone_belong_to_the_frame_that_follows) {
  Wire wire;
  const Descriptor file = some_file();
  const auto bytes = frame_of(3, 2, 0, "abc");
  wire.put(std::span(bytes).first(1), std::array{file.get()});
  for (std::size_t i = 1; i < bytes.size(); ++i) {
    auto received = wire.stream->receive();
    ASSERT_TRUE(received && !*received);
    wire.put(std::span(bytes).subspan(i, 1));
  }
  auto received = wire.stream->receive();
  ASSERT_TRUE(received && *received);
  EXPECT_EQ((*received)->descriptors.size(), 1u);
}

TEST(ControlStream, a_waiting_frame_keeps_descriptors_that_their_owner_has_closed) {
  const std::vector<std::byte> large(max_control_payload_bytes);
  Pair pair;
  ASSERT_TRUE(pair.left->send(ControlKind::hello, large));
  ASSERT_TRUE(pair.left->wants_write());
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const Descriptor read_end(ends[0]);
  fcntl(read_end.get(), F_SETFD, FD_CLOEXEC);
  {
    const Descriptor write_end(ends[1]);
    // Large, so that it goes in pieces: the descriptor must go with the first alone.
    ASSERT_TRUE(pair.left->send(ControlKind::welcome, large, std::array{write_end.get()}));
  }
  for (int number = 0; number < 1024; ++number) {
    if (same_file(number, read_end.get())) {
      EXPECT_TRUE(fcntl(number, F_GETFD) & FD_CLOEXEC) << number;
    }
  }

  std::optional<ControlFrame> last;
  while (!last || last->kind != ControlKind::welcome) {
    auto received = pair.right->receive();
    ASSERT_TRUE(received) << to_string(received.error());
    if (*received) last = std::move(*received);
    ASSERT_TRUE(pair.left->flush());
  }
  ASSERT_EQ(last->descriptors.size(), 1u);
  EXPECT_EQ(::write(last->descriptors[0].get(), "x", 1), 1);
}

TEST(ControlStream, a_backlog_that_was_sent_no_longer_counts) {
  Pair pair;
  for (int round = 0; round < 8; ++round) {
    ASSERT_TRUE(pair.left->send(ControlKind::hello, std::vector<std::byte>(max_control_payload_bytes)));
    ASSERT_TRUE(pair.left->wants_write());
    while (true) {
      auto received = pair.right->receive();
      ASSERT_TRUE(received);
      if (*received) break;
      ASSERT_TRUE(pair.left->flush());
    }
  }
}

TEST(ControlStream, who_accepts_no_descriptors_opens_none) {
  Pair pair(Descriptors::refused);
  const Descriptor file = some_file();
  ASSERT_TRUE(pair.left->send(ControlKind::hello, bytes_of("mine"), std::array{file.get()}));
  const auto before = open_descriptors();
  const auto received = pair.right->receive();
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error(), StreamError::unexpected_descriptor);
  EXPECT_EQ(open_descriptors(), before);
}

TEST(ControlStream, who_accepts_no_descriptors_still_takes_frames) {
  Pair pair(Descriptors::refused);
  ASSERT_TRUE(pair.left->send(ControlKind::hello, bytes_of("mine")));
  auto received = pair.right->receive();
  ASSERT_TRUE(received && *received);
  EXPECT_EQ((*received)->payload, bytes_of("mine"));
}

TEST(ControlStream, descriptors_inside_a_payload_are_closed_and_refused) {
  Wire wire;
  const Descriptor file = some_file();
  const auto bytes = frame_of(3, 2, 0, "abc");
  const auto before = open_descriptors();
  wire.put(std::span(bytes).first(9));
  wire.put(std::span(bytes).subspan(9), std::array{file.get()});
  EXPECT_EQ(wire.error(), StreamError::unexpected_descriptor);
  EXPECT_EQ(open_descriptors(), before);
}

TEST(ControlStream, more_descriptors_than_a_frame_may_have_are_closed_and_refused) {
  for (const std::size_t split : {0u, 1u}) {
    Wire wire;
    const Descriptor file = some_file();
    const std::vector<int> many(max_control_descriptors, file.get());
    const std::vector<int> too_many(max_control_descriptors + 1, file.get());
    const auto bytes = frame_of(0, 2, 0, "");
    const auto before = open_descriptors();
    if (split == 0) {
      wire.put(bytes, too_many);
    } else {
      wire.put(std::span(bytes).first(split), many);
      wire.put(std::span(bytes).subspan(split), std::array{file.get()});
    }
    EXPECT_EQ(wire.error(), StreamError::lost_descriptor);
    EXPECT_EQ(open_descriptors(), before);
  }
}

TEST(ControlStream, a_full_table_of_descriptors_is_an_error_and_not_a_short_list) {
  Wire wire;
  const Descriptor file = some_file();
  wire.put(frame_of(0, 2, 0, ""), std::array{file.get(), file.get()});
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const Descriptor next(dup(file.get()));
  const rlimit full{.rlim_cur = static_cast<rlim_t>(next.get()) + 2, .rlim_max = limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &full), 0);
  const StreamError error = wire.error();
  setrlimit(RLIMIT_NOFILE, &limit);
  EXPECT_EQ(error, StreamError::lost_descriptor);
}

TEST(ControlStream, nothing_is_left_open_when_a_stream_goes_with_frames_half_received_and_half_sent) {
  const auto before = open_descriptors();
  {
    Wire half_received;
    const Descriptor file = some_file();
    const auto bytes = frame_of(3, 2, 0, "abc");
    half_received.put(std::span(bytes).first(9), std::array{file.get()});
    auto received = half_received.stream->receive();
    ASSERT_TRUE(received && !*received);

    Pair half_sent;
    ASSERT_TRUE(half_sent.left->send(ControlKind::hello, std::vector<std::byte>(max_control_payload_bytes)));
    ASSERT_TRUE(half_sent.left->send(ControlKind::welcome, {}, std::array{file.get()}));
    ASSERT_TRUE(half_sent.left->wants_write());
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST(ControlStream, an_error_is_final_and_closes_what_came_with_the_frame) {
  Wire wire;
  const Descriptor file = some_file();
  const auto before = open_descriptors();
  wire.put(frame_of(0, 99, 0, ""), std::array{file.get()});
  EXPECT_EQ(wire.error(), StreamError::malformed);
  EXPECT_EQ(open_descriptors(), before);
  wire.put(frame_of(0, 1, 0, ""));
  EXPECT_EQ(wire.error(), StreamError::malformed);
}

TEST(ControlStream, what_somebody_printed_is_quoted) {
  Wire wire;
  wire.put("hello world\n");
  const auto error = wire.error();
  EXPECT_EQ(error, StreamError::too_long);
  EXPECT_EQ(to_string(error),
            "not a control frame: the bytes \"hello wo\" give it a length of 1819043176, the most is 1048576");
}

TEST(ControlStream, four_wrong_bytes_are_enough) {
  Wire wire;
  wire.put("hi\n\x01");
  EXPECT_EQ(to_string(wire.error()),
            "not a control frame: the bytes \"hi\\n\\x01\" give it a length of 17459560, the most is 1048576");
}

TEST(ControlStream, forged_headers_are_refused) {
  const struct {
    std::vector<std::byte> bytes;
    StreamError::Code code;
    std::string_view text;
  } cases[] = {
      {frame_of(max_control_payload_bytes + 1, 1, 0, ""), StreamError::too_long,
       "a length of 1048577, the most is 1048576"},
      {frame_of(0xffffffff, 1, 0, ""), StreamError::too_long, "a length of 4294967295"},
      {frame_of(0, 0, 0, ""), StreamError::malformed, "the unknown kind 0"},
      {frame_of(0, 99, 0, ""), StreamError::malformed, "the unknown kind 99"},
      {frame_of(0, 1, 7, ""), StreamError::malformed, "end in 7 where 0 must stand"},
  };
  for (const auto& forged : cases) {
    Wire wire;
    wire.put(forged.bytes);
    const auto error = wire.error();
    EXPECT_EQ(error, forged.code) << to_string(error);
    EXPECT_NE(to_string(error).find(forged.text), std::string::npos) << to_string(error);
  }
}

TEST(ControlStream, the_largest_length_is_no_error_and_costs_no_memory_before_its_bytes_come) {
  Wire wire;
  wire.put(frame_of(max_control_payload_bytes, 8, 0, ""));
  auto received = wire.stream->receive();
  ASSERT_TRUE(received);
  EXPECT_FALSE(*received);
}

TEST(ControlStream, the_end_between_two_frames_is_told_from_one_inside) {
  const auto bytes = frame_of(2, 7, 0, "oh");
  for (std::size_t sent = 0; sent <= bytes.size(); ++sent) {
    Wire wire;
    if (sent > 0) wire.put(std::span(bytes).first(sent));
    wire.raw = Descriptor();
    if (sent == bytes.size()) {
      auto whole = wire.stream->receive();
      ASSERT_TRUE(whole && *whole);
    }
    const bool inside = sent > 0 && sent < bytes.size();
    EXPECT_EQ(wire.error(), inside ? StreamError::closed_in_frame : StreamError::closed) << sent;
  }
}

TEST(ControlStream, a_closed_end_is_an_error_and_no_signal_and_its_last_words_can_still_be_read) {
  ASSERT_NE(signal(SIGPIPE, SIG_DFL), SIG_ERR);
  Wire wire;
  wire.put(frame_of(2, 7, 0, "oh"));
  wire.raw = Descriptor();
  const auto sent = wire.stream->send(ControlKind::ready, {});
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error(), StreamError::closed);
  auto received = wire.stream->receive();
  ASSERT_TRUE(received && *received);
  EXPECT_EQ((*received)->payload, bytes_of("oh"));
  EXPECT_EQ(wire.error(), StreamError::closed);
}

TEST(ControlStream, an_end_that_went_without_reading_is_closed_and_not_a_failed_system_call) {
  Wire wire;
  ASSERT_TRUE(wire.stream->send(ControlKind::ready, {}));
  wire.raw = Descriptor();
  EXPECT_EQ(wire.error(), StreamError::closed);
}

TEST(ControlStream, a_failed_system_call_is_named) {
  ControlStream stream{Descriptor()};
  const auto received = stream.receive();
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error(), StreamError::io);
  EXPECT_EQ(received.error().os_error, EBADF);
  EXPECT_EQ(to_string(received.error()), "the control stream failed: Bad file descriptor");
}

TEST(ControlStream, a_blocking_user_waits_for_a_frame_and_for_room) {
  Pair pair;
  const std::vector<std::byte> large(max_control_payload_bytes, std::byte{7});
  std::thread other([&] {
    EXPECT_TRUE(pair.left->send(ControlKind::hello, large));
    auto flushed = pair.left->flush_until(in_seconds(20));
    EXPECT_TRUE(flushed && *flushed);
    auto answer = pair.left->receive_until(in_seconds(20));
    EXPECT_TRUE(answer && *answer);
  });
  auto received = pair.right->receive_until(in_seconds(20));
  EXPECT_TRUE(received && *received);
  if (received && *received) {
    EXPECT_EQ((*received)->payload, large);
  }
  EXPECT_TRUE(pair.right->send(ControlKind::ready, {}));
  other.join();
}

TEST(ControlStream, who_waits_for_an_answer_goes_on_sending) {
  Pair pair;
  std::thread other([&] {
    EXPECT_TRUE(pair.left->send(ControlKind::hello, std::vector<std::byte>(max_control_payload_bytes)));
    auto answer = pair.left->receive_until(in_seconds(20));
    EXPECT_TRUE(answer && *answer);
  });
  auto received = pair.right->receive_until(in_seconds(20));
  EXPECT_TRUE(received && *received);
  EXPECT_TRUE(pair.right->send(ControlKind::ready, {}));
  other.join();
}

TEST(ControlStream, a_deadline_ends_a_wait) {
  Pair pair;
  auto received = pair.right->receive_until(monotonic_ns() + 2'000'000);
  ASSERT_TRUE(received);
  EXPECT_FALSE(*received);
  ASSERT_TRUE(pair.left->send(ControlKind::hello, std::vector<std::byte>(max_control_payload_bytes)));
  auto flushed = pair.left->flush_until(monotonic_ns() + 2'000'000);
  ASSERT_TRUE(flushed);
  EXPECT_FALSE(*flushed);
}

TEST(ControlStream, a_wait_ends_when_the_other_side_closes) {
  Wire wire;
  wire.raw = Descriptor();
  const auto received = wire.stream->receive_until(in_seconds(20));
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error(), StreamError::closed);
}

TEST(Descriptor, closes_what_it_owns_once_and_nothing_that_it_gave_away) {
  const auto before = open_descriptors();
  {
    Descriptor first = some_file();
    Descriptor second = some_file();
    const int number = second.get();
    first = std::move(second);
    EXPECT_FALSE(second);
    EXPECT_EQ(first.get(), number);
    EXPECT_EQ(open_descriptors(), before + 1);
    const Descriptor third(first.release());
    EXPECT_FALSE(first);
    EXPECT_EQ(open_descriptors(), before + 1);
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST(ControlPair, both_ends_are_close_on_exec) {
  auto pair = control_pair();
  ASSERT_TRUE(pair);
  EXPECT_TRUE(fcntl(pair->first.get(), F_GETFD) & FD_CLOEXEC);
  EXPECT_TRUE(fcntl(pair->second.get(), F_GETFD) & FD_CLOEXEC);
}

struct PipeEnds {
  ControlStream host;
  Descriptor peer_reads;
  Descriptor peer_writes;
};

PipeEnds over_pipes() {
  auto to_peer = pipe_pair();
  auto to_host = pipe_pair();
  if (!to_peer || !to_host) std::abort();
  Descriptor unread(fcntl(to_peer->first.get(), F_DUPFD_CLOEXEC, 0));
  return {.host = ControlStream(std::move(to_host->first), std::move(to_peer->second), std::move(unread)),
          .peer_reads = std::move(to_peer->first),
          .peer_writes = std::move(to_host->second)};
}

TEST(ControlStreamOverPipes, carries_frames_both_ways_and_no_descriptors) {
  PipeEnds ends = over_pipes();
  const Descriptor file = some_file();
  const int numbers[] = {file.get()};
  ASSERT_TRUE(ends.host.send(ControlKind::welcome, bytes_of("hello"), numbers));
  std::vector<std::byte> read_bytes(100);
  const ssize_t got = read(ends.peer_reads.get(), read_bytes.data(), read_bytes.size());
  ASSERT_GT(got, 0);
  read_bytes.resize(static_cast<std::size_t>(got));
  EXPECT_EQ(read_bytes, frame_of(5, 2, 0, "hello"));

  const auto frame = frame_of(3, 1, 0, "abc");
  for (const std::byte& byte : frame) {
    ASSERT_EQ(*ends.host.receive(), std::nullopt);
    ASSERT_EQ(write(ends.peer_writes.get(), &byte, 1), 1);
  }
  const auto received = ends.host.receive();
  ASSERT_TRUE(received && *received);
  EXPECT_EQ((*received)->payload, bytes_of("abc"));
}

TEST(ControlStreamOverPipes, keeps_what_a_full_pipe_does_not_take) {
  PipeEnds ends = over_pipes();
  const std::string large(300'000, 'x');
  ASSERT_TRUE(ends.host.send(ControlKind::welcome, bytes_of(large)));
  EXPECT_TRUE(ends.host.wants_write());
  EXPECT_NE(ends.host.write_descriptor(), ends.host.descriptor());
  std::size_t total = 0;
  std::vector<std::byte> bytes(1 << 16);
  for (ssize_t got; (got = read(ends.peer_reads.get(), bytes.data(), bytes.size())) > 0;) {
    total += static_cast<std::size_t>(got);
    ASSERT_TRUE(ends.host.flush());
  }
  EXPECT_EQ(total, control_header_bytes + large.size());
  EXPECT_FALSE(ends.host.wants_write());
}

TEST(ControlStreamOverPipes, the_end_of_the_peer_is_the_end_of_the_stream_and_no_signal) {
  PipeEnds ends = over_pipes();
  ends.peer_reads = Descriptor();
  ends.peer_writes = Descriptor();
  EXPECT_TRUE(ends.host.send(ControlKind::resolved, bytes_of("x")));
  const auto received = ends.host.receive();
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error(), StreamError::closed);
}

}  // namespace
}  // namespace ringmail::transport

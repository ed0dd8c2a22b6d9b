#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <memory>

#include "io_test.hpp"

namespace ringmail::test {
namespace {

using io::IoErrorKind;

class IoStreamTest : public IoTest {
 protected:
  /// Two ends of one connection. In a handler: the kernel completes a connection without accept().
  struct Pair {
    io::TcpStream left;
    io::TcpStream right;
  };
  static Pair tcp_pair() {
    auto listener = io::TcpListener::bind("127.0.0.1", 0);
    EXPECT_TRUE(listener) << listener.error().text;
    auto left = io::TcpStream::connect("127.0.0.1", listener->port(), in_time);
    EXPECT_TRUE(left) << left.error().text;
    auto right = listener->accept(in_time);
    EXPECT_TRUE(right) << right.error().text;
    return {std::move(*left), std::move(*right)};
  }
};

INSTANTIATE_TEST_SUITE_P(Schedulers, IoStreamTest, testing::Values(1, 3), testing::PrintToStringParamName());

TEST_P(IoStreamTest, what_is_written_is_read_until_the_end_over_tcp) {
  run([] {
    auto [left, right] = tcp_pair();
    EXPECT_EQ(left.local_address(), right.peer_address());
    ASSERT_TRUE(left.write("one ", in_time));
    ASSERT_TRUE(left.write("two", in_time));
    left.close();
    EXPECT_FALSE(left.is_open());
    EXPECT_EQ(read_all(right), "one two");
  });
}

TEST_P(IoStreamTest, what_is_written_is_read_until_the_end_over_a_unix_socket_whose_path_is_then_gone) {
  const std::string path = testing::TempDir() + "ringmail_io_" + std::to_string(getpid());
  run([&] {
    auto listener = io::UnixListener::bind(path);
    ASSERT_TRUE(listener) << listener.error().text;
    auto left = io::UnixStream::connect(path, in_time);
    ASSERT_TRUE(left) << left.error().text;
    auto right = listener->accept(in_time);
    ASSERT_TRUE(right) << right.error().text;
    ASSERT_TRUE(left->write("over a path", in_time));
    left->close();
    EXPECT_EQ(read_all(*right), "over a path");
    listener->close();
    EXPECT_EQ(io::UnixStream::connect(path, in_time).error().kind, IoErrorKind::not_found);
  });
}

TEST_P(IoStreamTest, half_a_close_lets_the_other_half_go_on) {
  run([] {
    auto [left, right] = tcp_pair();
    ASSERT_TRUE(left.write("question", in_time));
    ASSERT_TRUE(left.finish_writing());
    EXPECT_EQ(read_all(right), "question");
    ASSERT_TRUE(right.write("answer", in_time));
    right.close();
    EXPECT_EQ(read_all(left), "answer");
  });
}

TEST_P(IoStreamTest, a_writer_whose_reader_does_not_read_waits_and_goes_on_when_it_does) {
  constexpr std::size_t total = 64 << 20;  // more than the kernel holds for one connection
  std::vector<std::byte> bytes(total);
  for (std::size_t i = 0; i < total; ++i) bytes[i] = static_cast<std::byte>(i * 2654435761u >> 24);
  std::atomic<bool> written{false};
  io::TcpStream writer;
  io::TcpStream reader;
  std::size_t gone = 0;
  run([&] {
    auto [left, right] = tcp_pair();
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const long most_kib = usage.ru_maxrss;
    const auto given_up = left.write(bytes, 50ms);
    ASSERT_FALSE(given_up);
    EXPECT_EQ(given_up.error().kind, IoErrorKind::timed_out);
    EXPECT_GT(given_up.error().done, 0u);
    EXPECT_LT(given_up.error().done, total);
    gone = given_up.error().done;
    getrusage(RUSAGE_SELF, &usage);
    EXPECT_LT(usage.ru_maxrss - most_kib, 4096) << "what waits is in nobody's memory but its owner's";
    writer = std::move(left);
    reader = std::move(right);
  });
  start([&] {
    const auto rest = writer.write(std::span(bytes).subspan(gone), io::forever);
    EXPECT_TRUE(rest);
    written = true;
    writer.close();
  });
  run([&] {
    EXPECT_FALSE(written);
    std::vector<std::byte> got(total);
    ASSERT_TRUE(reader.read_exactly(got, in_time));
    EXPECT_EQ(std::memcmp(got.data(), bytes.data(), total), 0);
    EXPECT_EQ(reader.read(got, in_time).value(), 0u);
  });
  ASSERT_TRUE(until([&] { return written.load(); }));
}

TEST_P(IoStreamTest, a_deadline_ends_a_read_and_the_stream_is_as_good_as_before) {
  run([] {
    auto [left, right] = tcp_pair();
    std::array<std::byte, 8> buffer;
    for (int i = 0; i < 3; ++i) {
      const auto begun = std::chrono::steady_clock::now();
      EXPECT_EQ(right.read(buffer, 5ms).error().kind, IoErrorKind::timed_out);
      EXPECT_GE(std::chrono::steady_clock::now() - begun, 5ms);
    }
    ASSERT_TRUE(left.write("late", in_time));
    EXPECT_EQ(right.read(buffer, in_time).value(), 4u);
  });
}

TEST_P(IoStreamTest, stop_ends_a_read_an_accept_and_a_write) {
  enum { reading, accepting, writing };
  for (const int kind : {reading, accepting, writing}) {
    std::atomic<bool> begun{false};
    std::atomic<bool> ended{false};
    const auto worker = start([&] {
      auto [left, right] = tcp_pair();
      auto listener = io::TcpListener::bind("127.0.0.1", 0);
      std::vector<std::byte> bytes(64 << 20);
      begun = true;
      const IoErrorKind error = kind == reading     ? right.read(bytes, io::forever).error().kind
                                : kind == accepting ? listener->accept(io::forever).error().kind
                                                    : left.write(bytes, io::forever).error().kind;
      EXPECT_EQ(error, IoErrorKind::stopped);
      // From here on there is no waiting.
      EXPECT_EQ(right.read(bytes, kind == writing ? 0ns : io::forever).has_value(), kind == writing);
      ended = true;
    });
    ASSERT_TRUE(until([&] { return begun.load(); }));
    worker.stop();
    ASSERT_TRUE(until([&] { return ended.load(); }));
  }
}

TEST_P(IoStreamTest, a_close_by_another_actor_ends_a_read) {
  auto stream = std::make_shared<io::TcpStream>();
  io::TcpStream other;
  run([&] {
    auto [left, right] = tcp_pair();
    *stream = std::move(left);
    other = std::move(right);
  });
  std::atomic<bool> begun{false};
  std::atomic<bool> ended{false};
  start([&] {
    std::array<std::byte, 8> buffer;
    begun = true;
    EXPECT_EQ(stream->read(buffer, io::forever).error().kind, IoErrorKind::closed);
    ended = true;
  });
  ASSERT_TRUE(until([&] { return begun.load(); }));
  stream->close();
  ASSERT_TRUE(until([&] { return ended.load(); }));
  // Closed indeed, and not only here.
  run([&] {
    std::array<std::byte, 8> buffer;
    EXPECT_EQ(other.read(buffer, in_time).value(), 0u);
  });
}

TEST_P(IoStreamTest, who_writes_to_one_that_went_away_is_told_and_not_killed) {
  ASSERT_NE(signal(SIGPIPE, SIG_DFL), SIG_ERR);
  run([] {
    auto [left, right] = tcp_pair();
    right.close();
    std::expected<void, io::IoError> written;
    while (written) written = left.write("into the void", in_time);
    EXPECT_EQ(written.error().kind, IoErrorKind::reset);
    EXPECT_NE(written.error().text.find("write: "), std::string::npos);
  });
}

TEST_P(IoStreamTest, failures_say_what_was_tried_and_why_it_failed_in_one_line) {
  run([] {
    auto listener = io::TcpListener::bind("127.0.0.1", 0);
    const std::uint16_t port = listener->port();
    const auto taken = io::TcpListener::bind("127.0.0.1", port);
    EXPECT_EQ(taken.error().kind, IoErrorKind::in_use);
    EXPECT_EQ(taken.error().code, EADDRINUSE);
    EXPECT_EQ(taken.error().text, "listen at 127.0.0.1:" + std::to_string(port) + ": Address already in use");
    listener->close();
    const auto refused = io::TcpStream::connect("127.0.0.1", port, in_time);
    EXPECT_EQ(refused.error().kind, IoErrorKind::refused);
    EXPECT_EQ(refused.error().text, "connect to 127.0.0.1:" + std::to_string(port) + ": Connection refused");
    EXPECT_EQ(io::TcpListener::bind("here", 0).error().text, "'here' is not an IP address");
    io::TcpStream none;
    std::array<std::byte, 8> buffer;
    EXPECT_EQ(none.read(buffer, in_time).error().kind, IoErrorKind::closed);
    EXPECT_EQ(none.write("x", in_time).error().kind, IoErrorKind::closed);
  });
}

TEST_P(IoStreamTest, a_stream_that_is_always_ready_leaves_its_scheduler_to_others_too) {
  std::atomic<bool> enough{false};
  std::atomic<bool> begun{false};
  std::atomic<bool> ended{false};
  const auto body = [&] {
    transport::Descriptor zeros(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
    io::Stream stream(runtime::IoDescriptor(std::move(zeros)), io::Stream::Kind::pipe);
    std::array<std::byte, 8> buffer;
    while (!enough && stream.read(buffer, in_time)) begun = true;
    ended = true;
  };
  const auto busy = system().spawn_on<Worker>(0);
  ASSERT_TRUE(busy.send(Task{body}));
  ASSERT_TRUE(until([&] { return begun.load(); }));
  run([&] { enough = true; });  // on the same scheduler
  ASSERT_TRUE(until([&] { return ended.load(); }));
}

/// Sends back what it gets until the other end has finished.
class Echo : public Actor {
 public:
  Echo(io::TcpStream stream, std::atomic<int>& served) : stream_(std::move(stream)), served_(served) {}
  void started() override {
    std::array<std::byte, 512> buffer;
    for (;;) {
      const auto got = stream_.read(buffer, io::forever);
      if (!got || *got == 0 || !stream_.write(std::span(buffer).first(*got), io::forever)) break;
    }
    ++served_;
    this_actor::stop();
  }

 private:
  io::TcpStream stream_;
  std::atomic<int>& served_;
};

TEST_P(IoStreamTest, a_thousand_connections_are_served_at_the_same_time) {
#ifdef RINGMAIL_SANITIZED
  constexpr int connections = 200;  // a suspended handler costs many times as much
#else
  constexpr int connections = 1000;
#endif
  std::atomic<int> served{0};
  std::atomic<int> connected{0};
  std::atomic<int> answered{0};
  auto listener = io::TcpListener::bind("127.0.0.1", 0);
  ASSERT_TRUE(listener);
  const std::uint16_t port = listener->port();
  start([&] {
    for (int i = 0; i < connections; ++i) {
      auto stream = listener->accept(in_time);
      if (!stream) return ADD_FAILURE() << stream.error().text;
      system().spawn<Echo>(std::move(*stream), served);
    }
  });
  for (int i = 0; i < connections; ++i) {
    start([&, i] {
      auto stream = io::TcpStream::connect("127.0.0.1", port, in_time);
      if (!stream) return ADD_FAILURE() << stream.error().text;
      ++connected;
      // All are open at once.
      while (connected < connections) {
        if (!this_actor::sleep_for(1ms)) return;
      }
      for (int round = 0; round < 3; ++round) {
        const std::string said = "connection " + std::to_string(i) + " round " + std::to_string(round);
        std::string heard(said.size(), '\0');
        if (!stream->write(said, in_time)) return;
        if (!stream->read_exactly(std::as_writable_bytes(std::span(heard)), in_time)) return;
        if (heard != said) return;
      }
      ++answered;
    });
  }
  EXPECT_TRUE(until([&] { return answered == connections && served == connections; }))
      << connected << " connected, " << answered << " answered, " << served << " served";
}

}  // namespace
}  // namespace ringmail::test

// Streams that deliver what they read as messages.
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <semaphore>

#include "io_test.hpp"

namespace ringmail::test {
namespace {

using io::IoErrorKind;

class IoDeliveryTest : public IoTest {};

INSTANTIATE_TEST_SUITE_P(Schedulers, IoDeliveryTest, testing::Values(1, 3), testing::PrintToStringParamName());

struct Release {};
struct Count {};

/// Reads by messages, and keeps them until it is told to let go.
class Collector : public Actor {
 public:
  struct Seen {
    std::size_t bytes = 0;
    std::size_t messages = 0;
    std::size_t largest = 0;
    bool in_order = true;
    bool closed = false;
    bool failed = false;
  };

  Collector(io::UnixStream stream, io::DeliveryOptions options, bool keep)
      : stream_(std::move(stream)), options_(options), keep_(keep) {}

  void started() override { stream_.deliver(this_actor::mailbox<Collector>(), options_); }
  void on(const io::Received& received) {
    EXPECT_EQ(received.stream, stream_.id());
    for (const std::byte byte : received.bytes.bytes()) {
      seen_.in_order = seen_.in_order && byte == static_cast<std::byte>(seen_.bytes % 251);
      ++seen_.bytes;
    }
    ++seen_.messages;
    seen_.largest = std::max(seen_.largest, received.bytes.size());
    if (keep_) kept_.push_back(received);
  }
  void on(const io::Closed& closed) {
    EXPECT_EQ(closed.stream, stream_.id());
    seen_.closed = true;
    seen_.failed = closed.failed;
  }
  void on(const Release&) {
    keep_ = false;
    kept_.clear();
  }
  Seen on(const Count&) { return seen_; }

 private:
  io::UnixStream stream_;
  io::DeliveryOptions options_;
  bool keep_;
  std::vector<io::Received> kept_;
  Seen seen_;
};

std::vector<std::byte> pattern(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i % 251);
  return bytes;
}

TEST_P(IoDeliveryTest, bytes_come_in_order_as_messages_of_a_bounded_size_and_then_the_end) {
  constexpr std::size_t total = 1 << 20;
  auto pair = io::UnixStream::pair();
  ASSERT_TRUE(pair);
  const auto collector =
      system().spawn<Collector>(std::move(pair->second), io::DeliveryOptions{.chunk = 4096, .credits = 3}, false);
  run([&] {
    ASSERT_TRUE(pair->first.write(pattern(total), in_time));
    pair->first.close();
  });
  Collector::Seen seen;
  ASSERT_TRUE(until([&] { return (seen = ask(collector, Count{}, in_time).value()).closed; }));
  EXPECT_EQ(seen.bytes, total);
  EXPECT_TRUE(seen.in_order);
  EXPECT_LE(seen.largest, 4096u);
  EXPECT_FALSE(seen.failed);
}

TEST_P(IoDeliveryTest, nothing_is_read_while_as_many_messages_are_unhandled_as_there_are_credits) {
  constexpr std::size_t total = 4 << 20;
  const auto bytes = pattern(total);
  auto pair = io::UnixStream::pair();
  ASSERT_TRUE(pair);
  const auto collector =
      system().spawn<Collector>(std::move(pair->second), io::DeliveryOptions{.chunk = 1024, .credits = 4}, true);
  std::size_t gone = 0;
  const auto write_until_nothing_goes = [&] {
    const auto given_up = pair->first.write(std::span(bytes).subspan(gone), 50ms);
    ASSERT_FALSE(given_up);
    EXPECT_EQ(given_up.error().kind, IoErrorKind::timed_out);
    gone += given_up.error().done;
  };
  run(write_until_nothing_goes);
  Collector::Seen seen;
  ASSERT_TRUE(until([&] { return (seen = ask(collector, Count{}, in_time).value()).messages == 4; }));
  // What those left free is filled, and then the kernel takes no more, since nobody reads.
  run(write_until_nothing_goes);
  seen = ask(collector, Count{}, in_time).value();
  EXPECT_EQ(seen.messages, 4u);
  EXPECT_LE(seen.bytes, 4096u);
  ASSERT_TRUE(collector.send(Release{}));
  run([&] {
    ASSERT_TRUE(pair->first.write(std::span(bytes).subspan(gone), in_time));
    pair->first.close();
  });
  ASSERT_TRUE(until([&] { return (seen = ask(collector, Count{}, in_time).value()).closed; }));
  EXPECT_EQ(seen.bytes, total);
  EXPECT_TRUE(seen.in_order);
}

TEST_P(IoDeliveryTest, an_actor_that_ends_closes_its_stream_and_what_was_under_way_is_dead) {
  auto pair = io::UnixStream::pair();
  ASSERT_TRUE(pair);
  const auto collector = system().spawn<Collector>(std::move(pair->second), io::DeliveryOptions{}, true);
  run([&] {
    ASSERT_TRUE(pair->first.write("one", in_time));
    collector.stop();
    std::array<std::byte, 8> buffer;
    // 0, or a reset where something was not read: it is closed.
    const auto got = pair->first.read(buffer, in_time);
    EXPECT_TRUE(got ? *got == 0 : got.error().kind == IoErrorKind::reset);
  });
}

/// Answers each datagram.
class DatagramEcho : public Actor {
 public:
  explicit DatagramEcho(io::UdpSocket socket) : socket_(std::move(socket)) {}
  void started() override { socket_.deliver(this_actor::mailbox<DatagramEcho>(), 1000, 2); }
  void on(const io::DatagramReceived& datagram) {
    EXPECT_EQ(datagram.port, socket_.port());
    const std::string said = std::to_string(datagram.bytes.size()) + (datagram.truncated ? " and more" : "");
    EXPECT_TRUE(socket_.send_to(datagram.from, io::bytes_of(said), in_time));
  }

 private:
  io::UdpSocket socket_;
};

TEST_P(IoDeliveryTest, each_datagram_is_one_message_with_whom_it_came_from) {
  auto server = io::UdpSocket::bind("127.0.0.1", 0);
  ASSERT_TRUE(server);
  const auto address = server->address();
  system().spawn<DatagramEcho>(std::move(*server));
  run([&] {
    auto client = io::UdpSocket::bind("127.0.0.1", 0);
    ASSERT_TRUE(client);
    // Nobody is there any more for this answer, which is no end of the server's socket.
    {
      auto passing = io::UdpSocket::bind("127.0.0.1", 0);
      ASSERT_TRUE(passing->send_to(address, std::vector<std::byte>(5), in_time));
    }
    for (const std::size_t size : {0uz, 1uz, 999uz, 1000uz, 1001uz, 7uz}) {
      ASSERT_TRUE(client->send_to(address, std::vector<std::byte>(size), in_time));
      std::string said(32, '\0');
      const auto got = client->receive_from(std::as_writable_bytes(std::span(said)), in_time);
      ASSERT_TRUE(got) << got.error().text;
      EXPECT_EQ(said.substr(0, got->size), size <= 1000 ? std::to_string(size) : "1000 and more");
    }
  });
}

/// What it receives is not its own stream's.
TEST_P(IoDeliveryTest, a_stream_may_deliver_to_another_actor_and_be_written_by_its_owner) {
  std::atomic<int> words{0};
  std::binary_semaphore closed(0);
  class Listener : public Actor {
   public:
    Listener(std::atomic<int>& words, std::binary_semaphore& closed) : words_(words), closed_(closed) {}
    void on(const io::Received& received) {
      for (const char letter : received.bytes.text()) words_ += letter == '.' ? 1 : 0;
    }
    void on(const io::Closed&) { closed_.release(); }

   private:
    std::atomic<int>& words_;
    std::binary_semaphore& closed_;
  };
  const auto listener = system().spawn<Listener>(words, closed);
  run([&] {
    auto pair = io::UnixStream::pair();
    ASSERT_TRUE(pair);
    pair->first.deliver(listener);
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(pair->first.write("?", in_time));
      std::array<std::byte, 1> buffer;
      ASSERT_TRUE(pair->second.read_exactly(buffer, in_time));
      ASSERT_TRUE(pair->second.write("answer.", in_time));
    }
    pair->second.close();
    while (!closed.try_acquire()) ASSERT_TRUE(this_actor::sleep_for(1ms));
  });
  EXPECT_EQ(words, 100);
}

}  // namespace
}  // namespace ringmail::test

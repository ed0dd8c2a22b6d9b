// Connections, files and names as messages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include "io_test.hpp"

namespace ringmail::test {
namespace {

using io::IoErrorKind;

class IoMessagesTest : public IoTest {
 protected:
  void TearDown() override {
    if (system_) system_->shutdown();  // before what actors write to
    IoTest::TearDown();
  }
};

INSTANTIATE_TEST_SUITE_P(Schedulers, IoMessagesTest, testing::Values(1, 3), testing::PrintToStringParamName());

struct Release {};
struct Close {};

// --- Connections

/// Takes connections by messages, and keeps the messages until it is told to let go.
template <class Listener, class Stream>
class Door : public Actor {
 public:
  Door(Listener listener, std::uint32_t credits, bool keep, std::atomic<int>* count)
      : listener_(std::move(listener)), credits_(credits), keep_(keep), count_(count) {}
  void started() override { listener_.deliver(this_actor::mailbox<Door>(), credits_); }
  void on(const io::Accepted<Stream>& accepted) {
    EXPECT_EQ(accepted.listener, listener_.id());
    EXPECT_FALSE(accepted.failed) << accepted.error.text;
    Stream stream = accepted.take();
    EXPECT_TRUE(stream.is_open());
    EXPECT_FALSE(accepted.take().is_open()) << "once";
    EXPECT_TRUE(stream.write("hello", in_time));
    if (keep_) kept_.push_back(accepted);
    ++*count_;
  }
  void on(const Release&) {
    keep_ = false;
    kept_.clear();
  }
  void on(const Close&) { listener_.close(); }

 private:
  Listener listener_;
  std::uint32_t credits_;
  bool keep_;
  std::vector<io::Accepted<Stream>> kept_;
  std::atomic<int>* count_;
};
using TcpDoor = Door<io::TcpListener, io::TcpStream>;
using UnixDoor = Door<io::UnixListener, io::UnixStream>;

TEST_P(IoMessagesTest, each_connection_is_a_message_and_the_actor_is_free_meanwhile) {
  std::atomic<int> count = 0;
  auto listener = io::TcpListener::bind("127.0.0.1", 0);
  ASSERT_TRUE(listener) << listener.error().text;
  const auto port = listener->port();
  const auto door = system().spawn<TcpDoor>(std::move(*listener), 64u, false, &count);
  EXPECT_TRUE(ask(door, Release{}, in_time)) << "it does not wait for anybody";
  run([&] {
    for (int i = 0; i < 20; ++i) {
      auto stream = io::TcpStream::connect("127.0.0.1", port, in_time);
      ASSERT_TRUE(stream) << stream.error().text;
      EXPECT_EQ(read_all(*stream), "hello");
    }
  });
  EXPECT_EQ(count, 20);
}

TEST_P(IoMessagesTest, a_path_is_listened_at_in_the_same_way) {
  std::atomic<int> count = 0;
  const std::string path = std::string("\0ringmail-io-messages-", 22) + std::to_string(getpid());
  auto listener = io::UnixListener::bind(path);
  ASSERT_TRUE(listener) << listener.error().text;
  system().spawn<UnixDoor>(std::move(*listener), 1u, false, &count);
  run([&] {
    for (int i = 0; i < 3; ++i) {
      auto stream = io::UnixStream::connect(path, in_time);
      ASSERT_TRUE(stream) << stream.error().text;
      EXPECT_EQ(read_all(*stream), "hello");
    }
  });
  EXPECT_EQ(count, 3);
}

TEST_P(IoMessagesTest, nobody_is_accepted_while_as_many_as_allowed_are_unhandled) {
  std::atomic<int> count = 0;
  auto listener = io::TcpListener::bind("127.0.0.1", 0);
  ASSERT_TRUE(listener) << listener.error().text;
  const auto port = listener->port();
  const auto door = system().spawn<TcpDoor>(std::move(*listener), 2u, true, &count);
  run([&] {
    std::vector<io::TcpStream> streams;
    for (int i = 0; i < 5; ++i) {
      auto stream = io::TcpStream::connect("127.0.0.1", port, in_time);
      ASSERT_TRUE(stream) << stream.error().text;
      streams.push_back(std::move(*stream));
    }
    EXPECT_EQ(read_all(streams[0]), "hello");
    EXPECT_EQ(read_all(streams[1]), "hello");
    std::byte byte{};
    const auto third = streams[2].read({&byte, 1}, 50ms);
    ASSERT_FALSE(third) << "the kernel has connected it, and nobody has accepted it";
    EXPECT_EQ(third.error().kind, IoErrorKind::timed_out);
    EXPECT_EQ(count, 2);
    ASSERT_TRUE(door.send(Release{}));
    for (std::size_t i = 2; i < 5; ++i) EXPECT_EQ(read_all(streams[i]), "hello");
  });
  EXPECT_EQ(count, 5);
}

TEST_P(IoMessagesTest, a_listener_that_is_closed_delivers_nothing_and_leaves_nobody_behind) {
  std::atomic<int> count = 0;
  auto listener = io::TcpListener::bind("127.0.0.1", 0);
  ASSERT_TRUE(listener) << listener.error().text;
  const auto port = listener->port();
  const auto door = system().spawn<TcpDoor>(std::move(*listener), 64u, false, &count);
  ASSERT_TRUE(until([&] { return system().explain_shutdown().live_actors == 2; })) << "who accepts, besides";
  ASSERT_TRUE(ask(door, Close{}, in_time));
  EXPECT_TRUE(until([&] { return system().explain_shutdown().live_actors == 1; }));
  run([&] { EXPECT_FALSE(io::TcpStream::connect("127.0.0.1", port, in_time)); });
  door.stop();
  EXPECT_TRUE(until([&] { return system().explain_shutdown().live_actors == 0; }));
  EXPECT_EQ(count, 0);
}

TEST_P(IoMessagesTest, an_actor_that_ends_closes_its_listener_and_who_accepts_for_it_ends_too) {
  std::atomic<int> count = 0;
  auto listener = io::TcpListener::bind("127.0.0.1", 0);
  ASSERT_TRUE(listener) << listener.error().text;
  const auto door = system().spawn<TcpDoor>(std::move(*listener), 64u, false, &count);
  ASSERT_TRUE(until([&] { return system().explain_shutdown().live_actors == 2; }));
  door.stop();
  EXPECT_TRUE(until([&] { return system().explain_shutdown().live_actors == 0; }));
}

TEST_P(IoMessagesTest, a_connection_that_nobody_takes_is_closed) {
  struct Indifferent : Actor {
    explicit Indifferent(io::TcpListener l) : listener(std::move(l)) {}
    void started() override { listener.deliver(this_actor::mailbox<Indifferent>()); }
    void on(const io::Accepted<io::TcpStream>&) {}
    io::TcpListener listener;
  };
  auto listener = io::TcpListener::bind("127.0.0.1", 0);
  ASSERT_TRUE(listener) << listener.error().text;
  const auto port = listener->port();
  system().spawn<Indifferent>(std::move(*listener));
  run([&] {
    auto stream = io::TcpStream::connect("127.0.0.1", port, in_time);
    ASSERT_TRUE(stream) << stream.error().text;
    EXPECT_EQ(read_all(*stream), "");
  });
}

// --- Files

struct Read {
  std::string path;
  io::FileDeliveryOptions options{};
};
struct Seen {
  std::string text;
  std::size_t chunks = 0;
  std::size_t largest = 0;
  bool in_order = true;
  std::optional<io::FileEnd> end;
};
struct Look {};

class Reader : public Actor {
 public:
  explicit Reader(bool keep) : keep_(keep) {}
  std::uint64_t on(const Read& read) {
    return number_ = io::read_file(this_actor::mailbox<Reader>(), read.path, read.options);
  }
  void on(const io::FileChunk& chunk) {
    EXPECT_EQ(chunk.file, number_);
    EXPECT_FALSE(seen_.end);
    seen_.in_order = seen_.in_order && chunk.offset == seen_.text.size();
    seen_.text += chunk.bytes.text();
    seen_.largest = std::max(seen_.largest, chunk.bytes.size());
    ++seen_.chunks;
    if (keep_) kept_.push_back(chunk);
  }
  void on(const io::FileEnd& end) {
    EXPECT_EQ(end.file, number_);
    seen_.end = end;
  }
  void on(const Release&) {
    keep_ = false;
    kept_.clear();
  }
  Seen on(const Look&) { return seen_; }

 private:
  bool keep_;
  std::uint64_t number_ = 0;
  std::vector<io::FileChunk> kept_;
  Seen seen_;
};

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text) {
    char name[] = "/tmp/ringmail-io-XXXXXX";
    const int descriptor = mkstemp(name);
    path_ = name;
    close(descriptor);
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string text_of(std::size_t size) {
  std::string text(size, 'x');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 23);
  return text;
}

TEST_P(IoMessagesTest, a_file_comes_in_pieces_in_order_and_then_its_end) {
  const std::string text = text_of(100'000);
  const TemporaryFile file(text);
  const auto reader = system().spawn<Reader>(false);
  ASSERT_TRUE(ask(reader, Read{.path = file.path(), .options = {.chunk = 4096, .credits = 2}}, in_time));
  ASSERT_TRUE(until([&] { return ask(reader, Look{}, in_time)->end.has_value(); }));
  const Seen seen = ask(reader, Look{}, in_time).value();
  EXPECT_TRUE(seen.in_order);
  EXPECT_EQ(seen.text, text);
  EXPECT_EQ(seen.largest, 4096u);
  EXPECT_EQ(seen.chunks, 25u);
  EXPECT_FALSE(seen.end->failed);
  EXPECT_EQ(seen.end->size, text.size());
}

TEST_P(IoMessagesTest, a_file_is_read_no_further_while_as_many_pieces_as_allowed_are_unhandled) {
  const TemporaryFile file(text_of(10'000));
  const auto reader = system().spawn<Reader>(true);
  ASSERT_TRUE(ask(reader, Read{.path = file.path(), .options = {.chunk = 1000, .credits = 3}}, in_time));
  // Who reads it waits now, and for nobody but the reader.
  ASSERT_TRUE(until([&] { return ask(reader, Look{}, in_time)->chunks == 3; }));
  EXPECT_TRUE(until([&] {
    for (const auto& actor : system().explain_shutdown().actors) {
      if (actor.class_name.find("Errand") != std::string::npos && actor.doing.find("waits") == 0) return true;
    }
    return false;
  }));
  EXPECT_EQ(ask(reader, Look{}, in_time)->chunks, 3u);
  ASSERT_TRUE(reader.send(Release{}));
  EXPECT_TRUE(until([&] { return ask(reader, Look{}, in_time)->end.has_value(); }));
  EXPECT_EQ(ask(reader, Look{}, in_time)->chunks, 10u);
}

TEST_P(IoMessagesTest, a_file_that_is_not_there_is_an_end_that_says_so_and_an_empty_one_is_an_end) {
  const auto lost = system().spawn<Reader>(false);
  ASSERT_TRUE(ask(lost, Read{.path = "/nowhere/at/all"}, in_time));
  ASSERT_TRUE(until([&] { return ask(lost, Look{}, in_time)->end.has_value(); }));
  const Seen seen = ask(lost, Look{}, in_time).value();
  EXPECT_TRUE(seen.end->failed);
  EXPECT_EQ(seen.end->error.kind, IoErrorKind::not_found);

  const TemporaryFile file("");
  const auto reader = system().spawn<Reader>(false);
  ASSERT_TRUE(ask(reader, Read{.path = file.path()}, in_time));
  ASSERT_TRUE(until([&] { return ask(reader, Look{}, in_time)->end.has_value(); }));
  EXPECT_FALSE(ask(reader, Look{}, in_time)->end->failed);
  EXPECT_EQ(ask(reader, Look{}, in_time)->chunks, 0u);
}

TEST_P(IoMessagesTest, of_a_reader_that_ends_nothing_is_left) {
  const TemporaryFile file(text_of(10'000));
  const auto reader = system().spawn<Reader>(true);
  ASSERT_TRUE(ask(reader, Read{.path = file.path(), .options = {.chunk = 1000, .credits = 3}}, in_time));
  ASSERT_TRUE(until([&] { return ask(reader, Look{}, in_time)->chunks == 3; }));
  reader.stop();
  // What it kept goes, so who reads goes on and finds nobody.
  EXPECT_TRUE(until([&] { return system().explain_shutdown().live_actors == 0; }));
}

// --- Names

TEST_P(IoMessagesTest, a_name_is_resolved_while_the_asker_goes_on) {
  struct Asker : Actor {
    void on(const Read& read) { io::resolve(this_actor::mailbox<Asker>(), read.path, "7", in_time); }
    void on(const io::Resolved& resolved) { got = resolved; }
    std::optional<io::Resolved> on(const Look&) { return got; }
    std::optional<io::Resolved> got;
  };
  for (const char* host : {"127.0.0.1", "localhost", "no such host"}) {
    const auto asker = system().spawn<Asker>();
    ASSERT_TRUE(ask(asker, Read{.path = host}, in_time));
    ASSERT_TRUE(until([&] { return ask(asker, Look{}, in_time)->has_value(); }));
    const io::Resolved resolved = ask(asker, Look{}, in_time)->value();
    EXPECT_EQ(resolved.host, host);
    EXPECT_EQ(resolved.service, "7");
    if (std::string(host) == "no such host") {
      EXPECT_FALSE(resolved.addresses);
    } else {
      ASSERT_TRUE(resolved.addresses) << resolved.addresses.error().text;
      EXPECT_FALSE(resolved.addresses->empty());
      EXPECT_EQ(resolved.addresses->front().port(), 7);
    }
  }
}

TEST_P(IoMessagesTest, what_is_under_way_when_the_system_ends_is_left) {
  std::atomic<int> count = 0;
  const TemporaryFile file(text_of(10'000));
  auto listener = io::TcpListener::bind("127.0.0.1", 0);
  ASSERT_TRUE(listener) << listener.error().text;
  system().spawn<TcpDoor>(std::move(*listener), 64u, false, &count);
  const auto reader = system().spawn<Reader>(true);
  ASSERT_TRUE(ask(reader, Read{.path = file.path(), .options = {.chunk = 1000, .credits = 3}}, in_time));
  ASSERT_TRUE(until([&] { return ask(reader, Look{}, in_time)->chunks == 3; }));
  EXPECT_TRUE(system().shutdown());
}

}  // namespace
}  // namespace ringmail::test

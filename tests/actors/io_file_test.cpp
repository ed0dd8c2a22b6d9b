// Files, names, datagrams.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "io_test.hpp"

namespace ringmail::test {
namespace {

using io::File;
using io::IoErrorKind;

class IoFileTest : public IoTest {
 protected:
  IoFileTest() : path_(testing::TempDir() + "ringmail_io_file_" + std::to_string(getpid())) {}
  ~IoFileTest() override { std::remove(path_.c_str()); }

  const std::string path_;
};

INSTANTIATE_TEST_SUITE_P(Schedulers, IoFileTest, testing::Values(1, 3), testing::PrintToStringParamName());

TEST_P(IoFileTest, a_file_gives_back_what_was_written_whatever_its_size) {
  run([&] {
    for (const std::size_t size : {0uz, 1uz, 4096uz, 3uz << 20}) {
      std::string text(size, '\0');
      for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i % 127);
      ASSERT_TRUE(io::write_file(path_, text, in_time));
      const auto read = io::read_file(path_, in_time);
      ASSERT_TRUE(read) << read.error().text;
      EXPECT_EQ(read->text(), text);
    }
    EXPECT_GT(io::read_file("/proc/self/status", in_time).value().size(), 100u);
  });
}

TEST_P(IoFileTest, a_file_is_read_and_written_at_any_place_and_ends_where_it_ends) {
  run([&] {
    const auto file = File::open(path_, File::Mode::read_write, in_time);
    ASSERT_TRUE(file) << file.error().text;
    ASSERT_TRUE(file->write(io::bytes_of("0123456789"), in_time));
    ASSERT_TRUE(file->write(io::bytes_of("ab"), in_time, 4));
    ASSERT_TRUE(file->sync(in_time));
    EXPECT_EQ(file->size(in_time).value(), 10u);
    EXPECT_EQ(file->read(3, in_time, 3).value().text(), "3ab");
    EXPECT_EQ(file->read(100, in_time, 8).value().text(), "89");
    EXPECT_TRUE(file->read(100, in_time, 10).value().empty());
    const auto end = File::open(path_, File::Mode::append, in_time);
    ASSERT_TRUE(end->write(io::bytes_of("!"), in_time));
    EXPECT_EQ(io::read_file(path_, in_time).value().text(), "0123ab6789!");
  });
}

TEST_P(IoFileTest, what_cannot_be_done_with_a_file_is_said_in_one_line) {
  run([&] {
    const auto missing = io::read_file(path_ + ".not", in_time);
    EXPECT_EQ(missing.error().kind, IoErrorKind::not_found);
    EXPECT_EQ(missing.error().text, "open '" + path_ + ".not': No such file or directory");
    ASSERT_TRUE(io::write_file(path_, "four", in_time));
    EXPECT_EQ(io::read_file(path_, in_time, 3).error().kind, IoErrorKind::too_large);
    EXPECT_EQ(io::read_file(path_, in_time, 4).value().text(), "four");
    EXPECT_EQ(File::open(path_, File::Mode::create, in_time).error().kind, IoErrorKind::exists);
    const auto file = File::open(path_, File::Mode::read, in_time);
    EXPECT_FALSE(file->write(io::bytes_of("no"), in_time));
    EXPECT_EQ(File().read(1, in_time).error().kind, IoErrorKind::closed);
  });
}

TEST_P(IoFileTest, who_gives_up_leaves_a_request_that_ends_without_it) {
  run([&] {
    ASSERT_TRUE(io::write_file(path_, std::string(1 << 20, 'x'), in_time));
    for (int i = 0; i < 50; ++i) {
      const auto read = io::read_file(path_, std::chrono::microseconds(i * 10));
      EXPECT_TRUE(read || read.error().kind == IoErrorKind::timed_out);
    }
  });
}

TEST_P(IoFileTest, names_are_resolved_and_those_that_nobody_has_are_not) {
  run([] {
    const auto numeric = io::resolve("127.0.0.1", "80", in_time);
    ASSERT_TRUE(numeric) << numeric.error().text;
    EXPECT_EQ(numeric->front().text(), "127.0.0.1:80");
    const auto local = io::resolve("localhost", "7", in_time);
    ASSERT_TRUE(local) << local.error().text;
    for (const auto& address : *local) {
      EXPECT_TRUE(address.text() == "127.0.0.1:7" || address.text() == "[::1]:7") << address.text();
    }
    const auto nobody = io::resolve("no such host", "80", in_time);
    ASSERT_FALSE(nobody);
    // Without a network the resolver may not know that there is none.
    EXPECT_TRUE(nobody.error().kind == IoErrorKind::not_found || nobody.error().kind == IoErrorKind::unreachable ||
                nobody.error().kind == IoErrorKind::other)
        << to_string(nobody.error().kind);
    EXPECT_TRUE(nobody.error().text.starts_with("resolve 'no such host:80': ")) << nobody.error().text;
  });
}

TEST_P(IoFileTest, a_stream_connects_by_name) {
  run([] {
    auto listener = io::TcpListener::bind("127.0.0.1", 0);
    auto stream = io::TcpStream::connect("localhost", listener->port(), in_time);
    ASSERT_TRUE(stream) << stream.error().text;
    EXPECT_EQ(stream->peer_address(), listener->address());
  });
}

TEST_P(IoFileTest, a_datagram_comes_back_whole_from_whom_it_was_sent_to) {
  auto bound = io::UdpSocket::bind("127.0.0.1", 0);
  ASSERT_TRUE(bound) << bound.error().text;
  const auto server_address = bound->address();
  start([server = std::make_shared<io::UdpSocket>(std::move(*bound))] {
    std::array<std::byte, 1500> buffer;
    for (;;) {
      const auto got = server->receive_from(buffer, io::forever);
      if (!got) {
        EXPECT_EQ(got.error().kind, IoErrorKind::stopped);
        return;
      }
      EXPECT_TRUE(server->send_to(got->from, std::span(buffer).first(got->size), in_time));
    }
  });
  run([&] {
    auto client = io::UdpSocket::bind("127.0.0.1", 0);
    ASSERT_TRUE(client);
    std::array<std::byte, 1500> buffer;
    for (const std::size_t size : {0uz, 1uz, 1400uz}) {
      ASSERT_TRUE(client->send_to(server_address, std::vector<std::byte>(size, std::byte{7}), in_time));
      const auto got = client->receive_from(buffer, in_time);
      ASSERT_TRUE(got) << got.error().text;
      EXPECT_EQ(got->size, size);
      EXPECT_EQ(got->from, server_address);
      EXPECT_FALSE(got->truncated);
    }
    ASSERT_TRUE(client->send_to(server_address, std::vector<std::byte>(100), in_time));
    const auto cut = client->receive_from(std::span(buffer).first(10), in_time);
    EXPECT_EQ(cut->size, 10u);
    EXPECT_TRUE(cut->truncated);
    EXPECT_EQ(client->receive_from(buffer, 1ms).error().kind, IoErrorKind::timed_out);
    EXPECT_EQ(client->send_to(server_address, std::vector<std::byte>(100'000), in_time).error().kind,
              IoErrorKind::too_large);
  });
}

}  // namespace
}  // namespace ringmail::test

// The end of a system in the middle of everything.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <optional>

#include "io_test.hpp"

namespace ringmail::test {
namespace {

using io::IoErrorKind;

class IoShutdownTest : public IoTest {};

INSTANTIATE_TEST_SUITE_P(Schedulers, IoShutdownTest, testing::Values(1, 3), testing::PrintToStringParamName());

/// Everything that comes by itself.
class Watcher : public Actor {
 public:
  explicit Watcher(std::atomic<int>& begun) : begun_(begun) {}
  void started() override {
    signal_ = std::move(*io::on_signal(this_actor::mailbox<Watcher>(), SIGUSR1));
    directory_ = std::move(*io::on_change(this_actor::mailbox<Watcher>(), "/tmp"));
    auto pair = io::UnixStream::pair();
    delivering_ = std::move(pair->first);
    other_ = std::move(pair->second);
    delivering_.deliver(this_actor::mailbox<Watcher>(), {.chunk = 16, .credits = 2});
    static_cast<void>(other_.write(std::string(10'000, 'x'), in_time));
    ++begun_;
  }
  void on(const io::SignalReceived&) {}
  void on(const io::PathChanged&) {}
  void on(const io::Received& received) { kept_.push_back(received); }
  void on(const io::Closed&) {}

 private:
  std::atomic<int>& begun_;
  io::Watch signal_;
  io::Watch directory_;
  io::UnixStream delivering_;
  io::UnixStream other_;
  std::vector<io::Received> kept_;
};

TEST_P(IoShutdownTest, shutdown_ends_everything_that_is_under_way_and_leaves_nothing_open) {
  std::atomic<int> begun{0};
  std::atomic<int> stopped{0};
  std::atomic<int> child{0};
  const auto ends_stopped = [&](auto&& result) {
    EXPECT_FALSE(result);
    if (result) return;
    EXPECT_EQ(result.error().kind, IoErrorKind::stopped) << result.error().text;
    ++stopped;
  };
  start([&] {
    auto listener = io::TcpListener::bind("127.0.0.1", 0);
    ++begun;
    ends_stopped(listener->accept(io::forever));
    // A loop that heeds no error must be able to end too.
    ends_stopped(listener->accept(io::forever));
  });
  start([&] {
    auto pair = io::UnixStream::pair();
    std::vector<std::byte> bytes(16 << 20);
    ++begun;
    ends_stopped(pair->first.write(bytes, io::forever));
  });
  start([&] {
    auto pair = io::UnixStream::pair();
    std::array<std::byte, 8> buffer;
    ++begun;
    ends_stopped(pair->first.read(buffer, io::forever));
  });
  start([&] {
    auto socket = io::UdpSocket::bind("127.0.0.1", 0);
    std::array<std::byte, 8> buffer;
    ++begun;
    ends_stopped(socket->receive_from(buffer, io::forever));
  });
  start([&] {
    auto process = io::Process::spawn({.command = {"sleep", "1000"}}, in_time);
    ASSERT_TRUE(process) << process.error().text;
    child = process->pid();
    ++begun;
    ends_stopped(process->wait(io::forever));
  });
  start([&] {
    bool counted = false;
    for (;;) {
      const auto read = io::read_file("/proc/self/maps", io::forever);
      if (!counted) ++begun;
      counted = true;
      if (!read) return ends_stopped(read);
    }
  });
  system().spawn<Watcher>(begun);
  ASSERT_TRUE(until([&] { return begun == 7; }));
  system().shutdown();
  EXPECT_EQ(stopped, 7);
  EXPECT_EQ(::kill(child, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST_P(IoShutdownTest, what_outlives_its_system_is_closed_when_it_is_destroyed) {
  io::TcpListener listener;
  io::UnixStream left;
  io::UnixStream right;
  io::Watch watch;
  io::Process process;
  const auto before = before_;
  run([&] {
    listener = std::move(*io::TcpListener::bind("127.0.0.1", 0));
    EXPECT_EQ(listener.accept(1ms).error().kind, IoErrorKind::timed_out);
    auto pair = io::UnixStream::pair();
    left = std::move(pair->first);
    right = std::move(pair->second);
    std::array<std::byte, 8> buffer;
    EXPECT_EQ(left.read(buffer, 1ms).error().kind, IoErrorKind::timed_out);
    process = std::move(*io::Process::spawn({.command = {"sleep", "1000"}}, in_time));
  });
  system().shutdown();
  const int pid = process.pid();
  EXPECT_EQ(::kill(pid, 0), -1);
  system_.reset();
  EXPECT_TRUE(left.is_open());
  process = {};
  left = {};
  right = {};
  listener = {};
  watch = {};
  EXPECT_EQ(transport::test::open_descriptors(), before);
}

}  // namespace
}  // namespace ringmail::test

// Input and output in handlers, and a look at what is left when the system has gone.
#pragma once

#include <array>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "../transport/open_descriptors.hpp"
#include "ringmail/actors/io.hpp"
#include "system_test.hpp"

namespace ringmail::test {

using namespace std::chrono_literals;
using transport::test::until;

/// Far more than anything here takes.
inline constexpr std::chrono::nanoseconds in_time = 20s;

struct Task {
  std::function<void()> body;
};

/// Runs what it is sent, so a test can be about a handler without a class of its own.
class Worker : public Actor {
 public:
  void on(const Task& task) { task.body(); }
};

class IoTest : public SystemTest {
 protected:
  // The event loop's library opens something once that it keeps as long as the process lives.
  static void SetUpTestSuite() { ASSERT_TRUE(System::create({.schedulers = 1})); }

  void SetUp() override {
    before_ = transport::test::open_descriptors();
    SystemTest::SetUp();
  }
  void TearDown() override {
    SystemTest::TearDown();
    EXPECT_EQ(transport::test::open_descriptors(), before_);
  }

  /// As a handler, and waits for its end.
  void run(std::function<void()> body) { ASSERT_TRUE(system().runtime().call(0, std::move(body))); }

  /// As a handler, meanwhile.
  Mailbox<Worker> start(std::function<void()> body) {
    const auto worker = system().spawn<Worker>();
    EXPECT_TRUE(worker.send(Task{std::move(body)}));
    return worker;
  }

  static std::string read_all(io::Stream& stream) {
    std::string text;
    std::array<std::byte, 4096> buffer;
    for (;;) {
      const auto got = stream.read(buffer, in_time);
      EXPECT_TRUE(got) << got.error().text;
      if (!got || *got == 0) return text;
      text.append(reinterpret_cast<const char*>(buffer.data()), *got);
    }
  }

  std::size_t before_ = 0;
};

}  // namespace ringmail::test

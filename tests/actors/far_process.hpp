// A second process for a test of two systems: a fork from before this process has threads. The two tell each other what they
// have come to by a byte each.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <functional>

#include "../transport/deadline.hpp"

namespace ringmail::test {

/// One end of the conversation.
class Wire {
 public:
  Wire(int in, int out) : in_(in), out_(out) {}
  void say(char what) const { static_cast<void>(!::write(out_, &what, 1)); }
  /// 0: the other process is gone, or says nothing.
  char hear() const {
    pollfd readable{.fd = in_, .events = POLLIN, .revents = 0};
    char what = 0;
    if (::poll(&readable, 1, 30'000) != 1 || ::read(in_, &what, 1) != 1) return 0;
    return what;
  }

 private:
  int in_;
  int out_;
};

class FarProcess {
 public:
  explicit FarProcess(const std::function<void(Wire&)>& body) {
    int down[2];
    int up[2];
    if (::pipe(down) != 0 || ::pipe(up) != 0) ::abort();
    std::fflush(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(down[1]);
      ::close(up[0]);
      transport::test::start_watchdog();
      Wire wire(down[0], up[1]);
      body(wire);
      std::fflush(nullptr);
      ::_exit(testing::Test::HasFailure() ? 1 : 0);
    }
    ::close(down[0]);
    ::close(up[1]);
    wire_ = Wire(up[0], down[1]);
    ends_[0] = up[0];
    ends_[1] = down[1];
  }
  FarProcess(const FarProcess&) = delete;
  FarProcess& operator=(const FarProcess&) = delete;
  ~FarProcess() {
    kill();
    for (const int end : ends_) ::close(end);
  }

  Wire& wire() { return wire_; }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    static_cast<void>(wait());
  }
  /// It does nothing from now on.
  void freeze() const {
    int status = 0;
    ::kill(pid_, SIGSTOP);
    ::waitpid(pid_, &status, WUNTRACED);
  }
  /// Its exit code; -1: a signal ended it.
  int wait() {
    int status = -1;
    if (pid_ > 0) ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = 0;
  int ends_[2];
  Wire wire_{-1, -1};
};

}  // namespace ringmail::test

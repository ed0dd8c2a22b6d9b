// A part of a test in a process of its own.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "deadline.hpp"

namespace ringmail::transport::test {

/// What `body` returns in a child of this process, which has a watchdog of its own; 0 is good, and -1 stands for a signal.
template <class Body>
int status_of_child(Body&& body) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    start_watchdog();
    _exit(body());
  }
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace ringmail::transport::test

#include "termination_signal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

namespace ringmail::runtime {
namespace {

std::atomic<bool> watched{false};
// Made once and never closed: a handler that runs late must not write into somebody else's descriptor.
std::atomic<int> pipe_in{-1};
std::atomic<int> pipe_out{-1};

void take(int number) {
  const int error = errno;
  // The second one is not for us.
  struct sigaction fatal{};
  fatal.sa_handler = SIG_DFL;
  sigaction(SIGINT, &fatal, nullptr);
  sigaction(SIGTERM, &fatal, nullptr);
  const auto byte = static_cast<unsigned char>(number);
  // Acquire: any thread may be the one that takes the signal, and another one has made the pipe.
  static_cast<void>(!write(pipe_in.load(std::memory_order_acquire), &byte, 1));
  errno = error;
}

std::expected<void, std::string> make_signal_pipe() {
  int ends[2];
  if (pipe(ends) != 0) return std::unexpected(std::string("a pipe for signals: ") + std::strerror(errno));
  for (const int end : ends) fcntl(end, F_SETFD, FD_CLOEXEC);
  fcntl(ends[1], F_SETFL, O_NONBLOCK);
  pipe_out = ends[0];
  pipe_in = ends[1];
  return {};
}

}  // namespace

std::expected<TerminationSignal, std::string> TerminationSignal::watch() {
  if (watched.exchange(true)) return std::unexpected("somebody in this process waits for signals already");
  if (pipe_in < 0) {
    if (auto made = make_signal_pipe(); !made) {
      watched = false;
      return std::unexpected(made.error());
    }
  }
  TerminationSignal signals;
  signals.owns_ = true;
  struct sigaction action{};
  action.sa_handler = &take;
  action.sa_flags = SA_RESTART;
  sigfillset(&action.sa_mask);
  sigaction(SIGINT, &action, &signals.before_int_);
  sigaction(SIGTERM, &action, &signals.before_term_);
  // A thread that has them blocked would wait for ever, if all others have too.
  sigset_t both;
  sigemptyset(&both);
  sigaddset(&both, SIGINT);
  sigaddset(&both, SIGTERM);
  pthread_sigmask(SIG_UNBLOCK, &both, &signals.mask_before_);
  return signals;
}

TerminationSignal::TerminationSignal(TerminationSignal&& other) noexcept
    : owns_(std::exchange(other.owns_, false)),
      before_int_(other.before_int_),
      before_term_(other.before_term_),
      mask_before_(other.mask_before_) {}

TerminationSignal::~TerminationSignal() {
  if (!owns_) return;
  pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
  sigaction(SIGINT, &before_int_, nullptr);
  sigaction(SIGTERM, &before_term_, nullptr);
  watched = false;
}

int TerminationSignal::wait() {
  unsigned char number = 0;
  while (read(pipe_out, &number, 1) != 1) {
  }
  return number;
}

}  // namespace ringmail::runtime

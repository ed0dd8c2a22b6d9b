#include "connect.hpp"

#include <algorithm>
#include <cerrno>

#include "ringmail/runtime/scheduler.hpp"
#include "ringmail/runtime/socket.hpp"

namespace ringmail::io::detail {
namespace {

using runtime::Deadline;
using runtime::IoDescriptor;
using runtime::IoError;
using runtime::IoErrorKind;
using runtime::SocketAddress;

/// Between two attempts where the kernel does not say when the next one makes sense.
constexpr std::uint64_t pause_ns = 5'000'000;
/// Before a lack of descriptors is reported.
constexpr std::uint64_t exhausted_pause_ns = 50'000'000;

bool is_exhausted(int code) { return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM; }

runtime::Wake pause(std::uint64_t for_ns, Deadline& deadline) {
  return runtime::Scheduler::current()->sleep_until(std::min(runtime::now_ns() + for_ns, deadline.at_ns()));
}

/// One whose connection is under way, when it is there.
std::expected<IoDescriptor, IoError> connected(IoDescriptor socket,
                                               int number,
                                               const std::string& what,
                                               Deadline& deadline) {
  for (;;) {
    if (const auto woken = socket.wait(IoDescriptor::Ready::to_write, deadline); !woken) {
      return std::unexpected(runtime::io_error(what, woken.error()));
    }
    int error = 0;
    socklen_t length = sizeof error;
    if (::getsockopt(number, SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
    if (error != 0) return std::unexpected(runtime::io_error(what, error));
    if (SocketAddress::peer_of(number)) return socket;
    // Woken early: it has neither failed nor succeeded.
  }
}

}  // namespace

std::expected<IoDescriptor, IoError> connect(const SocketAddress& to, Deadline& deadline) {
  const std::string what = "connect to " + to.text();
  const auto failed = [&](auto why) { return std::unexpected(runtime::io_error(what, why)); };
  transport::Descriptor made = runtime::open_socket(to.family(), SOCK_STREAM);
  if (!made) return failed(errno);
  const int number = made.get();  // nobody else has it
  IoDescriptor socket(std::move(made));
  // A Unix domain socket whose listener has no room says EAGAIN, and nothing tells when it has.
  while (::connect(number, to.native(), to.length()) != 0) {
    if (errno == EINPROGRESS || errno == EINTR) return connected(std::move(socket), number, what, deadline);
    if (errno != EAGAIN) return failed(errno);
    if (runtime::now_ns() >= deadline.at_ns()) return failed(IoErrorKind::timed_out);
    if (pause(pause_ns, deadline) == runtime::Wake::stopped) return failed(IoErrorKind::stopped);
  }
  return socket;
}

std::expected<IoDescriptor, IoError> bind(const SocketAddress& at, int type) {
  const std::string what = (type == SOCK_STREAM ? "listen at " : "bind to ") + at.text();
  transport::Descriptor socket = runtime::open_socket(at.family(), type);
  if (!socket) return std::unexpected(runtime::io_error(what, errno));
  if (type == SOCK_STREAM && at.family() != AF_UNIX) {
    // Else what the last listener's connections left keeps the port for a minute.
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  }
  if (::bind(socket.get(), at.native(), at.length()) != 0 ||
      (type == SOCK_STREAM && ::listen(socket.get(), SOMAXCONN) != 0)) {
    return std::unexpected(runtime::io_error(what, errno));
  }
  return IoDescriptor(std::move(socket));
}

std::expected<IoDescriptor, IoError> accept(IoDescriptor& listener, Deadline deadline) {
  auto accepted = listener.when(IoDescriptor::Ready::to_read, deadline, "accept", [](int descriptor) -> ssize_t {
    const int number = runtime::accept_socket(descriptor).release();
    // Who connected has gone already: the next one, please.
    if (number < 0 && errno == ECONNABORTED) errno = EINTR;
    return number;
  });
  if (accepted) return IoDescriptor(transport::Descriptor(static_cast<int>(*accepted)));
  if (is_exhausted(accepted.error().code)) pause(exhausted_pause_ns, deadline);
  return std::unexpected(std::move(accepted.error()));
}

}  // namespace ringmail::io::detail

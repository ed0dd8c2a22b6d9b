// Input and output without types: what a handler can wait for at the reactor.
//
// A descriptor is read and written by the scheduler's own thread, which never blocks for it. Only where the kernel says "not
// now" is the reactor asked to watch, and the handler is suspended until it reports. So what is ready costs one system call
// and no change of thread; no buffer of a handler is ever touched by another thread, and a wait may end at any time (deadline,
// stop, close) with nothing left that could write into it.
//
// Files, names and child processes are requests to the reactor. Their state, buffers included, is shared by the two sides:
// who waits may leave, and the request comes to its end without it.
//
// Threads: "in a handler" as in scheduler.hpp. Everything else may be called from any thread. At most one handler waits for a
// descriptor to be readable, and one for it to be writable.
//
// When the system ends, every wait here ends with `stopped`, and so does every later one.
#pragma once

#include <sys/types.h>

#include <cerrno>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ringmail/runtime/clock.hpp"
#include "ringmail/runtime/io_buffer.hpp"
#include "ringmail/runtime/io_error.hpp"
#include "ringmail/runtime/socket_address.hpp"
#include "ringmail/transport/descriptor.hpp"

namespace ringmail::runtime {

class IoHub;
class Scheduler;
class System;

/// Given back when the last copy of it is gone, from any thread. What came with it counts as handled then.
using IoCredit = std::shared_ptr<const void>;

struct IoDeliveryOptions {
  std::size_t chunk = 64 * 1024;  ///< bytes of one message at most
  std::uint32_t credits = 16;     ///< so many messages may be unhandled; then nothing is read until one has been
  bool datagrams = false;         ///< each message is one, and none is the end. Set by who delivers
};

/// The owner of a descriptor that does not block: a socket or a pipe. Move-only. It is closed on destruction: at once, or by
/// the reactor a moment later where somebody has waited for it.
class IoDescriptor {
 public:
  enum class Ready : std::uint8_t { to_read, to_write };

  IoDescriptor() = default;
  /// Precondition: O_NONBLOCK is set.
  explicit IoDescriptor(transport::Descriptor descriptor);
  IoDescriptor(IoDescriptor&& other) noexcept = default;
  IoDescriptor& operator=(IoDescriptor&& other) noexcept;
  ~IoDescriptor() { close(); }

  bool is_open() const;

 private:
  struct State;

 public:
  /// Keeps the number from being closed, and so from becoming another file's, whoever calls close() meanwhile. False: it is
  /// closed already.
  class Use {
   public:
    explicit Use(const IoDescriptor& of);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    explicit operator bool() const { return number_ >= 0; }
    /// For system calls that do not block.
    int descriptor() const { return number_; }

   private:
    std::shared_ptr<State> state_;
    int number_ = -1;
  };

  /// Who waits for it is told `closed`. May be called while another actor uses it: the last of them closes.
  void close();

  /// In a handler. Makes the system call `attempt(fd)` until it does not fail with EAGAIN, and waits for the descriptor before
  /// it tries again. The time is not looked at before there is a wait.
  template <class Attempt>
  std::expected<std::size_t, IoError> when(Ready ready, Deadline& deadline, std::string_view what, Attempt&& attempt) {
    if (const auto woken = pass_turn(); !woken) return std::unexpected(io_error(what, woken.error()));
    const Use use(*this);
    for (;;) {
      if (!use) return std::unexpected(io_error(what, IoErrorKind::closed));
      const ssize_t result = attempt(use.descriptor());
      if (result >= 0) return static_cast<std::size_t>(result);
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return std::unexpected(io_error(what, errno));
      if (const auto woken = wait(ready, deadline); !woken) return std::unexpected(io_error(what, woken.error()));
    }
  }

  /// In a handler. Waits once, without trying first.
  std::expected<void, IoErrorKind> wait(Ready ready, Deadline& deadline);

  /// What it brings, or its end, on the thread of the scheduler that gets it.
  struct Delivered {
    IoBuffer bytes{};
    IoCredit credit{};
    SocketAddress from{};    ///< of a datagram
    bool truncated = false;  ///< of a datagram: the rest of it is lost
    bool over = false;       ///< the end of the stream, or an error: nothing follows
    bool failed = false;
    IoError error{};  ///< meaningful if it failed
  };
  /// From now on the reactor reads, and gives what it reads to `sink` on the thread of `to`, until the end of the stream, an
  /// error, close(), or `sink` has returned false. Nobody may wait to_read from then on. In a handler of the same system.
  void deliver(const IoDeliveryOptions& options, Scheduler& to, std::function<bool(Delivered&&)> sink);

 private:
  /// Of the turns that never wait, every so many lets the others of this scheduler run.
  static std::expected<void, IoErrorKind> pass_turn();

  std::shared_ptr<State> state_;
};

/// Of a socket; of nothing, if it is closed.
SocketAddress local_address(const IoDescriptor& socket);
SocketAddress peer_address(const IoDescriptor& socket);

// --- Files, in a handler. A file is read and written by threads of the event loop's library, since disks do block.

class IoFile {
 public:
  IoFile() = default;
  /// `flags` and `mode` as of open(2).
  static std::expected<IoFile, IoError> open(const std::string& path, int flags, int mode, Deadline deadline);

  /// Up to `bytes` from `offset` (-1: from where the last one ended); fewer only at the end of the file.
  std::expected<IoBuffer, IoError> read(std::size_t bytes, std::int64_t offset, Deadline deadline) const;
  /// All of it.
  std::expected<void, IoError> write(IoBuffer bytes, std::int64_t offset, Deadline deadline) const;
  std::expected<std::uint64_t, IoError> size(Deadline deadline) const;
  /// Everything written is on the disk.
  std::expected<void, IoError> sync(Deadline deadline) const;
  /// Also by the destructor. What is under way ends first.
  void close() { descriptor_.reset(); }
  bool is_open() const { return descriptor_ != nullptr; }

 private:
  std::string text(const char* verb) const;

  std::shared_ptr<const transport::Descriptor> descriptor_;
  std::string path_;
};

/// In a handler. Never empty. Without a name server that answers this takes as long as the system's resolver says; the
/// deadline ends the wait, not the question.
std::expected<std::vector<SocketAddress>, IoError> io_resolve(const std::string& host,
                                                              const std::string& service,
                                                              Deadline deadline);

// --- Child processes.

struct IoProcessOptions {
  enum class Stream : std::uint8_t { none, inherit, pipe };  ///< none: /dev/null

  std::vector<std::string> command{};      ///< the program, looked up in PATH, and its arguments
  std::vector<std::string> environment{};  ///< NAME=VALUE; empty: this process's
  std::string directory{};                 ///< empty: this process's
  Stream input = Stream::none;
  Stream output = Stream::pipe;
  Stream errors = Stream::inherit;
};

struct IoExitStatus {
  std::int64_t code = 0;  ///< meaningful if it was not killed
  int signal = 0;         ///< that killed it, or 0
};

/// Move-only. A child that still runs when this is destroyed, or when the system ends, is killed; each is reaped.
class IoProcess {
 public:
  IoProcess() = default;
  IoProcess(IoProcess&&) noexcept = default;
  IoProcess& operator=(IoProcess&& other) noexcept;
  ~IoProcess() { kill_if_running(); }

  /// In a handler.
  static std::expected<IoProcess, IoError> spawn(const IoProcessOptions& options, Deadline deadline);
  /// In a handler. May be called again.
  std::expected<IoExitStatus, IoError> wait(Deadline deadline);
  /// In a handler. Calls `told` once on the thread of `to`, when it has ended; not at all if the system ends before.
  void when_ended(Scheduler& to, std::function<void(const IoExitStatus&)> told);
  /// No effect on one that has ended: the number is never another process's.
  void kill(int signal);
  int pid() const;

  // This end of the pipes that were asked for.
  IoDescriptor input;
  IoDescriptor output;
  IoDescriptor errors;

 private:
  struct Child;
  std::expected<void, int> run(const std::shared_ptr<IoHub>& hub, const IoProcessOptions& options);
  void kill_if_running();

  std::shared_ptr<Child> child_;
};

// --- What happens by itself.

/// Watches as long as it lives. Move-only.
class IoWatch {
 public:
  IoWatch() = default;
  IoWatch(IoWatch&& other) noexcept = default;
  IoWatch& operator=(IoWatch&& other) noexcept;
  ~IoWatch() { close(); }
  void close();

  struct Signal {
    int number = 0;
    std::uint32_t count = 0;  ///< how many came since the last one was handled, as far as the kernel tells them apart
    IoCredit credit;
  };
  /// In a handler. While it lives the signal does not do what it does by default. `sink` runs on the thread of `to`.
  static std::expected<IoWatch, IoError> signal(int number,
                                                Scheduler& to,
                                                std::function<bool(Signal&&)> sink,
                                                Deadline deadline);

  struct Change {
    std::string name;         ///< of the entry, relative to the directory
    bool renamed = false;     ///< appeared, disappeared or was renamed; else: its content or attributes changed
    bool overflowed = false;  ///< more happened than could be told: look for yourself. There is no name
    IoError error;            ///< meaningful if `failed`: the watch has ended
    bool failed = false;
    IoCredit credit;
  };
  /// In a handler. Of a directory, not of what lies deeper; or of a file.
  static std::expected<IoWatch, IoError> path(const std::string& path,
                                              Scheduler& to,
                                              std::function<bool(Change&&)> sink,
                                              Deadline deadline);

 private:
  struct Watcher;
  struct SignalWatcher;
  struct PathWatcher;
  explicit IoWatch(std::shared_ptr<Watcher> watcher) : watcher_(std::move(watcher)) {}

  std::shared_ptr<Watcher> watcher_;
};

}  // namespace ringmail::runtime

// Sockets that others connect to.
//
//     auto listener = io::TcpListener::bind("127.0.0.1", 0);
//     while (auto stream = listener->accept(io::forever)) system.spawn<Connection>(std::move(*stream));
//
// Threads: bind() and close() may be called from any thread; accept() is meant for handlers, one at a time.
#pragma once

#include <cstdint>
#include <string>

#include "ringmail/actors/io/stream.hpp"

namespace ringmail::io {

class TcpListener {
 public:
  TcpListener() = default;
  /// `host` is a number; empty: every address of this machine. Port 0: any that is free, see address().
  static std::expected<TcpListener, IoError> bind(const std::string& host, std::uint16_t port);

  /// Where the system has no descriptors left (`exhausted`) this takes a moment to say so, so that who tries again and again
  /// does no harm.
  std::expected<TcpStream, IoError> accept(Timeout timeout);

  SocketAddress address() const { return runtime::local_address(descriptor_); }
  std::uint16_t port() const { return address().port(); }
  bool is_open() const { return descriptor_.is_open(); }
  void close() { descriptor_.close(); }

 private:
  runtime::IoDescriptor descriptor_;
};

class UnixListener {
 public:
  UnixListener() = default;
  UnixListener(UnixListener&&) noexcept = default;
  UnixListener& operator=(UnixListener&& other) noexcept;
  ~UnixListener() { close(); }

  /// Who may write to `path` may connect; its directory's mode says who may get there. `in_use` if there is anything already,
  /// also a socket that a dead process left. A leading NUL: a name outside of the file system, on Linux.
  static std::expected<UnixListener, IoError> bind(std::string_view path);

  std::expected<UnixStream, IoError> accept(Timeout timeout);

  bool is_open() const { return descriptor_.is_open(); }
  /// Removes the path.
  void close();

 private:
  runtime::IoDescriptor descriptor_;
  std::string path_;  // what close() removes
};

}  // namespace ringmail::io

// The socket at which processes that somebody else started become peers.
//
// It lies in a directory of mode 0700 that belongs to this user, and a lock beside it (which stays) tells a socket that a
// dead host left from one that is in use.
//
// Threads: one at a time.
#pragma once

#include <expected>
#include <string>

#include "ringmail/transport/descriptor.hpp"

namespace ringmail::transport {

class ListeningSocket {
 public:
  /// Makes the directory where there is none. `backlog`: connections that wait to be accepted. One line on failure.
  static std::expected<ListeningSocket, std::string> open(const std::string& path, int backlog);

  ListeningSocket(ListeningSocket&&) noexcept = default;
  ListeningSocket& operator=(ListeningSocket&&) = delete;
  /// Takes the socket away.
  ~ListeningSocket();

  /// For poll, and accept_connection(). Non-blocking; stays owned here.
  int descriptor() const { return socket_.get(); }
  const std::string& path() const { return path_; }

  /// Closes it and leaves the name: this process is a fork of the one that listens.
  void let_go() { socket_ = {}; }

 private:
  explicit ListeningSocket(const std::string& path) : path_(path) {}
  std::expected<void, std::string> take_place();
  std::expected<void, std::string> listen(int backlog);

  std::string path_;
  Descriptor lock_;
  Descriptor socket_;
};

}  // namespace ringmail::transport

// One stream that a peer prints to, read into the log line by line under the peer's name.
//
// The peer has the writing end of a pipe, and this never lets it wait for anything but this loop.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "peer_output_lines.hpp"
#include "reactor_loop.hpp"
#include "ringmail/transport/descriptor.hpp"

namespace ringmail::runtime {

class PeerOutput {
 public:
  /// `line` is called from the loop. Fails with errno.
  static std::expected<std::unique_ptr<PeerOutput>, int> create(ReactorLoop& loop,
                                                                std::function<void(std::string_view)> line);

  /// As create(), of a pipe that was read by another host before.
  static std::expected<std::unique_ptr<PeerOutput>, int> go_on(ReactorLoop& loop,
                                                               transport::Descriptor host_end,
                                                               std::function<void(std::string_view)> line);
  int host_end() const { return host_end_.get(); }

  /// The peer's end, to be handed to its process and then closed.
  int peer_end() const { return peer_end_.get(); }
  void close_peer_end() { peer_end_ = {}; }

  /// The peer is dead: everything that it had written comes out, and this reads no more. A grandchild that still holds the
  /// stream is not waited for.
  void finish();

  /// The last line that was not blank, cut short: of a traceback, what went wrong.
  const std::string& last_line() const { return last_line_; }

 private:
  explicit PeerOutput(std::function<void(std::string_view)> line);
  void read_some();
  bool read_once(std::size_t& budget);
  void close();

  transport::Descriptor host_end_;
  transport::Descriptor peer_end_;
  std::function<void(std::string_view)> line_;
  std::string last_line_;
  OutputLines lines_;
  std::unique_ptr<LoopWatch> watch_;
};

}  // namespace ringmail::runtime

// Bytes that a process prints, cut into lines. No input or output of its own.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace ringmail::runtime {

/// Each stream of a process has its own, so that what is printed to two of them at once is not mixed within a line.
class OutputLines {
 public:
  /// Gets each line without its end ("\n" or "\r\n"). The text is valid during the call.
  using Sink = std::function<void(std::string_view line)>;

  /// A longer line is handed out in pieces of this many bytes: a process that never ends a line must not fill the memory of
  /// its host.
  static constexpr std::size_t longest_line_bytes = 8 * 1024;

  explicit OutputLines(Sink sink) : sink_(std::move(sink)) {}

  /// Hands out every line that ends in `bytes`, before it returns: what came in one piece leaves in one piece, such as the
  /// lines of a traceback.
  void feed(std::string_view bytes);

  /// The stream is at its end: hands out what has no line end.
  void finish();

 private:
  void hand_out_line(std::string_view text);

  Sink sink_;
  std::string partial_;     // at most longest_line_bytes
  bool in_pieces_ = false;  // a part of the current line has been handed out
};

}  // namespace ringmail::runtime

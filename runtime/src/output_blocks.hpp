// Lines that a process prints, put together where they belong together: a traceback leaves whole, as one record. No input or
// output of its own.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringmail::runtime {

class OutputBlocks {
 public:
  /// `continues`: they belong to those before, which have been handed out already.
  using Sink = std::function<void(std::span<const std::string> lines, bool continues)>;

  static constexpr std::size_t most_lines = 500;
  static constexpr std::size_t most_bytes = 64 * 1024;

  explicit OutputBlocks(Sink sink) : sink_(std::move(sink)) {}

  /// An ordinary line is handed out at once; one that others follow, such as the head of a traceback, with those.
  void add(std::string_view line);
  /// Nothing more has come for a while, or ever.
  void flush();
  bool is_open() const { return !lines_.empty(); }

 private:
  /// What a traceback is one of. It says which lines belong to it though they are not indented.
  enum class Trace { none, python, java, rust, to_the_end };

  static Trace trace_begun_by(std::string_view line);
  bool belongs(std::string_view line) const;
  void keep(std::string_view line);

  Sink sink_;
  std::vector<std::string> lines_;
  std::size_t bytes_ = 0;
  Trace trace_ = Trace::none;
  bool continues_ = false;
};

}  // namespace ringmail::runtime

#include "output_blocks.hpp"

#include <algorithm>
#include <utility>

namespace ringmail::runtime {
namespace {

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t") == std::string_view::npos; }
bool is_indented(std::string_view line) { return line.starts_with(' ') || line.starts_with('\t'); }

/// "ValueError: ...", "java.lang.IllegalStateException: ...", "Error": one word that says so, with its text or without.
bool names_an_error(std::string_view line) {
  const std::string_view word = line.substr(0, line.find_first_of(": "));
  return (word.ends_with("Error") || word.ends_with("Exception")) &&
         (word.size() == line.size() || line[word.size()] == ':');
}

}  // namespace

void OutputBlocks::add(std::string_view line) {
  if (is_open() && belongs(line)) {
    if (lines_.size() == most_lines || bytes_ + line.size() > most_bytes) {
      flush();
      continues_ = true;
    }
    return keep(line);
  }
  flush();
  trace_ = trace_begun_by(line);
  if (trace_ != Trace::none || (is_indented(line) && !is_blank(line))) {
    continues_ = trace_ == Trace::none;
    return keep(line);
  }
  const std::string alone(line);
  sink_(std::span(&alone, 1), false);
}

void OutputBlocks::flush() {
  if (!is_open()) return;
  const auto lines = std::exchange(lines_, {});
  bytes_ = 0;
  sink_(lines, std::exchange(continues_, false));
}

void OutputBlocks::keep(std::string_view line) {
  lines_.emplace_back(line);
  bytes_ += line.size();
}

OutputBlocks::Trace OutputBlocks::trace_begun_by(std::string_view line) {
  if (line.contains("Traceback (most recent call last)")) return Trace::python;
  // Go, and the sanitizers of C and C++: the process says nothing else any more.
  const bool is_last = line.starts_with("panic: ") || line.starts_with("fatal error: ") ||
                       line.starts_with("goroutine ") || (line.starts_with("==") && line.contains("==ERROR: "));
  if (is_last) return Trace::to_the_end;
  if (line.starts_with("thread '") && line.contains("panicked at")) return Trace::rust;
  if (line.starts_with("Exception in thread ") || names_an_error(line)) return Trace::java;
  return Trace::none;
}

bool OutputBlocks::belongs(std::string_view line) const {
  const auto starts_with_one = [&](auto... heads) { return (line.starts_with(std::string_view(heads)) || ...); };
  if (is_indented(line)) return true;
  switch (trace_) {
    case Trace::none: return false;
    case Trace::to_the_end: return true;
    case Trace::python:
      // The line behind the last frame says what went wrong; another traceback may follow, of what that came from.
      return line.empty() || is_indented(lines_.back()) ||
             starts_with_one("Traceback ", "During handling of ", "The above exception ");
    case Trace::java: return starts_with_one("Caused by: ", "Suppressed: ");
    case Trace::rust: return lines_.size() == 1 || starts_with_one("stack backtrace:", "note: ");
  }
  return false;
}

}  // namespace ringmail::runtime

#include "printed_lines.hpp"

#include "peer_setup.hpp"
#include "printable.hpp"
#include "ringmail/runtime/clock.hpp"

namespace ringmail::runtime {
namespace {

/// A traceback is written line by line, and its head waits for the rest; so long after the last line it is thought to be whole.
constexpr auto pause_in_a_traceback = std::chrono::milliseconds(100);
constexpr std::size_t most_bytes_of_last_line = 400;

bool is_blank(const std::string& line) { return line.find_first_not_of(" \t") == std::string::npos; }

}  // namespace

PrintedLines::PrintedLines(ReactorLoop& loop,
                           spdlog::logger& log,
                           PeerLog* file,
                           const PeerOptions& options,
                           spdlog::level::level_enum level,
                           std::string_view mark)
    : log_(log),
      file_(file),
      options_(options),
      level_(level),
      mark_(mark),
      blocks_([this](std::span<const std::string> lines, bool continues) { write(lines, continues); }),
      budget_(options.output.lines_a_second),
      timer_(loop) {}

void PrintedLines::add(std::string_view line) {
  if (file_ != nullptr) file_->write(mark_, line);
  if (options_.output.last_lines != 0) {
    if (last_lines_.size() == options_.output.last_lines) last_lines_.pop_front();
    last_lines_.push_back(printable(line, most_bytes_of_last_line));
  }
  blocks_.add(line);
  if (blocks_.is_open()) {
    timer_.set(pause_in_a_traceback, [this] { blocks_.flush(); });
  }
}

void PrintedLines::finish() {
  timer_.cancel();
  blocks_.flush();
  say_what_was_kept_back();
}

std::vector<std::string> PrintedLines::last_lines() const {
  auto first = last_lines_.begin();
  auto end = last_lines_.end();
  while (first != end && is_blank(*first)) ++first;
  while (end != first && is_blank(*std::prev(end))) --end;
  return {first, end};
}

void PrintedLines::write(std::span<const std::string> lines, bool continues) {
  if (!budget_.admit(lines.size(), continues, now_ns())) return;
  say_what_was_kept_back();
  if (!log_.should_log(level_)) return;
  // One record, so that nobody else's lines come between them.
  std::string record;
  for (const std::string& line : lines) {
    if (!record.empty()) record += '\n';
    record.append("[").append(options_.name).append("] ");
    record += is_trusted(options_) ? line : printable(line, line.size());
  }
  log_.log(level_, "{}", record);
}

void PrintedLines::say_what_was_kept_back() {
  if (const auto lines = budget_.take_kept_back(); lines != 0) {
    log_.warn("peer '{}': and {} more lines on its std{}{}", options_.name, lines, mark_,
              file_ != nullptr ? ", which '" + options_.output.file + "' has" : "");
  }
}

}  // namespace ringmail::runtime

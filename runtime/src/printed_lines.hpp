// Where the lines of one stream of a peer go: all of them into its file, and what its budget admits into the log, under its name.
//
// Threads: the loop's.
#pragma once

#include <spdlog/spdlog.h>

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "output_blocks.hpp"
#include "output_budget.hpp"
#include "peer_log.hpp"
#include "reactor_loop.hpp"

namespace ringmail::runtime {

class PrintedLines {
 public:
  /// `file` may be null; both it and `options` outlive this.
  PrintedLines(ReactorLoop& loop,
               spdlog::logger& log,
               PeerLog* file,
               const PeerOptions& options,
               spdlog::level::level_enum level,
               std::string_view mark);

  void add(std::string_view line);
  /// The stream is at its end.
  void finish();

  /// The last of them, printable and cut short, with no blank one at either end.
  std::vector<std::string> last_lines() const;

 private:
  void write(std::span<const std::string> lines, bool continues);
  void say_what_was_kept_back();

  spdlog::logger& log_;
  PeerLog* file_;
  const PeerOptions& options_;
  spdlog::level::level_enum level_;
  std::string_view mark_;
  OutputBlocks blocks_;
  OutputBudget budget_;
  LoopTimer timer_;
  std::deque<std::string> last_lines_;
};

}  // namespace ringmail::runtime

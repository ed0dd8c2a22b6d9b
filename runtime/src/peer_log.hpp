// The file that has what a peer printed, over all of its incarnations (PeerOutputOptions::file).
//
// Threads: open() any; the rest the loop's.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "ringmail/runtime/peer_options.hpp"

namespace spdlog {
class logger;
}

namespace ringmail::runtime {

class PeerLog {
 public:
  /// Null where the options name no file. One line on failure. What fails later, as on a full disk, is said in `log`, once.
  static std::expected<std::unique_ptr<PeerLog>, std::string> open(const PeerOptions& options, spdlog::logger& log);

  /// With the time before it, and `mark`: "out", "err". In the hands of the kernel when this returns.
  void write(std::string_view mark, std::string_view text);

 private:
  explicit PeerLog(std::shared_ptr<spdlog::logger> file) : file_(std::move(file)) {}

  std::shared_ptr<spdlog::logger> file_;
};

}  // namespace ringmail::runtime

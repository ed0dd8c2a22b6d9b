#include "peer_log.hpp"

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/spdlog.h>

namespace ringmail::runtime {

std::expected<std::unique_ptr<PeerLog>, std::string> PeerLog::open(const PeerOptions& options, spdlog::logger& log) {
  const PeerOutputOptions& output = options.output;
  if (output.file.empty()) return nullptr;
  try {
    // No locks: the loop's thread is the only one that writes.
    auto file = std::make_shared<spdlog::logger>(options.name, std::make_shared<spdlog::sinks::rotating_file_sink_st>(
                                                                   output.file, output.file_bytes, output.old_files));
    file->set_level(spdlog::level::trace);
    file->flush_on(spdlog::level::trace);
    file->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %v");
    file->set_error_handler(
        [&log, name = options.name, path = output.file, said = false](const std::string& what) mutable {
          if (std::exchange(said, true)) return;
          log.error("peer '{}': its output does not get into '{}' any more: {}", name, path, what);
        });
    return std::unique_ptr<PeerLog>(new PeerLog(std::move(file)));
  } catch (const spdlog::spdlog_ex& error) {
    return std::unexpected("peer '" + options.name + "': no file for its output: " + error.what());
  }
}

void PeerLog::write(std::string_view mark, std::string_view text) {
  file_->log(spdlog::level::info, "{} {}", mark, text);
}

}  // namespace ringmail::runtime

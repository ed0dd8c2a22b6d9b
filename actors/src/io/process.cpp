#include "ringmail/actors/io/process.hpp"

namespace ringmail::io {

using runtime::Deadline;

std::expected<Process, IoError> Process::spawn(const ProcessOptions& options, Timeout timeout) {
  auto spawned = runtime::IoProcess::spawn(options, Deadline::after(timeout));
  if (!spawned) return std::unexpected(std::move(spawned.error()));
  Process process;
  process.input_ = Stream(std::move(spawned->input), Stream::Kind::pipe);
  process.output_ = Stream(std::move(spawned->output), Stream::Kind::pipe);
  process.errors_ = Stream(std::move(spawned->errors), Stream::Kind::pipe);
  process.process_ = std::move(*spawned);
  return process;
}

std::expected<ExitStatus, IoError> Process::wait(Timeout timeout) { return process_.wait(Deadline::after(timeout)); }

}  // namespace ringmail::io

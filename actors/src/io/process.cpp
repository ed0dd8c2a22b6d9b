#include "ringmail/actors/io/process.hpp"

#include "tell.hpp"

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

void Process::watch(runtime::System& system, runtime::ActorId actor, const runtime::Binding& binding) {
  runtime::Scheduler& scheduler = system.scheduler(actor.thread());
  process_.when_ended(scheduler, [&scheduler, actor, &binding, number = pid()](const ExitStatus& status) {
    detail::tell(scheduler, actor, binding, ProcessEnded{.pid = number, .status = status});
  });
}

}  // namespace ringmail::io

// Child processes that are no peers.
#include <uv.h>

#include <array>
#include <atomic>
#include <csignal>
#include <utility>

#include "exec_list.hpp"
#include "io_ticket.hpp"
#include "ringmail/runtime/io.hpp"
#include "ringmail/runtime/socket.hpp"

namespace ringmail::runtime {
namespace {

using transport::Descriptor;

/// The child's end of one of its streams.
struct ChildEnd {
  IoProcessOptions::Stream kind = IoProcessOptions::Stream::none;
  Descriptor pipe;

  uv_stdio_container_t stdio(int number) const {
    uv_stdio_container_t container{};
    container.flags = kind == IoProcessOptions::Stream::none ? UV_IGNORE : UV_INHERIT_FD;
    if (container.flags == UV_INHERIT_FD) container.data.fd = pipe ? pipe.get() : number;
    return container;
  }
};

using ChildEnds = std::array<ChildEnd, 3>;

}  // namespace

/// In the hub from the spawn until it has been reaped, whoever still holds it.
struct IoProcess::Child final : public IoHub::Member, public std::enable_shared_from_this<Child> {
  using Exit = std::shared_ptr<IoCall<IoExitStatus>>;
  using Told = std::function<void(const IoExitStatus&)>;  // on the reactor's thread

  explicit Child(std::shared_ptr<IoHub> of) : hub(std::move(of)) {}

  void end() override;
  int spawn(const IoProcessOptions& options, const ChildEnds& ends);
  void kill(int signal);
  void wait(Exit call);
  void tell(Told told);
  void forget(const Exit& call) { std::erase(waiting, call); }
  void on_exit(IoExitStatus status);

  const std::shared_ptr<IoHub> hub;
  int pid = 0;                         // set before anybody but the reactor has it
  std::atomic<bool> has_ended{false};  // a hint for others

  // The reactor's.
  uv_process_t process{};
  std::optional<IoExitStatus> status;
  std::vector<Exit> waiting;
  std::vector<Told> told_of_end;
};

int IoProcess::Child::spawn(const IoProcessOptions& options, const ChildEnds& ends) {
  std::vector<std::string> command = options.command;
  std::vector<std::string> environment = options.environment;
  std::vector<char*> arguments = exec_list(command);
  std::vector<char*> variables = exec_list(environment);
  std::array<uv_stdio_container_t, 3> stdio{};
  for (int i = 0; i < 3; ++i) stdio[static_cast<std::size_t>(i)] = ends[static_cast<std::size_t>(i)].stdio(i);

  uv_process_options_t spawned{};
  spawned.exit_cb = [](uv_process_t* handle, std::int64_t code, int signal) {
    static_cast<Child*>(handle->data)->on_exit({.code = code, .signal = signal});
  };
  spawned.file = arguments.front();
  spawned.args = arguments.data();
  spawned.env = environment.empty() ? nullptr : variables.data();
  spawned.cwd = options.directory.empty() ? nullptr : options.directory.c_str();
  spawned.stdio = stdio.data();
  spawned.stdio_count = static_cast<int>(stdio.size());

  process.data = this;
  hub->enter(shared_from_this());
  const int result = uv_spawn(hub->loop().native(), &process, &spawned);
  pid = process.pid;
  // Even then the handle has to be closed.
  if (result != 0) on_exit({});
  return result;
}

void IoProcess::Child::kill(int signal) {
  // Until its exit is known here it is not reaped, and its number nobody else's.
  if (!status) uv_process_kill(&process, signal);
}

void IoProcess::Child::end() {
  for (auto& call : std::exchange(waiting, {})) call->fail(io_error("wait for a child process", IoErrorKind::stopped));
  told_of_end.clear();
  kill(SIGKILL);
}

void IoProcess::Child::wait(Exit call) {
  if (status) return call->finish(*status);
  if (hub->has_ended()) return call->fail(io_error("wait for a child process", IoErrorKind::stopped));
  waiting.push_back(std::move(call));
}

void IoProcess::Child::tell(Told told) {
  if (status) return told(*status);
  if (!hub->has_ended()) told_of_end.push_back(std::move(told));
}

void IoProcess::Child::on_exit(IoExitStatus exit) {
  status = exit;
  has_ended.store(true, std::memory_order_relaxed);
  for (auto& call : std::exchange(waiting, {})) call->finish(exit);
  for (auto& told : std::exchange(told_of_end, {})) told(exit);
  uv_close(reinterpret_cast<uv_handle_t*>(&process), [](uv_handle_t* closed) {
    auto* const child = static_cast<Child*>(closed->data);
    // It may be the last who holds it, and so the hub.
    const auto hub = child->hub;
    hub->leave(*child);
  });
}

std::expected<void, int> IoProcess::run(const std::shared_ptr<IoHub>& hub, const IoProcessOptions& options) {
  // The child's ends are closed here on return, or theirs would never be seen.
  ChildEnds ends;
  const std::array<std::pair<IoProcessOptions::Stream, IoDescriptor*>, 3> streams{
      {{options.input, &input}, {options.output, &output}, {options.errors, &errors}}};
  for (std::size_t i = 0; i < streams.size(); ++i) {
    const auto [kind, ours] = streams[i];
    ends[i].kind = kind;
    if (kind != IoProcessOptions::Stream::pipe) continue;
    auto pipe = open_pipe();
    if (!pipe) return std::unexpected(pipe.error());
    Descriptor kept = std::move(i == 0 ? pipe->writer : pipe->reader);
    ends[i].pipe = std::move(i == 0 ? pipe->reader : pipe->writer);
    make_nonblocking(kept.get());
    *ours = IoDescriptor(std::move(kept));
  }
  child_ = std::make_shared<Child>(hub);
  if (const int result = child_->spawn(options, ends); result != 0) return std::unexpected(-result);
  return {};
}

std::expected<IoProcess, IoError> IoProcess::spawn(const IoProcessOptions& options, Deadline deadline) {
  const std::string what = "run '" + (options.command.empty() ? std::string() : options.command.front()) + "'";
  if (options.command.empty()) return std::unexpected(io_error(what, EINVAL));
  using Spawned = std::shared_ptr<IoProcess>;
  auto spawned = io_call<Spawned>(
      what, deadline, [what, options](const std::shared_ptr<IoHub>& hub, std::shared_ptr<IoCall<Spawned>> call) {
        // As an IoProcess from the start: if nobody waits any more, the child goes with it.
        const auto process = std::make_shared<IoProcess>();
        if (const auto ran = process->run(hub, options); !ran) return call->fail(io_error(what, ran.error()));
        call->finish(process);
      });
  if (!spawned) return std::unexpected(std::move(spawned.error()));
  return std::move(**spawned);
}

IoProcess& IoProcess::operator=(IoProcess&& other) noexcept {
  if (this == &other) return *this;
  kill_if_running();
  input = std::move(other.input);
  output = std::move(other.output);
  errors = std::move(other.errors);
  child_ = std::move(other.child_);
  return *this;
}

std::expected<IoExitStatus, IoError> IoProcess::wait(Deadline deadline) {
  constexpr std::string_view what = "wait for a child process";
  const auto child = child_;
  if (child == nullptr) return std::unexpected(io_error(what, IoErrorKind::closed));
  Scheduler* const home = Scheduler::current();
  assert(home != nullptr && home->current_cell() != nullptr && "input and output are meant for handlers");
  const auto call = std::make_shared<IoCall<IoExitStatus>>(*home);
  if (!child->hub->post([child, call] { child->wait(call); })) {
    return std::unexpected(io_error(what, IoErrorKind::stopped));
  }
  if (const auto woken = call->wait(deadline); !woken) {
    child->hub->post([child, call] { child->forget(call); });
    return std::unexpected(io_error(what, woken.error()));
  }
  return call->take();
}

void IoProcess::when_ended(Scheduler& to, std::function<void(const IoExitStatus&)> told) {
  if (child_ == nullptr) return;
  auto post = [&to, told = std::move(told)](const IoExitStatus& status) {
    to.post([told, status]() { told(status); });
  };
  child_->hub->post([child = child_, post = std::move(post)] { child->tell(post); });
}

void IoProcess::kill(int signal) {
  if (child_ != nullptr) child_->hub->post([child = child_, signal] { child->kill(signal); });
}

int IoProcess::pid() const { return child_ != nullptr ? child_->pid : 0; }

void IoProcess::kill_if_running() {
  if (child_ != nullptr && !child_->has_ended.load(std::memory_order_relaxed)) kill(SIGKILL);
  child_.reset();
}

}  // namespace ringmail::runtime

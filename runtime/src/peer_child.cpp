#include "peer_child.hpp"

#include <uv.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <csignal>
#include <utility>

#include "exec_list.hpp"

namespace ringmail::runtime {
namespace {

uv_stdio_container_t inherit(int descriptor) {
  uv_stdio_container_t stdio{};
  stdio.flags = UV_INHERIT_FD;
  stdio.data.fd = descriptor;
  return stdio;
}

/// The number behind its own streams.
int first_behind(const PeerChild::Streams& streams) { return streams.control_out >= 0 ? 5 : 4; }

}  // namespace

struct PeerChild::Handle {
  static void on_exit(uv_process_t* process, std::int64_t code, int signal) {
    auto* child = static_cast<Handle*>(process->data)->child;
    if (child == nullptr) return;
    // It has just been reaped: its number comes round again only after all others, so this is still its group, or none.
    ::kill(-child->pid_, SIGKILL);
    child->on_dead({.code = static_cast<int>(code), .signal = signal});
  }
  static void close(Handle* handle) {
    handle->child = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&handle->process),
             [](uv_handle_t* closed) { delete static_cast<Handle*>(closed->data); });
  }

  uv_process_t process;
  PeerChild* child;
};

std::expected<std::unique_ptr<PeerChild>, std::string> PeerChild::spawn(ReactorLoop& loop,
                                                                        PeerContainment& containment,
                                                                        const PeerCommand& command,
                                                                        const Streams& streams,
                                                                        std::function<void(ExitStatus)> died) {
  if (auto checked = check(command); !checked) return std::unexpected(std::move(checked.error()));
  auto start = containment.prepare(command, first_behind(streams));
  if (!start) return std::unexpected(std::move(start.error()));
  std::unique_ptr<PeerChild> child(new PeerChild(containment));
  child->died_ = std::move(died);
  if (auto ran = child->run(loop, *start, command, streams); !ran) {
    child->dead_ = true;
    containment.abandon(*start);
    return std::unexpected(std::move(ran.error()));
  }
  child->cgroup_ = std::move(start->cgroup);
  containment.started(child->pid_, command);
  child->watch_for_death(loop);
  return child;
}

PeerChild::~PeerChild() {
  assert(dead_);
  if (handle_ != nullptr) Handle::close(handle_);
}

std::expected<void, std::string> PeerChild::run(ReactorLoop& loop,
                                                const PeerContainment::Start& start,
                                                const PeerCommand& command,
                                                const Streams& streams) {
  std::vector<std::string> arguments = start.arguments;
  std::vector<std::string> environment = command.environment;
  std::vector<char*> argument_list = exec_list(arguments);
  std::vector<char*> environment_list = exec_list(environment);

  std::array<uv_stdio_container_t, 6> stdio{};
  stdio[0].flags = UV_IGNORE;
  stdio[1] = inherit(streams.out);
  stdio[2] = inherit(streams.err);
  stdio[3] = inherit(streams.control);
  auto count = static_cast<std::size_t>(first_behind(streams));
  if (streams.control_out >= 0) stdio[4] = inherit(streams.control_out);
  if (start.guard >= 0) stdio[count++] = inherit(start.guard);

  uv_process_options_t options{};
  options.exit_cb = Handle::on_exit;
  options.file = start.helper.c_str();
  options.args = argument_list.data();
  options.env = environment_list.data();
  options.cwd = command.working_directory.empty() ? nullptr : command.working_directory.c_str();
  options.flags = UV_PROCESS_DETACHED;
  options.stdio = stdio.data();
  options.stdio_count = static_cast<int>(count);

  handle_ = new Handle{.process = {}, .child = this};
  handle_->process.data = handle_;
  // Returns when the exec of the helper has succeeded or failed, so the process group is there from now on.
  const int result = uv_spawn(loop.native(), &handle_->process, &options);
  if (result != 0) {
    // Even then the handle has to be closed.
    Handle::close(std::exchange(handle_, nullptr));
    return std::unexpected("cannot run '" + command.arguments.front() + "': " + uv_strerror(result));
  }
  pid_ = handle_->process.pid;
  assert(pid_ > 1);  // -0 and -1 are groups that nobody means
  return {};
}

void PeerChild::watch_for_death(ReactorLoop& loop) {
  // Not reaped before this by anyone: the library reaps on this thread, in a later turn of the loop.
  death_watch_ = open_death_watch(pid_);
  if (!death_watch_) return;
  auto watch = LoopWatch::create(loop, death_watch_.get(), [this](unsigned) {
    // While it is not reaped its number is not given to another group.
    ::kill(-pid_, SIGKILL);
    on_dead(reap(death_watch_.get()));
  });
  if (!watch) return;
  watch_ = std::move(*watch);
  watch_->watch(LoopWatch::readable);
  // One reaper is enough. Without a death watch it is the library, by SIGCHLD.
  Handle::close(std::exchange(handle_, nullptr));
}

void PeerChild::signal(int number) {
  if (dead_) return;
  if (::kill(-pid_, number) != 0 && errno == ESRCH) ::kill(pid_, number);
}

void PeerChild::on_dead(ExitStatus status) {
  if (std::exchange(dead_, true)) return;
  if (watch_) watch_->stop();
  containment_.ended(pid_, cgroup_);
  const auto died = std::move(died_);
  died(status);
}

}  // namespace ringmail::runtime

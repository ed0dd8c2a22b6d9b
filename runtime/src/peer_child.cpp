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

}  // namespace

struct PeerChild::Handle {
  static void on_exit(uv_process_t* process, std::int64_t code, int signal) {
    auto* child = static_cast<Handle*>(process->data)->child;
    if (child != nullptr) child->on_dead({.code = static_cast<int>(code), .signal = signal});
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
                                                                        ExecHelper& helper,
                                                                        const PeerCommand& command,
                                                                        const Streams& streams,
                                                                        std::function<void(ExitStatus)> died) {
  if (auto checked = check(command); !checked) return std::unexpected(std::move(checked.error()));
  if (auto prepared = helper.prepare(); !prepared) return std::unexpected(std::move(prepared.error()));
  std::unique_ptr<PeerChild> child(new PeerChild);
  child->died_ = std::move(died);
  if (auto ran = child->run(loop, helper.path(), command, streams); !ran) {
    child->dead_ = true;
    return std::unexpected(std::move(ran.error()));
  }
  child->watch_for_death(loop);
  return child;
}

PeerChild::~PeerChild() {
  assert(dead_);
  if (handle_ != nullptr) Handle::close(handle_);
}

std::expected<void, std::string> PeerChild::run(ReactorLoop& loop,
                                                const std::string& helper,
                                                const PeerCommand& command,
                                                const Streams& streams) {
  std::vector<std::string> arguments{"ringmail-exec", std::to_string(uv_os_getpid())};
  arguments.insert(arguments.end(), command.arguments.begin(), command.arguments.end());
  std::vector<std::string> environment = command.environment;
  std::vector<char*> argument_list = exec_list(arguments);
  std::vector<char*> environment_list = exec_list(environment);

  std::array<uv_stdio_container_t, 5> stdio{};
  stdio[0].flags = UV_IGNORE;
  stdio[1] = inherit(streams.out);
  stdio[2] = inherit(streams.err);
  stdio[3] = inherit(streams.control);
  const bool has_two = streams.control_out >= 0;
  if (has_two) stdio[4] = inherit(streams.control_out);

  uv_process_options_t options{};
  options.exit_cb = Handle::on_exit;
  options.file = helper.c_str();
  options.args = argument_list.data();
  options.env = environment_list.data();
  options.cwd = command.working_directory.empty() ? nullptr : command.working_directory.c_str();
  options.flags = UV_PROCESS_DETACHED;
  options.stdio = stdio.data();
  options.stdio_count = static_cast<int>(stdio.size()) - (has_two ? 0 : 1);

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
  const auto died = std::move(died_);
  died(status);
}

}  // namespace ringmail::runtime

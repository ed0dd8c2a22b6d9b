#include "peer_os.hpp"

#include <fcntl.h>
#include <sys/event.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "exec_helper_image.hpp"

namespace ringmail::runtime {
namespace {

using transport::Descriptor;
using Event = struct kevent;

bool change(const Descriptor& queue, std::span<const Event> changes) {
  return ::kevent(queue.get(), changes.data(), static_cast<int>(changes.size()), nullptr, 0, nullptr) == 0;
}

}  // namespace

// A queue that holds one event once the process is dead, and is readable from then on. The event's ident is the process's id.
Descriptor open_death_watch(int pid) {
  Descriptor queue(::kqueue());
  if (!queue) return {};
  ::fcntl(queue.get(), F_SETFD, FD_CLOEXEC);

  std::array<Event, 2> events{};
  const auto id = static_cast<std::uintptr_t>(pid);
  EV_SET(&events[0], id, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, nullptr);
  if (change(queue, std::span(events).first(1))) return queue;
  if (errno != ESRCH) return {};
  // It is dead already, though perhaps not reaped.
  EV_SET(&events[0], id, EVFILT_USER, EV_ADD, 0, 0, nullptr);
  EV_SET(&events[1], id, EVFILT_USER, 0, NOTE_TRIGGER, 0, nullptr);
  return change(queue, events) ? std::move(queue) : Descriptor();
}

ExitStatus reap(int death_watch) {
  Event event{};
  const timespec at_once{};
  int events = 0;
  do events = ::kevent(death_watch, nullptr, 0, &event, 1, &at_once);
  while (events < 0 && errno == EINTR);
  if (events != 1) return {.known = false};

  // The event comes shortly before the process can be waited for.
  int status = 0;
  pid_t reaped = -1;
  do reaped = ::waitpid(static_cast<pid_t>(event.ident), &status, 0);
  while (reaped < 0 && errno == EINTR);
  if (reaped < 0) return {.known = false};
  if (WIFEXITED(status)) return {.code = WEXITSTATUS(status)};
  return {.signal = WTERMSIG(status)};
}

const char* name_of_signal(int number) { return number > 0 && number < NSIG ? ::sys_siglist[number] : nullptr; }

std::expected<std::pair<Descriptor, Descriptor>, int> make_pipe() {
  int ends[2];
  if (::pipe(ends) != 0) return std::unexpected(errno);
  for (const int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
  return std::pair(Descriptor(ends[0]), Descriptor(ends[1]));
}

// Memory cannot be executed by name here, so the program is a file, in the directory that belongs to this user. A host that is
// killed leaves it to the system, which clears that directory.
std::expected<void, std::string> ExecHelper::prepare() {
  if (!path_.empty()) return {};
  const auto failed = [](const char* what) {
    return std::unexpected(std::string("cannot prepare the exec helper: ") + what + ": " + std::strerror(errno));
  };
  std::array<char, PATH_MAX> directory{};
  if (::confstr(_CS_DARWIN_USER_TEMP_DIR, directory.data(), directory.size()) == 0) return failed("confstr");
  std::string path = std::string(directory.data()) + "/ringmail-exec.XXXXXX";
  const Descriptor file(::mkostemp(path.data(), O_CLOEXEC));
  if (!file) return failed("mkostemp");
  path_ = std::move(path);
  const bool written = write_exec_helper(file.get());
  if (written && ::fchmod(file.get(), 0700) == 0) return {};
  auto failure = failed("write");
  ::unlink(path_.c_str());
  path_.clear();
  return failure;
}

ExecHelper::~ExecHelper() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

std::optional<SocketPeer> socket_peer(int socket) {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;
  socklen_t length = sizeof pid;
  if (::getpeereid(socket, &uid, &gid) != 0) return std::nullopt;
  if (::getsockopt(socket, SOL_LOCAL, LOCAL_PEERPID, &pid, &length) != 0) return std::nullopt;
  return SocketPeer{.pid = pid, .uid = uid, .death_watch = open_death_watch(pid)};
}

}  // namespace ringmail::runtime

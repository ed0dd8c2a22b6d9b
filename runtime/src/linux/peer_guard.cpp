#include "peer_guard.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>
#include <vector>

#include "exec_list.hpp"

namespace ringmail::runtime {
namespace {

using transport::Descriptor;

/// 0, or an error.
int run(const std::string& program, std::vector<std::string> arguments, int stream, pid_t& pid) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  // Nothing else of the host's environment, streams or session is in it.
  ::posix_spawn_file_actions_adddup2(&actions, stream, STDIN_FILENO);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  std::vector<char*> list = exec_list(arguments);
  char* nothing = nullptr;
  const int error = ::posix_spawn(&pid, program.c_str(), &actions, &attributes, list.data(), &nothing);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  return error;
}

}  // namespace

std::expected<void, std::string> PeerGuard::prepare(const ExecHelper& helper, const std::string& cgroups) {
  if (is_alive()) return {};
  const auto failed = [](const char* what, int error) {
    return std::unexpected(std::string("cannot start the guard: ") + what + ": " + std::strerror(error));
  };
  // Its messages keep apart, and one to a guard that is dead is an error and no signal.
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return failed("socketpair", errno);
  Descriptor ours(ends[0]);
  // dup2() onto itself would leave it to be closed by exec.
  const Descriptor first(ends[1]);
  const Descriptor theirs(::fcntl(first.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!theirs) return failed("dup", errno);

  std::vector<std::string> arguments{"ringmail-exec", std::to_string(::getpid()), "--guard"};
  if (!cgroups.empty()) arguments.push_back(cgroups);
  if (const int error = run(helper.path(), std::move(arguments), theirs.get(), pid_); error != 0) {
    pid_ = 0;
    return failed("exec", error);
  }
  stream_ = std::move(ours);
  for (const int group : groups_) tell(group);
  return {};
}

PeerGuard::~PeerGuard() { end(); }

void PeerGuard::forget(int group) {
  // One that does not read would go on to think of a number that may be given to others: it is replaced.
  if (groups_.erase(group) != 0 && !tell(-group)) end();
}

bool PeerGuard::is_alive() {
  // Its streams are closed before it can be waited for.
  pollfd entry{.fd = stream_.get(), .events = 0, .revents = 0};
  if (pid_ != 0 && ::poll(&entry, 1, 0) != 0) end();
  return pid_ != 0;
}

/// Without a word to it: the end of its stream would be that of the host.
void PeerGuard::end() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
  pid_ = 0;
  stream_ = {};
}

bool PeerGuard::tell(int number) {
  ssize_t sent = 0;
  do sent = ::send(stream_.get(), &number, sizeof number, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (sent < 0 && errno == EINTR);
  return sent == sizeof number;
}

}  // namespace ringmail::runtime

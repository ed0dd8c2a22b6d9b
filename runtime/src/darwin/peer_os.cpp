#include "peer_os.hpp"

#include <fcntl.h>
#include <sys/event.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

#include "exec_helper_image.hpp"

namespace ringmail::runtime {
namespace {

using transport::Descriptor;
using Event = struct kevent;

}  // namespace

ExitStatus reap(int death_watch) {
  Event event{};
  const timespec at_once{};
  int events = 0;
  do events = ::kevent(death_watch, nullptr, 0, &event, 1, &at_once);
  while (events < 0 && errno == EINTR);
  if (events != 1) return {.known = false};

  // The event comes shortly before the process can be waited for.
  int status = 0;
  rusage used{};
  pid_t reaped = -1;
  do reaped = ::wait4(static_cast<pid_t>(event.ident), &status, 0, &used);
  while (reaped < 0 && errno == EINTR);
  if (reaped < 0) return {.known = false};
  const auto time = [](const timeval& value) {
    return std::chrono::seconds(value.tv_sec) + std::chrono::microseconds(value.tv_usec);
  };
  ExitStatus ended{.dumped_core = WIFSIGNALED(status) && WCOREDUMP(status),
                   .usage = ResourceUsage{.user = time(used.ru_utime),
                                          .system = time(used.ru_stime),
                                          .max_resident_bytes = static_cast<std::uint64_t>(used.ru_maxrss),
                                          .major_faults = static_cast<std::uint64_t>(used.ru_majflt),
                                          .involuntary_switches = static_cast<std::uint64_t>(used.ru_nivcsw)}};
  if (WIFEXITED(status)) ended.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) ended.signal = WTERMSIG(status);
  return ended;
}

std::string suspension_of(int pid) {
  int query[] = {CTL_KERN, KERN_PROC, KERN_PROC_PID, pid};
  kinfo_proc process{};
  std::size_t size = sizeof process;
  if (::sysctl(query, 4, &process, &size, nullptr, 0) != 0 || size == 0) return {};
  return process.kp_proc.p_stat == SSTOP ? "stopped by a signal" : std::string();
}

std::string suspension_of(int pid, const std::string&, const std::string&, const std::string&) {
  return suspension_of(pid);
}

std::expected<void, std::string> check_support(const PeerOptions& options) {
  if (options.outlives_host.count() > 0) return std::unexpected("outlives_host: this system has no keeper");
  if (!options.cpus.empty()) return std::unexpected("cpus: macOS ties no thread to a CPU");
  if (!options.cgroup.is_empty()) return std::unexpected("cgroup: macOS has no control groups");
  if (!options.seccomp_filter.empty()) return std::unexpected("seccomp_filter: macOS has no seccomp");
  return {};
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

}  // namespace ringmail::runtime

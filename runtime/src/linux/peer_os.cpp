#include "peer_os.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>

// Newer than some of the headers that this is built with.
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

#include "cgroup_mount.hpp"
#include "exec_helper_image.hpp"

namespace ringmail::runtime {
namespace {

using transport::Descriptor;

/// The child moves its streams to 0 to 3 before it runs the helper: the helper's number must not be among them, nor among
/// those that the moving uses meanwhile.
constexpr int lowest_helper_number = 64;

ResourceUsage usage_of(const rusage& used) {
  const auto time = [](const timeval& value) {
    return std::chrono::seconds(value.tv_sec) + std::chrono::microseconds(value.tv_usec);
  };
  return {.user = time(used.ru_utime),
          .system = time(used.ru_stime),
          .max_resident_bytes = static_cast<std::uint64_t>(used.ru_maxrss) * 1024,
          .major_faults = static_cast<std::uint64_t>(used.ru_majflt),
          .involuntary_switches = static_cast<std::uint64_t>(used.ru_nivcsw)};
}

Descriptor executable_memory() {
  // Kernels before 6.3 do not know MFD_EXEC, and need it no more than later ones that are not configured to.
  for (const unsigned executable : {MFD_EXEC, 0U}) {
    Descriptor memory(::memfd_create("ringmail-exec", MFD_CLOEXEC | MFD_ALLOW_SEALING | executable));
    if (memory || errno != EINVAL) return memory;
  }
  return {};
}

}  // namespace

ExitStatus reap(int death_watch) {
  siginfo_t info{};
  rusage used{};
  long result = 0;
  // The system call has a fifth argument, which the library's function does not pass on.
  do result = ::syscall(SYS_waitid, P_PIDFD, death_watch, &info, WEXITED, &used);
  while (result != 0 && errno == EINTR);
  if (result != 0) return {.known = false};
  ExitStatus status{.dumped_core = info.si_code == CLD_DUMPED, .usage = usage_of(used)};
  (info.si_code == CLD_EXITED ? status.code : status.signal) = info.si_status;
  return status;
}

std::string suspension_of(int pid, const std::string& proc, const std::string& cgroups, const std::string& freezer) {
  const std::string process = proc + "/" + std::to_string(pid);
  std::string line;
  std::getline(std::ifstream(process + "/stat"), line);
  // The state stands behind the name, which is in parentheses and may hold anything.
  const std::size_t name_end = line.rfind(')');
  const char state = name_end != std::string::npos && name_end + 2 < line.size() ? line[name_end + 2] : ' ';
  if (state == 'T') return "stopped by a signal";
  if (state == 't') return "stopped by a debugger";

  // "0::/path" of the second version, "6:freezer:/path" of the first. Both say so themselves, whichever ancestor was frozen.
  std::ifstream groups(process + "/cgroup");
  while (std::getline(groups, line)) {
    const std::size_t kind = line.find(':') + 1;
    const std::size_t path = line.find(':', kind) + 1;
    const std::string_view name = std::string_view(line).substr(kind, path - kind - 1);
    std::ifstream states;
    if (name.empty()) states.open(cgroups + line.substr(path) + "/cgroup.events");
    if (name == "freezer") states.open(freezer + line.substr(path) + "/freezer.state");
    for (std::string state_line; std::getline(states, state_line);) {
      if (state_line == "frozen 1" || state_line == "FROZEN") return "frozen with its cgroup";
    }
  }
  return {};
}

std::string suspension_of(int pid) {
  static const std::string cgroups = cgroup_mount();
  static const std::string freezer = freezer_mount();
  return suspension_of(pid, "/proc", cgroups, freezer);
}

std::expected<void, std::string> check_support(const PeerOptions&) { return {}; }

const char* name_of_signal(int number) { return ::sigdescr_np(number); }

std::expected<std::pair<Descriptor, Descriptor>, int> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::unexpected(errno);
  return std::pair(Descriptor(ends[0]), Descriptor(ends[1]));
}

std::expected<void, std::string> ExecHelper::prepare() {
  if (image_) return {};
  const auto failed = [](const char* what) {
    return std::unexpected(std::string("cannot prepare the exec helper: ") + what + ": " + std::strerror(errno));
  };
  const Descriptor memory = executable_memory();
  if (!memory) return failed("memfd_create");
  if (!write_exec_helper(memory.get())) return failed("write");
  if (::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return failed("seal");
  }
  image_ = Descriptor(::fcntl(memory.get(), F_DUPFD_CLOEXEC, lowest_helper_number));
  if (!image_) return failed("dup");
  path_ = "/proc/self/fd/" + std::to_string(image_.get());
  return {};
}

ExecHelper::~ExecHelper() = default;

}  // namespace ringmail::runtime

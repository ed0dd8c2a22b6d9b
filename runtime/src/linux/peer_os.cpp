#include "peer_os.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

// Newer than some of the headers that this is built with.
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

#include "exec_helper_image.hpp"

namespace ringmail::runtime {
namespace {

using transport::Descriptor;

/// The child moves its streams to 0 to 3 before it runs the helper: the helper's number must not be among them, nor among
/// those that the moving uses meanwhile.
constexpr int lowest_helper_number = 64;

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
  int result = 0;
  do result = ::waitid(P_PIDFD, static_cast<id_t>(death_watch), &info, WEXITED);
  while (result != 0 && errno == EINTR);
  if (result != 0) return {.known = false};
  if (info.si_code == CLD_EXITED) return {.code = info.si_status};
  return {.signal = info.si_status};
}

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

// What the operating system knows of processes that are peers. One file a platform.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <utility>

#include "ringmail/runtime/peer_options.hpp"
#include "ringmail/runtime/post_mortem.hpp"
#include "ringmail/transport/descriptor.hpp"
#include "ringmail/transport/socket_peer.hpp"

namespace ringmail::runtime {

/// How a process ended. Both 0: by itself, and content.
struct ExitStatus {
  int code = 0;
  int signal = 0;
  bool known = true;  ///< false: somebody else reaped it, or it is not a child of ours
  bool dumped_core = false;
  std::optional<ResourceUsage> usage{};
};

using transport::open_death_watch;
using transport::socket_peer;
using transport::SocketPeer;

/// Of a child that is dead.
ExitStatus reap(int death_watch);

/// What keeps a living process from running: "stopped by a signal", "stopped by a debugger", "frozen with its cgroup". Empty: nothing,
/// or that is not known.
std::string suspension_of(int pid);
/// The same, where these file systems are elsewhere.
std::string suspension_of(int pid, const std::string& proc, const std::string& cgroups, const std::string& freezer);

/// One line that names an option which this system has not, or nothing.
std::expected<void, std::string> check_support(const PeerOptions& options);

/// In words, or nothing. Any thread: strsignal() may give out a buffer that all threads share.
const char* name_of_signal(int number);

/// The end that is read, and the end that is written; close-on-exec. Or errno.
std::expected<std::pair<transport::Descriptor, transport::Descriptor>, int> make_pipe();

/// The program through which every peer is run (exec_helper.c says what it does), from memory: an installed library has no
/// file of its own beside it.
class ExecHelper {
 public:
  ExecHelper() = default;
  ~ExecHelper();
  ExecHelper(const ExecHelper&) = delete;
  ExecHelper& operator=(const ExecHelper&) = delete;

  /// One line on failure.
  std::expected<void, std::string> prepare();
  /// What a child of this process runs it as. Precondition: prepare() succeeded.
  const std::string& path() const { return path_; }

 private:
  transport::Descriptor image_;  // where memory can be executed
  std::string path_;
};

}  // namespace ringmail::runtime

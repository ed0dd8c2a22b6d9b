// What a peer process is started with, and what becomes of it when it dies.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ringmail/runtime/peer_limits.hpp"

namespace ringmail::runtime {

/// As in OTP: which ends are followed by another start, how soon, and how often before it is given up. Of peers, and of the
/// children of supervisors.
struct RestartPolicy {
  enum class When : std::uint8_t {
    temporary,  ///< never
    transient,  ///< unless it exited with 0 or was asked to stop
    permanent,  ///< always, unless it was asked to stop
  };

  When when = When::temporary;
  std::uint32_t max_restarts = 5;                              ///< within `window`; one more and it is given up
  std::chrono::nanoseconds window = std::chrono::seconds(60);  ///< so long without a restart, and the delays begin anew
  std::chrono::nanoseconds first_delay =
      std::chrono::milliseconds(20);  ///< doubles with each restart within the window
  std::chrono::nanoseconds longest_delay = std::chrono::seconds(5);
  double jitter = 0.2;  ///< each delay is varied by up to this part of itself, so that peers do not return in step
};

/// Each phase has its own.
struct PeerDeadlines {
  std::chrono::nanoseconds start = std::chrono::seconds(30);     ///< from spawn to the first byte of the hello
  std::chrono::nanoseconds handshake = std::chrono::seconds(2);  ///< from there to ready
  std::chrono::nanoseconds drain = std::chrono::seconds(5);      ///< from stop to goodbye, then SIGTERM
  std::chrono::nanoseconds terminate = std::chrono::seconds(
      2);  ///< from SIGTERM to SIGKILL; as long for one that was refused, left, or hung and was aborted
  std::chrono::nanoseconds reap = std::chrono::seconds(2);  ///< from SIGKILL to a line in the log that says so
};

/// A peer that holds one message for too long. Not counted is the time for which it is suspended (SIGSTOP, a debugger, a frozen
/// cgroup), and that for which it waits for this host to make room.
struct PeerHang {
  enum class Then : std::uint8_t {
    report,  ///< a line in the log, and again each time that twice as much has passed
    abort,   ///< and SIGABRT, for its stack; SIGKILL after PeerDeadlines::terminate. Then its RestartPolicy counts
    kill,    ///< and SIGKILL
  };

  /// 0: nobody looks. It is found out at the latest a quarter of this later. There are handlers that need minutes, so that nothing
  /// is done by default but to say so.
  std::chrono::nanoseconds after = std::chrono::seconds(60);
  Then then = Then::report;
};

/// What a peer prints: to the log under its name, stdout as `info` and stderr as `warn`, and into a file.
struct PeerOutputOptions {
  /// To the log, of each stream, on the average; a burst may be ten times as much. Further lines are counted, and a traceback is
  /// written whole or not at all. 0: no limit.
  std::uint32_t lines_a_second = 2000;
  std::uint32_t last_lines = 20;  ///< of stderr, kept for its post-mortem
  /// All that it prints and logs, whatever the limit, and its post-mortems. Appended to, by all of its incarnations, and written at
  /// once: what it had said is there after the host's death, too. Empty: none.
  std::string file{};
  std::uint64_t file_bytes =
      16 << 20;                 ///< a file that would be longer is renamed (out.log to out.1.log), and begun anew
  std::uint32_t old_files = 3;  ///< so many of those are kept
};

struct PeerOptions {
  std::string name{};  ///< unique in its system; in the log, the handshake and the process's down messages
  std::vector<std::string>
      command{};  ///< program, looked up in PATH, and its arguments; empty: somebody else starts it
  std::vector<std::pair<std::string, std::string>> environment{};  ///< added to the host's, or in place of it
  bool inherit_environment = true;  ///< false: it has `environment` alone, and what says where its host is
  std::string working_directory{};  ///< empty: the host's

  // What it is held to, and how much it may use: docs/peers.md. What cannot be had on this system, or by this host, is an error
  // that names the option; nothing is left out in silence.
  /// By name or number; empty: the host's. Its group, if none is named, is that user's, its supplementary groups are those below and
  /// no others, and HOME, USER, LOGNAME and SHELL are that user's. A peer with a user of its own is not `trusted`.
  std::string user{};
  std::string group{};
  std::vector<std::string> supplementary_groups{};
  std::optional<int> nice{};      ///< -20 to 19
  std::vector<unsigned> cpus{};   ///< that its threads may run on; empty: all that the host's may
  PeerLimits limits{};            ///< of each process
  PeerCgroup cgroup{};            ///< of all its processes together
  bool no_new_privileges = true;  ///< no program that it runs gains any, by a set-user-ID bit or file capabilities
  /// A file with a compiled seccomp program (struct sock_filter, as libseccomp's seccomp_export_bpf() writes), for it and all that it
  /// starts. It must allow execve.
  std::string seccomp_filter{};

  /// It lives on when this host ends without having stopped it, and so long it waits for the next one, which listens at the same path
  /// (SystemOptions::listen) and spawns a peer of this name: both directions then go on where they were. docs/host_restart.md.
  /// 0: it ends with its host.
  std::chrono::nanoseconds outlives_host{0};
  /// Of one that somebody else starts: what it must say, beside its name, to be let in; 128 bytes at most. Empty: its user is enough.
  std::string token{};

  RestartPolicy restart{};
  /// It is not started before System::restart_peer(), and after each end, being stopped included, it is down until restart_peer()
  /// or end_peer(); its mail waits meanwhile. `restart` does not count. Supervisors set this.
  bool held = false;
  PeerDeadlines deadlines{};
  PeerHang hang{};
  PeerOutputOptions output{};
  /// A message that so many incarnations, one after the other, died with in hand goes to the dead letters, with its bytes and why
  /// they died. 0: never.
  std::uint32_t max_attempts = 3;
  /// No message is handled twice, at the price that the one in hand at a death is not handled to its end: it goes to the dead letters at
  /// the first death. By default the next incarnation gets it again.
  bool at_most_once = false;
  /// Exactly once into this host: what a handler of the peer sends and answers is published by one store with the word that its message is
  /// finished. So at a death the next incarnation is given those messages alone of which nothing has come. Needs a library that knows
  /// `exactly_once`; its user does nothing. Without bodies and other peers, and a handler may not ask: docs/delivery.md
  bool exactly_once = false;
  std::uint64_t mail_bytes = 1 << 20;     ///< of a ring of mail, each way and lane; a power of two; 4 << 20 for bulk
  std::uint64_t control_bytes = 1 << 16;  ///< of a control ring
  /// For the bodies of large messages, each way and lane, in whole pages; 0: none. It costs address space, and memory as far as
  /// bodies have ever been in use at once. A peer that is not trusted has none.
  std::uint64_t large_bytes = 1 << 30;
  bool trusted =
      true;  ///< false: it does not share the memory on which this host's threads sleep, and rings through the kernel
  /// For a language that can use no socket which it did not make itself, such as Java. Nor can it wake a futex: it does not share this
  /// host's bells either. For one that attaches by a path, that alone.
  bool control_by_pipes = false;
  /// Other peers that look it up by its name are introduced to it: they are given a lane of their own to it, and it to them. Both must
  /// be trusted and know introductions.
  bool introduce = false;
  std::string schema{};  ///< canonical text of what this host speaks with it; sent in the welcome
};

}  // namespace ringmail::runtime

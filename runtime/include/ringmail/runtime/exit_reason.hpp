// Why an actor or a peer process is no more, and what that came from.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace ringmail::runtime {

struct PostMortem;

struct ExitReason {
  enum class Kind : std::uint8_t {
    normal,       ///< it was asked to stop, or a process exited with 0
    failed,       ///< a handler threw; a peer reported a failure
    exited,       ///< a process exited with `code`
    signalled,    ///< a process died of `signal`
    not_started,  ///< a process could not be spawned
    handshake,    ///< refused, malformed, or not in time
    protocol,     ///< it wrote something impossible into a ring
    unreachable,  ///< there is no such actor, or there will be no further incarnation
    linked,       ///< it was linked to one that failed: `cause`
    escalated,    ///< a supervisor gave up a child: `cause`
  };

  Kind kind = Kind::normal;
  int code = 0;        ///< exit code of a process
  int signal = 0;      ///< 0: none
  std::string text{};  ///< one line
  /// What it came from; null: it is where the chain begins. Shared and never changed, so that a reason is cheap to pass on.
  std::shared_ptr<const ExitReason> cause{};
  /// Of a peer process that this host had: see post_mortem_of(). It does not cross to another process.
  std::shared_ptr<const PostMortem> post_mortem{};

  /// This reason as the cause of another one.
  ExitReason leads_to(Kind next, std::string why) const {
    return {.kind = next, .text = std::move(why), .cause = std::make_shared<const ExitReason>(*this)};
  }
  bool is_normal() const { return kind == Kind::normal; }

  /// By what they say, the whole chain. Post-mortems do not count.
  friend bool operator==(const ExitReason& left, const ExitReason& right);
};

/// "exited with 3: ValueError: no such airport", "killed by signal 9 (Killed)",
/// "escalated: gave up 'store' after 3 restarts within 5 s; because failed: std::runtime_error: disk full".
std::string to_string(const ExitReason& reason);

}  // namespace ringmail::runtime

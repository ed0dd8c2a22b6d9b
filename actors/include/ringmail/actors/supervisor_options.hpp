// What a supervisor does when a child ends. As in OTP; what differs is said.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "ringmail/runtime/peer_options.hpp"
#include "ringmail/runtime/system.hpp"

namespace ringmail {

using runtime::RestartPolicy;

/// Who else is stopped and started again when one child is.
enum class Strategy : std::uint8_t {
  one_for_one,   ///< nobody
  one_for_all,   ///< all of them
  rest_for_one,  ///< those that were declared after it
  /// Nobody. For many children that come and go: start_child() adds them, they start and stop side by side, and one that has
  /// ended as its policy says is forgotten.
  simple_one_for_one,
};

/// What becomes of the messages that wait at an actor when it ends and will be restarted. The message whose handler failed is
/// not repeated. What is sent while it is down waits for its next life in any case, and so does the mail of a peer.
enum class Mail : std::uint8_t {
  keep,   ///< they wait for its next life
  flush,  ///< they become dead letters, and asks among them fail
};

/// Policies that leave it to the supervisor's intensity how often is too often. The first restart comes almost at once, and
/// each further one within a minute after twice the time.
struct Restart {
  static constexpr RestartPolicy of(RestartPolicy::When when) {
    return {.when = when, .max_restarts = UINT32_MAX, .first_delay = std::chrono::milliseconds(1)};
  }
  static const RestartPolicy permanent;  ///< whatever it ended for
  static const RestartPolicy transient;  ///< unless it ended normally
  static const RestartPolicy temporary;  ///< never
};
inline constexpr RestartPolicy Restart::permanent = of(RestartPolicy::When::permanent);
inline constexpr RestartPolicy Restart::transient = of(RestartPolicy::When::transient);
inline constexpr RestartPolicy Restart::temporary = of(RestartPolicy::When::temporary);

struct ChildOptions {
  std::string name{};                          ///< in the log and in reasons; empty: its number
  RestartPolicy restart = Restart::permanent;  ///< one restart more than it allows, and the supervisor gives up
  Mail on_restart = Mail::keep;
  runtime::MailboxLimit mailbox{};
  bool reentrant = false;  ///< as SpawnOptions
  bool own_lane = false;   ///< likewise
  std::chrono::nanoseconds stop_timeout =
      std::chrono::seconds(5);  ///< before the next one is stopped without waiting longer
  runtime::Placement scheduler = runtime::System::any_scheduler;  ///< where it lives
};

/// One restart more than `intensity` within `period`, and the supervisor stops all children and ends with the reason `escalated`,
/// whose cause is the child's. Its own supervisor then decides.
struct SupervisorOptions {
  Strategy strategy = Strategy::one_for_one;
  std::uint32_t intensity = 3;
  std::chrono::nanoseconds period = std::chrono::seconds(5);
  std::uint64_t seed = 0;  ///< of the jitter of delays; 0: another one each time
  runtime::Placement scheduler = runtime::System::any_scheduler;
};

}  // namespace ringmail

// How a system ends, and what it says while it has not. docs/shutdown.md tells the whole of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "ringmail/runtime/address.hpp"

namespace ringmail::runtime {

struct ShutdownOptions {
  static constexpr std::chrono::nanoseconds no_limit = std::chrono::nanoseconds::max();

  /// First of all actors may handle what they have been sent, for so long. 0: what waits in mailboxes becomes dead letters.
  std::chrono::nanoseconds drain{0};
  /// Then peers stop, each by its own PeerDeadlines. They need the schedulers for it, so one handler that never returns holds them
  /// up: after this time the actors are stopped nevertheless.
  std::chrono::nanoseconds peers = no_limit;
  /// Then actors stop, each after the handler that runs. After this time shutdown() gives up.
  std::chrono::nanoseconds actors = no_limit;
  /// What takes longer is logged, with what it waits for, and again each time that twice as much has passed.
  std::chrono::nanoseconds report_after = std::chrono::seconds(2);
};

enum class SystemPhase : std::uint8_t { running, draining, stopping_peers, stopping_actors, ended, given_up };

/// An actor that has not ended.
struct LiveActor {
  ActorId id;
  std::string class_name;
  std::string name;           ///< by which it is published; empty: none
  std::string doing;          ///< one phrase: what it runs or waits for, and until when
  std::uint32_t waiting = 0;  ///< messages in its mailbox
};

struct LivePeer {
  std::uint32_t link = 0;
  std::string name;
  int pid = 0;          ///< 0: no process now
  std::string doing{};  ///< one phrase, as of its PeerStatus; empty: of what is no peer process
};

struct BusyScheduler {
  std::uint32_t index = 0;
  bool answers = true;  ///< false: it has been in one handler for longer than the question waits
  std::size_t timers = 0;
};

/// What is still alive in a system, and why. A plain value.
struct ShutdownReport {
  SystemPhase phase = SystemPhase::running;
  std::size_t live_actors = 0;
  std::vector<LiveActor> actors;  ///< the first of them
  std::vector<LivePeer> peers;
  std::vector<BusyScheduler> schedulers;

  std::string to_string() const;  ///< a line for each
};

const char* to_string(SystemPhase phase);

}  // namespace ringmail::runtime

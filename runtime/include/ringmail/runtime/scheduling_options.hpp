// How a system's threads share their time: among actors, with other threads, and with work that blocks.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace ringmail::runtime {

/// What an actor with waiting messages may do before the next one has its turn. The time is measured between messages: a
/// handler is never interrupted, so a turn may be longer by what one handler takes.
struct ActorBudget {
  std::uint32_t messages = 1024;           ///< at least 1
  std::chrono::nanoseconds time{100'000};  ///< for all of them together
};

enum class SpinMode : std::uint8_t {
  adaptive,  ///< polls for as long as a sleep and a wake cost, where work comes that soon; not where CPUs are short
  never,     ///< low power: who finds nothing sleeps at once, and each message to a sleeper costs a wake
};

/// Finds handlers that run for too long, names their actors and logs their stacks. docs/scheduling.md says what it costs.
struct StallOptions {
  std::chrono::nanoseconds limit{0};  ///< a handler that runs for longer is reported, once; 0: nobody looks
  int signal = 0;  ///< what the stack is asked for with; 0: the last real-time signal that nobody handles
};

/// The threads on which this_actor::blocking() runs functions.
struct BlockingOptions {
  std::uint32_t threads = 4;  ///< at most so many, started when they are needed; at least 1
  std::size_t queued = 1024;  ///< calls that wait for a thread; who calls beyond waits for a place
};

}  // namespace ringmail::runtime

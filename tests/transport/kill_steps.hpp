// Processes that SIGKILL ends after a chosen instruction.
//
// A signal is taken between two instructions, when every store before it is done. So all that a kill can leave behind are the
// states between two instructions, and a process that counts its own, by the processor's trap flag, can be ended in each of
// them. The code that it runs knows nothing of it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string_view>

namespace ringmail::transport::test {

/// In the victim: counts its instructions from here on, and kills it after `steps` of them.
void die_after(std::uint64_t steps);
/// In the victim: counts no more. How many there were.
std::uint64_t live_on();

/// More than any victim makes.
inline constexpr std::uint64_t never = UINT64_MAX;

/// Forks. The child runs `life` and exits with 0, or dies of what it said in die_after().
pid_t start_life(const std::function<void()>& life);

/// Whether this process or thread sleeps in the kernel.
bool is_asleep(pid_t id);

/// Returns when the victim has ended, and leaves it to be reaped. `asleep` is called whenever it is seen asleep before.
void while_it_lives(pid_t victim, const std::function<void()>& asleep);

/// The same, and reaps it: true if it was killed, false if it exited with 0; anything else fails the test.
bool killed(pid_t victim, const std::function<void()>& asleep = [] {});

/// How many kills each step of a protocol is to see at least: RINGMAIL_KILLS, or 1.
std::uint64_t wanted_kills();

/// Calls `round` with every number of instructions that a life has, and again until wanted_kills() have died at each step of the
/// protocol. `round` has one victim live and die, and says where it died, "" if it lived. A round of `never` comes first, which
/// must leave in `steps_of_a_life` how many there are. The first time not all of them, but about `most`, where that is fewer.
void kill_at_every_instruction(const std::function<std::string_view(std::uint64_t)>& round,
                               const std::uint64_t& steps_of_a_life,
                               std::uint64_t most = 10'000);

}  // namespace ringmail::transport::test

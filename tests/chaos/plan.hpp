// What is done to whom and when, drawn from a seed: the same seed, peers and duration give the same plan.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ringmail::chaos {

enum class Action : std::uint8_t {
  kill,       ///< SIGKILL
  terminate,  ///< SIGTERM
  pause,      ///< SIGSTOP, and SIGCONT after so many milliseconds
  slow,       ///< for so many milliseconds it is stopped most of the time
  fail,       ///< a message over which its handler fails, until it is a dead letter
  leave,      ///< it exits by itself; of the stray peer alone, as the next
  fork,       ///< it forks and does not exec, and its child stays and uses what it has mapped
  chatter,    ///< it prints so many lines
  full_disk,  ///< for so many milliseconds what it prints into is full, and it prints
  burn,       ///< for so many milliseconds actors take all the time of their schedulers
  flood,      ///< for so many milliseconds an actor sends to another as fast as it can
};
std::string_view to_string(Action action);

struct Step {
  std::chrono::milliseconds at{0};
  Action action = Action::kill;
  std::size_t peer = 0;  ///< of whom; else of no meaning
  std::uint32_t amount = 0;
};

struct PlannedPeer {
  std::string name;
  std::uint32_t weight = 1;  ///< how often something is done to it, against the others
  bool is_stray = false;
};

/// What a step comes to, at once or bit by bit.
struct Impulse {
  std::chrono::milliseconds at{0};
  enum class What : std::uint8_t { act, stop, go_on, free_disk } what = What::act;
};
std::vector<Impulse> impulses_of(const Step& step);

/// In the order of time, the last one within `length`.
std::vector<Step> draw_plan(std::uint64_t seed,
                            const std::vector<PlannedPeer>& peers,
                            std::chrono::milliseconds length,
                            std::chrono::milliseconds between);

std::string to_string(const Step& step, const std::vector<PlannedPeer>& peers);

}  // namespace ringmail::chaos

// One run: a system with peers, to which the plan of a seed is done, and its account.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "../bindings/languages.hpp"
#include "../runtime/footprint.hpp"
#include "full_disk.hpp"

namespace ringmail::chaos {

struct RunOptions {
  std::uint64_t seed = 1;
  std::chrono::milliseconds length{20'000};
  std::chrono::milliseconds between{100};  ///< of what is done to it, on the average
  std::vector<test::Language> languages;   ///< the first is "stray", if it takes part
  std::string fault;                       ///< of the stray peer, so that one is found
};

struct Verdict {
  std::uint64_t seed = 0;
  std::size_t steps = 0;
  std::map<std::string, std::map<std::string, std::uint64_t>> ends;  ///< of lives, by language and how they ended
  std::uint64_t messages = 0;                                        ///< that were published to peers
  std::uint64_t repeated = 0;
  std::uint64_t dead_letters = 0;
  std::uint64_t lost_wakeups = 0;
  std::uint64_t oldest_wakeup_ns = 0;
  runtime::test::Footprint before;
  runtime::test::Footprint after;
  std::vector<std::string> faults;  ///< none: it is sound

  std::uint64_t lives() const;
};

/// Prints what it does where `plan_too`, and where there is a fault the plan and the account of each link.
Verdict run(const RunOptions& options, const FullDisk& disk, bool plan_too);

/// One line.
std::string to_string(const Verdict& verdict);
/// Of all runs.
std::string table(const std::vector<Verdict>& verdicts);

}  // namespace ringmail::chaos

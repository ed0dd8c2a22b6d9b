// How much memory something takes, told by a process that does nothing else: what another block has left behind in the heap would
// be taken for nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "actors/contender.hpp"

namespace bench::actors {

/// Resident bytes of the whole process.
struct Footprint {
  double before = 0;
  double at_most = 0;  ///< all of them there
  double after = 0;    ///< none of them any more; 0: not looked at
};

Footprint spawn_footprint(std::uint64_t actors);
Footprint suspend_footprint(std::uint64_t handlers);
/// Where CAF is not installed, not defined.
Footprint caf_spawn_footprint(std::uint64_t actors);

/// This program once more, started with an option that is not for people.
inline constexpr const char* footprint_option = "--footprint";

/// `what` is "name:count". Writes the figures to standard output and returns the exit code.
int run_footprint(const std::string& what);

/// Bytes of one of `count`: "spawn", "suspend", "caf_spawn".
std::unique_ptr<Contender> footprint(std::string name, std::uint64_t count);

}  // namespace bench::actors

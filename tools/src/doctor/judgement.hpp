// What is right, what is worth knowing and what is wrong about a machine, with the line that mends it. Pure: all that it
// knows is in the examination.
#pragma once

#include <string>
#include <vector>

#include "doctor/defaults.hpp"
#include "doctor/facts.hpp"
#include "doctor/measurements.hpp"
#include "doctor/pinning.hpp"
#include "doctor/probes.hpp"

namespace ringmail::doctor {

enum class Level {
  ok,
  note,     ///< worth knowing; nothing is wrong
  warning,  ///< slower than it could be, or a limit that will be met
  error,    ///< Ringmail does not work here
};

const char* to_string(Level level);

struct Finding {
  const char* id;  ///< stable; docs/doctor.md explains each
  Level level;
  std::string text;    ///< one line: the cause, in figures
  std::string mend{};  ///< one line to type or to write; empty if ok, or if nothing here can be done
};

struct Examination {
  Facts facts{};
  Probes probes{};
  Defaults defaults{};
  Measurements measured{};
  std::optional<Pinning> pinning{};
};

/// Each finding of every kind, those that are ok among them; always in the same order.
std::vector<Finding> judge(const Examination& examination);

bool works(const std::vector<Finding>& findings);

}  // namespace ringmail::doctor

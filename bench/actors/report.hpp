// A report as a table for people, and as JSON for programs.
#pragma once

#include <span>
#include <string>

#include "actors/measure.hpp"
#include "latency/machine.hpp"

namespace bench::actors {

struct Run {
  std::string command;  ///< what gave the report
  Setup setup;
  unsigned groups = 0;
};

std::string to_table(std::span<const Figure> figures, const Machine& machine, const Run& run);
std::string to_json(std::span<const Figure> figures, const Machine& machine, const Run& run);

}  // namespace bench::actors

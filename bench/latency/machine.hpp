// What a figure is worth nothing without: the machine and the program it was taken with.
#pragma once

#include <string>

namespace bench {

struct Machine {
  std::string cpu;
  unsigned cpus = 0;  ///< online
  std::string kernel;
  std::string compiler;
  std::string build;  ///< whether assertions and sanitizers were in it
  std::string date;
  double load_average = 0;  ///< of the last minute: more than 1 or 2 and somebody else was running too
};

Machine this_machine();

}  // namespace bench

// What to pin where.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "doctor/facts.hpp"
#include "doctor/measurements.hpp"

namespace ringmail::doctor {

struct Pinning {
  Pair pair;                      ///< for a scheduler and the peer that it talks with most
  bool measured = false;          ///< else by what the kernel says of caches and nodes
  std::vector<int> near_cpus{};   ///< who shares the last cache with both
  std::vector<int> schedulers{};  ///< one CPU of each core near the pair, without the peer's core
  std::string host{};             ///< the line of C++ that pins the schedulers
  std::string peer{};             ///< the line of the peer that pins it
  std::string both{};             ///< the shell's line that keeps all of them near; empty where all are near anyway
};

/// None with fewer than two CPUs.
std::optional<Pinning> advise_pinning(const Facts& facts, const Measurements& measurements);

}  // namespace ringmail::doctor

// Kills peers at random moments, for as long as it lives: at exponentially distributed times, as independent accidents come.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>
#include <vector>

#include "ringmail/actors/actors.hpp"

class Reaper : public ringmail::Actor {
 public:
  struct Next {};

  /// `links` are of peers of `system`, which outlives it.
  Reaper(ringmail::System& system,
         std::vector<std::uint32_t> links,
         std::uint64_t seed,
         std::chrono::milliseconds mean);

  void started() override { wait(); }
  void on(const Next&);

 private:
  void wait();

  ringmail::System& system_;
  std::vector<std::uint32_t> links_;
  std::mt19937_64 random_;
  std::exponential_distribution<double> milliseconds_;
};

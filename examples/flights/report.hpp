// What is printed in the end, and whether it is as it must be.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reader.hpp"

/// What became of the messages that were sent one way.
struct Balance {
  std::string to;
  std::uint64_t sent = 0;
  std::uint64_t delivered = 0;
  std::uint64_t dead_lettered = 0;
  std::uint64_t undelivered = 0;

  bool holds() const { return sent == delivered + dead_lettered + undelivered; }
};

void print_busiest(const Streamed& streamed);
void print_speed(const Streamed& streamed);
/// Says on standard error where the actors and the peers, by name, differ. True if nowhere.
bool agree(const Streamed& streamed, const std::vector<std::string>& names);
/// True if all hold.
bool print_balances(const std::vector<Balance>& balances);

// An airport: keeps the delays of the flights that left it.
#pragma once

#include <cstdint>
#include <vector>

#include "flights.mail.hpp"
#include "ringmail/actors/actors.hpp"

class Airport : public ringmail::Actor {
 public:
  void on(const flights::Flight& flight) { delays_.push_back(flight.delay); }
  flights::Delays on(const flights::AskDelays& question);

 private:
  std::int32_t percentile(std::size_t percent);

  std::vector<std::int32_t> delays_;  // in any order
};

// Round trips that are timed one by one, after some that are not: one reading of the clock ends a trip and starts the next.
#pragma once

#include <vector>

#include "actors/contender.hpp"
#include "actors/messages.hpp"
#include "measuring/clock.hpp"
#include "measuring/statistics.hpp"

namespace bench::actors {

class TripTimes {
 public:
  explicit TripTimes(std::uint64_t trips) : trips_(trips) { samples_.reserve(trips); }

  void begin() { before_ = ringmail::measuring::ticks(); }

  /// The ball is back. False after the last trip.
  bool note(const FarBall& ball) {
    const auto now = ringmail::measuring::ticks();
    if (number_ >= far_warm_up) samples_.push_back(ringmail::measuring::to_sample(now - before_));
    before_ = now;
    if (ball.words[0] == number_ && ball.words[3] == number_ + 3) ++intact_;
    ++number_;
    return samples_.size() < trips_;
  }
  FarBall next() const { return {{number_, number_ + 1, number_ + 2, number_ + 3}}; }

  /// How many came back as they were sent.
  std::uint64_t answer() const { return intact_; }
  std::uint64_t expected() const { return trips_ + far_warm_up; }
  double median_ns() const { return median_trip_ns(samples_); }

 private:
  std::uint64_t trips_;
  std::uint64_t number_ = 0;
  std::uint64_t intact_ = 0;
  ringmail::measuring::Ticks before_ = 0;
  std::vector<std::uint32_t> samples_;
};

}  // namespace bench::actors

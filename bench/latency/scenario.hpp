// What a scenario is: one way of going from one process to another. A scenario is one file with one class, and a line in
// scenarios.cpp.
//
// Two processes run each scenario in turn, block by block: the near end, which holds the clock, and the far end, a child made
// by fork(). A scenario is constructed before the fork, so shared memory made in its constructor is shared by both.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "measuring/clock.hpp"
#include "measuring/statistics.hpp"

namespace bench {

using namespace ringmail::measuring;

struct Placement {
  int near_cpu = 0;
  int far_cpu = 0;
};

class Scenario {
 public:
  enum class Figure : std::uint8_t { round_trip, one_way };

  virtual ~Scenario() = default;

  virtual Figure figure() const { return Figure::round_trip; }
  virtual std::uint64_t payload_bytes() const = 0;
  /// What it is called in the report, below its key, where several share one.
  virtual std::string variant() const { return {}; }

  /// How many messages make a block, where a block of round trips has `round_trips`.
  virtual std::uint64_t messages(std::uint64_t round_trips) const { return round_trips; }

  /// Near end, once, after the fork: whatever threads and processes it has of its own. Not pinned yet, because who counts the
  /// CPUs it may use would find one and never spin.
  virtual void start(const Placement& placement) { static_cast<void>(placement); }

  /// Near end: `messages` there and back (or only there, the last one acknowledged). Returns how long all of it took. Round
  /// trips store each one's time in `each`, unless that is null.
  virtual Ticks near_end(std::uint64_t messages, Sample* each) = 0;

  /// Far end, for the same messages. Not called when has_far_end() is false: the far end is a process of its own.
  virtual void far_end(std::uint64_t messages) { static_cast<void>(messages); }
  virtual bool has_far_end() const { return true; }
};

inline void record(Sample* each, std::uint64_t i, Ticks trip) {
  if (each != nullptr) each[i] = to_sample(trip);
}

/// Times trip(i) for each i. One reading of the clock ends a trip and starts the next, so each sample holds one reading.
template <class Trip>
Ticks time_each(std::uint64_t messages, Sample* each, Trip&& trip) {
  const Ticks start = ticks();
  Ticks before = start;
  for (std::uint64_t i = 0; i < messages; ++i) {
    trip(i);
    const Ticks now = ticks();
    record(each, i, now - before);
    before = now;
  }
  return before - start;
}

inline constexpr std::string_view floor_key = "floor.rtt";
inline constexpr std::string_view wake_floor_key = "futex.wake";
inline constexpr std::string_view sender_cost_key = "wake.sender_cost";
inline constexpr std::string_view fan_in_key = "fan_in";

/// A key of the report and what stands behind it: one scenario, or several that differ in their payload or variant.
struct Subject {
  std::string_view key;
  std::string_view description;
  /// Null: it is not made of blocks, and main.cpp knows how.
  std::function<std::vector<std::unique_ptr<Scenario>>()> make;
  std::string_view base =
      floor_key;  ///< the key that its ratio is taken against: its first scenario, where it has several
  /// Measured when the others have ended, for it would disturb them.
  bool apart = false;
};

/// All of them, each behind its base.
const std::vector<Subject>& subjects();

/// For what the operating system may refuse: this program has nothing better to do than to say so and end.
template <class Expected>
auto value_of(Expected&& expected) {
  if (!expected) throw std::runtime_error(to_string(expected.error()));
  return std::move(*expected);
}

}  // namespace bench

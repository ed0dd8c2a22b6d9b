// Percentiles and medians of recorded samples. All exact: nothing is binned.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace ringmail::measuring {

/// One sample, in ticks. What takes longer than it can hold (seconds) counts as that.
using Sample = std::uint32_t;

inline Sample to_sample(std::uint64_t ticks) {
  return static_cast<Sample>(std::min<std::uint64_t>(ticks, std::numeric_limits<Sample>::max()));
}

struct Percentiles {
  double p50 = 0, p90 = 0, p99 = 0, p999 = 0, max = 0;
};

/// Nearest rank: the smallest sample that at least that part of all samples does not exceed. Sorts. Precondition: not empty.
Percentiles percentiles(std::span<Sample> samples);

/// A point of a distribution: that part of all samples, in percent, is not above the value.
struct Point {
  double percent = 0, value = 0;
};

/// From the smallest to the largest, closer and closer to the end: ten points for each tenth of what is left above. As many as
/// there are samples to tell them apart. Precondition: sorted, not empty.
std::vector<Point> distribution(std::span<const Sample> sorted);

/// Of samples that are exact to `step`, because the clock advances in such steps: what the median would be if samples of one
/// value were spread evenly over their step. A ratio of two medians of a few steps each would jump otherwise. Precondition:
/// not empty.
double median_between_steps(std::span<const Sample> samples, double step);

/// Precondition: not empty.
double median(std::vector<double> values);

}  // namespace ringmail::measuring

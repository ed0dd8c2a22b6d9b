#include "measuring/statistics.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace ringmail::measuring {
namespace {

std::size_t rank(double part, std::size_t count) {
  const auto nearest = static_cast<std::size_t>(std::ceil(part * static_cast<double>(count)));
  return std::clamp<std::size_t>(nearest, 1, count) - 1;
}

}  // namespace

Percentiles percentiles(std::span<Sample> samples) {
  assert(!samples.empty());
  std::ranges::sort(samples);
  const auto at = [&](double part) { return static_cast<double>(samples[rank(part, samples.size())]); };
  return {
      .p50 = at(0.5), .p90 = at(0.9), .p99 = at(0.99), .p999 = at(0.999), .max = static_cast<double>(samples.back())};
}

std::vector<Point> distribution(std::span<const Sample> sorted) {
  assert(!sorted.empty());
  constexpr int above_in_20ths[] = {20, 18, 16, 14, 12, 10, 8, 6, 4, 3};  // and so on with a tenth of each
  std::vector<Point> points;
  for (double scale = 1.0 / 20; scale * above_in_20ths[0] * static_cast<double>(sorted.size()) >= 1; scale /= 10) {
    for (const int twentieths : above_in_20ths) {
      const double part = 1 - twentieths * scale;
      points.push_back({100 * part, static_cast<double>(sorted[rank(part, sorted.size())])});
    }
  }
  points.push_back({100, static_cast<double>(sorted.back())});
  return points;
}

double median_between_steps(std::span<const Sample> samples, double step) {
  assert(!samples.empty());
  std::vector<Sample> copy(samples.begin(), samples.end());
  const auto middle = copy.begin() + static_cast<std::ptrdiff_t>(rank(0.5, copy.size()));
  std::ranges::nth_element(copy, middle);
  // Steps are not whole ticks, so what belongs to one step differs by a tick.
  const double value = *middle;
  const auto below = std::ranges::count_if(copy, [&](Sample sample) { return sample + step / 2 <= value; });
  const auto equal = std::ranges::count_if(copy, [&](Sample sample) { return std::abs(sample - value) < step / 2; });
  const double half = static_cast<double>(copy.size()) / 2;
  return value + step * ((half - static_cast<double>(below)) / static_cast<double>(equal) - 0.5);
}

double median(std::vector<double> values) {
  assert(!values.empty());
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

}  // namespace ringmail::measuring

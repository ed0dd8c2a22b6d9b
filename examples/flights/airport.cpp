#include "airport.hpp"

#include <algorithm>
#include <numeric>

flights::Delays Airport::on(const flights::AskDelays& question) {
  flights::Delays answer{.airport = question.airport, .count = delays_.size()};
  if (delays_.empty()) return answer;
  // The sum is exact, so both languages round once, in the division, and their means are equal to the last bit.
  const auto sum = std::accumulate(delays_.begin(), delays_.end(), std::int64_t{0});
  answer.mean = static_cast<double>(sum) / static_cast<double>(delays_.size());
  answer.median = percentile(50);
  answer.p90 = percentile(90);
  answer.p99 = percentile(99);
  return answer;
}

std::int32_t Airport::percentile(std::size_t percent) {
  const std::size_t rank = (percent * delays_.size() + 99) / 100;  // from 1
  const auto place = delays_.begin() + static_cast<std::ptrdiff_t>(rank) - 1;
  std::ranges::nth_element(delays_, place);
  return *place;
}

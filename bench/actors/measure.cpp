#include "actors/measure.hpp"

#include <algorithm>

#include "measuring/statistics.hpp"

namespace bench::actors {
namespace {

using ringmail::measuring::median;

/// Block by block, because what a machine does changes from one second to the next.
double median_ratio(const std::vector<double>& over, const std::vector<double>& under) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < over.size(); ++i) ratios.push_back(over[i] / under[i]);
  return median(std::move(ratios));
}

}  // namespace

Figure measure(const Subject& subject, const Setup& setup, unsigned groups) {
  // The ring first: it forks.
  const auto ring = subject.ring ? subject.ring(setup) : nullptr;
  const auto ours = subject.ours(setup);
  const auto caf = subject.caf ? subject.caf(setup) : nullptr;
  std::vector<double> of_ring, of_ours, of_caf;
  for (unsigned group = 0; group < groups; ++group) {
    // In turn, each first every other time.
    for (const bool first : {true, false}) {
      if ((group % 2 == 0) == first) {
        of_ours.push_back(ours->run());
        if (ring) of_ring.push_back(ring->run());
      } else if (caf) {
        of_caf.push_back(caf->run());
      }
    }
  }
  Figure figure;
  figure.key = subject.key;
  figure.unit = subject.unit;
  figure.schedulers = ours->schedulers();
  figure.ours = median(of_ours);
  figure.least = *std::ranges::min_element(of_ours);
  figure.most = *std::ranges::max_element(of_ours);
  figure.grown_bytes = ours->grown_bytes();
  figure.left_bytes = ours->left_bytes();
  if (const auto samples = ours->samples(); !samples.empty()) figure.trips = ringmail::measuring::percentiles(samples);
  if (caf) {
    figure.caf = median(of_caf);
    figure.caf_ratio = median_ratio(of_caf, of_ours);
    figure.caf_grown_bytes = caf->grown_bytes();
  }
  if (ring) {
    figure.ring = median(of_ring);
    figure.ring_ratio = median_ratio(of_ours, of_ring);
  }
  return figure;
}

}  // namespace bench::actors

#include "peer_restart_policy.hpp"

#include <algorithm>
#include <cmath>

#include "peer_text.hpp"

namespace ringmail::runtime {

RestartHistory::Decision RestartHistory::after(const ExitReason& reason, bool asked_to_stop, std::uint64_t now_ns) {
  using When = RestartPolicy::When;
  if (asked_to_stop) return {.restart = false, .why = "it was asked to stop"};
  if (policy_.when == When::temporary) return {.restart = false, .why = "its policy is to be started once"};
  if (policy_.when == When::transient && reason.kind == ExitReason::Kind::normal) {
    return {.restart = false, .why = "its policy is to be restarted after failures alone"};
  }

  const auto window_ns = static_cast<std::uint64_t>(std::max<std::int64_t>(policy_.window.count(), 0));
  while (!restarts_ns_.empty() && now_ns - restarts_ns_.front() >= window_ns) restarts_ns_.pop_front();
  if (restarts_ns_.size() >= policy_.max_restarts) {
    return {
        .restart = false,
        .why = "given up after " + std::to_string(restarts_ns_.size()) + " restarts within " + text_of(policy_.window)};
  }
  const auto delay = next_delay();
  restarts_ns_.push_back(now_ns);
  return {.restart = true,
          .delay = delay,
          .why = "restart " + std::to_string(restarts_ns_.size()) + " of " + std::to_string(policy_.max_restarts)};
}

std::chrono::nanoseconds RestartHistory::next_delay() {
  // In floating point, where doubling without end meets the bound instead of an overflow.
  const auto first = static_cast<double>(policy_.first_delay.count());
  const auto longest = static_cast<double>(policy_.longest_delay.count());
  const double doubled =
      std::min(std::ldexp(first, static_cast<int>(std::min<std::size_t>(restarts_ns_.size(), 1000))), longest);
  std::uniform_real_distribution<double> spread(-policy_.jitter, policy_.jitter);
  return std::chrono::nanoseconds(std::llround(std::max(doubled * (1 + spread(random_)), 0.0)));
}

}  // namespace ringmail::runtime

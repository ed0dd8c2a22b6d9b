#include "ringmail/runtime/restart_history.hpp"

#include <algorithm>
#include <cmath>

#include "peer_text.hpp"

namespace ringmail::runtime {

std::size_t RestartWindow::recent(std::uint64_t now_ns) {
  const auto window_ns = static_cast<std::uint64_t>(std::max<std::int64_t>(window_.count(), 0));
  while (!restarts_ns_.empty() && now_ns - restarts_ns_.front() >= window_ns) restarts_ns_.pop_front();
  return restarts_ns_.size();
}

std::string RestartWindow::given_up() const {
  return "given up after " + std::to_string(restarts_ns_.size()) + " restarts within " + text_of(window_);
}

RestartHistory::Decision RestartHistory::after(const ExitReason& reason, bool asked_to_stop, std::uint64_t now_ns) {
  using When = RestartPolicy::When;
  if (asked_to_stop) return {.why = "it was asked to stop"};
  if (policy_.when == When::temporary) return {.why = "its policy is to be started once"};
  if (policy_.when == When::transient && reason.is_normal()) {
    return {.why = "its policy is to be restarted after failures alone"};
  }
  if (window_.is_full(now_ns)) return {.gave_up = true, .why = window_.given_up()};
  const auto delay = next_delay(window_.recent(now_ns));
  window_.count(now_ns);
  return {.restart = true,
          .delay = delay,
          .why = "restart " + std::to_string(window_.recent(now_ns)) +
                 (policy_.max_restarts != UINT32_MAX ? " of " + std::to_string(policy_.max_restarts) : std::string())};
}

std::chrono::nanoseconds RestartHistory::next_delay(std::size_t recent) {
  // In floating point, where doubling without end meets the bound instead of an overflow.
  const auto first = static_cast<double>(policy_.first_delay.count());
  const auto longest = static_cast<double>(policy_.longest_delay.count());
  const double doubled = std::min(std::ldexp(first, static_cast<int>(std::min<std::size_t>(recent, 1000))), longest);
  std::uniform_real_distribution<double> spread(-policy_.jitter, policy_.jitter);
  return std::chrono::nanoseconds(std::llround(std::max(doubled * (1 + spread(random_)), 0.0)));
}

}  // namespace ringmail::runtime

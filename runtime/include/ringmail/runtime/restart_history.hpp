// Whether and when a peer or an actor is started again. No clock, process or actor of its own: it is told what happened and when.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <random>
#include <string>

#include "ringmail/runtime/exit_reason.hpp"
#include "ringmail/runtime/peer_options.hpp"

namespace ringmail::runtime {

/// So many within such a time, and no more. Times are those of one monotonic clock, in order.
class RestartWindow {
 public:
  RestartWindow(std::uint32_t most, std::chrono::nanoseconds window) : most_(most), window_(window) {}

  std::size_t recent(std::uint64_t now_ns);
  bool is_full(std::uint64_t now_ns) { return recent(now_ns) >= most_; }
  void count(std::uint64_t now_ns) { restarts_ns_.push_back(now_ns); }
  /// "given up after 3 restarts within 5 s".
  std::string given_up() const;

 private:
  std::uint32_t most_;
  std::chrono::nanoseconds window_;
  std::deque<std::uint64_t> restarts_ns_;  // within the window, oldest first
};

class RestartHistory {
 public:
  /// The same seed varies the delays in the same way.
  RestartHistory(const RestartPolicy& policy, std::uint64_t seed)
      : policy_(policy), window_(policy.max_restarts, policy.window), random_(seed) {}

  struct Decision {
    bool restart = false;
    bool gave_up = false;  ///< it would be restarted, had it not been so often already
    std::chrono::nanoseconds delay{0};
    std::string why{};  ///< for the log
  };

  /// It ended at `now_ns` (monotonic, not before an earlier one). A restart that is decided on is counted here.
  Decision after(const ExitReason& reason, bool asked_to_stop, std::uint64_t now_ns);

 private:
  std::chrono::nanoseconds next_delay(std::size_t recent);

  RestartPolicy policy_;
  RestartWindow window_;
  std::mt19937_64 random_;
};

}  // namespace ringmail::runtime

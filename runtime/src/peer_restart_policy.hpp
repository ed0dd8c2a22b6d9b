// Whether and when a peer is started again. No clock and no process of its own: it is told what happened and when.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <random>
#include <string>

#include "ringmail/runtime/exit_reason.hpp"
#include "ringmail/runtime/peer_options.hpp"

namespace ringmail::runtime {

class RestartHistory {
 public:
  /// The same seed varies the delays in the same way.
  RestartHistory(const RestartPolicy& policy, std::uint64_t seed) : policy_(policy), random_(seed) {}

  struct Decision {
    bool restart;
    std::chrono::nanoseconds delay{0};
    std::string why;  ///< for the log
  };

  /// The peer died at `now_ns` (monotonic, not before an earlier one). A restart that is decided on is counted here.
  Decision after(const ExitReason& reason, bool asked_to_stop, std::uint64_t now_ns);

 private:
  std::chrono::nanoseconds next_delay();

  RestartPolicy policy_;
  std::mt19937_64 random_;
  std::deque<std::uint64_t> restarts_ns_;  // within the window, oldest first
};

}  // namespace ringmail::runtime

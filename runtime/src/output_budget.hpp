// How many lines a process may print into its host's log. A bucket of tokens, one a line, refilled as time goes by.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace ringmail::runtime {

class OutputBudget {
 public:
  /// A burst may be ten times what a second brings. 0: no limit.
  explicit OutputBudget(std::uint32_t lines_a_second) : rate_(lines_a_second), tokens_(10.0 * lines_a_second) {}

  /// Whether so many lines may pass. What continues does as what it continues: nothing is torn. A block that is longer than what
  /// is left passes, and the next ones pay for it.
  bool admit(std::size_t lines, bool continues, std::uint64_t now_ns) {
    if (rate_ == 0) return true;
    if (last_ns_ != 0)
      tokens_ = std::min(10.0 * rate_, tokens_ + static_cast<double>(now_ns - last_ns_) * 1e-9 * rate_);
    last_ns_ = now_ns;
    if (!continues) passes_ = tokens_ >= 1;
    if (passes_) tokens_ -= static_cast<double>(lines);
    if (!passes_) kept_back_ += lines;
    return passes_;
  }

  /// Since this was asked for last.
  std::uint64_t take_kept_back() { return std::exchange(kept_back_, 0); }

 private:
  double rate_;
  double tokens_;
  std::uint64_t last_ns_ = 0;
  std::uint64_t kept_back_ = 0;
  bool passes_ = true;
};

}  // namespace ringmail::runtime

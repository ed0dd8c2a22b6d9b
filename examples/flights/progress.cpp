#include "progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

namespace {
constexpr std::uint64_t bar_steps = 50;
constexpr std::uint64_t line_steps = 4;
}  // namespace

Progress::Progress(std::function<void(std::uint64_t)> then)
    : terminal_(isatty(STDOUT_FILENO) != 0), then_(std::move(then)) {}

void Progress::on(const Sent& sent) {
  const std::uint64_t steps = sent.flights * (terminal_ ? bar_steps : line_steps) / sent.of;
  if (steps != shown_) {
    shown_ = steps;
    if (terminal_) {
      fmt::print("\r[{:#<{}}{:.<{}}] {} of {} flights{}", "", steps, "", bar_steps - steps, sent.flights, sent.of,
                 sent.flights == sent.of ? "\n" : "");
    } else {
      fmt::print("{} of {} flights sent\n", sent.flights, sent.of);
    }
    std::fflush(stdout);
  }
  then_(sent.flights);
}

// Everything at once, at random, in a simulation: what is sent, asked, spawned, linked, timed, published and fails follows from the
// seed, and so does in what order. storm() says what was wrong at the end.
#pragma once

#include <expected>
#include <string>

namespace ringmail::testing::test {

struct StormReport {
  std::uint64_t trace_hash = 0;
  std::uint64_t trace_size = 0;
  // So that a test sees whether there was what it is meant to be about.
  std::uint64_t answered = 0;
  std::uint64_t timed_out = 0;
  std::uint64_t failed_asks = 0;
  std::uint64_t failures = 0;
  std::uint64_t restarts = 0;
  std::uint64_t dead_letters = 0;
  std::uint64_t dropped = 0;
  std::uint64_t late_answers = 0;
};

std::expected<StormReport, std::string> storm(std::uint64_t seed);

}  // namespace ringmail::testing::test

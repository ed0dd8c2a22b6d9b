#include "ringmail/testing/seeds.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <string_view>

namespace ringmail::testing {
namespace {

struct Range {
  std::uint64_t first = 1;
  std::uint64_t last = 0;
};

Range seeds_to_run(std::uint64_t count) {
  if (const char* one = std::getenv("RINGMAIL_SEED")) {
    const std::uint64_t seed = std::strtoull(one, nullptr, 0);
    return {seed, seed};
  }
  if (const char* many = std::getenv("RINGMAIL_SEEDS")) {
    char* end = nullptr;
    const std::uint64_t number = std::strtoull(many, &end, 0);
    if (std::string_view(end).starts_with("..")) return {number, std::strtoull(end + 2, nullptr, 0)};
    return {1, number};
  }
  return {1, count};
}

// One that ends the program is named by the handler of the signal that does: so it is written down beforehand.
char current_line[64];
constexpr int fatal_signals[] = {SIGABRT, SIGSEGV, SIGALRM, SIGFPE, SIGBUS, SIGILL};

void say_seed(int signal) {
  static_cast<void>(!::write(STDERR_FILENO, current_line, std::strlen(current_line)));
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

/// Where nobody else has taken the signal: a sanitizer knows more of it.
class SeedSayer {
 public:
  SeedSayer() {
    for (std::size_t i = 0; i < std::size(fatal_signals); ++i) {
      struct sigaction now{};
      if (sigaction(fatal_signals[i], nullptr, &now) != 0 || now.sa_handler != SIG_DFL) continue;
      struct sigaction ours{};
      ours.sa_handler = &say_seed;
      taken_[i] = sigaction(fatal_signals[i], &ours, nullptr) == 0;
    }
  }
  ~SeedSayer() {
    for (std::size_t i = 0; i < std::size(fatal_signals); ++i) {
      if (taken_[i]) std::signal(fatal_signals[i], SIG_DFL);
    }
  }
  SeedSayer(const SeedSayer&) = delete;
  SeedSayer& operator=(const SeedSayer&) = delete;

  static void begin(std::uint64_t seed) {
    std::snprintf(current_line, sizeof current_line, "replay with RINGMAIL_SEED=%llu\n",
                  static_cast<unsigned long long>(seed));
  }

 private:
  bool taken_[std::size(fatal_signals)] = {};
};

}  // namespace

SeedsRun for_each_seed(std::uint64_t count,
                       const std::function<std::expected<void, std::string>(std::uint64_t seed)>& body) {
  const SeedSayer sayer;
  const Range range = seeds_to_run(count);
  SeedsRun run;
  for (std::uint64_t seed = range.first; seed <= range.last && seed >= range.first; ++seed) {
    SeedSayer::begin(seed);
    ++run.count;
    const auto result = body(seed);
    if (result) continue;
    run.failed = seed;
    run.why = result.error();
    std::fprintf(stderr, "seed %llu failed: %s\n%s", static_cast<unsigned long long>(seed), run.why.c_str(),
                 current_line);
    break;
  }
  return run;
}

}  // namespace ringmail::testing

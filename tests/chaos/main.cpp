// Peers in several languages, to which everything is done that a machine and its people do to processes, at random from a seed; and
// whether the accounts balance all the same. README.md says what is done, and what is looked at.
#include <sys/prctl.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <iostream>
#include <random>

#include "../transport/sanitized.hpp"
#include "run.hpp"

namespace ringmail::chaos {
namespace {

using Clock = std::chrono::steady_clock;

struct Arguments {
  std::uint64_t seed = std::random_device{}();
  double seconds = 20;
  double for_seconds = 0;
  std::uint32_t between_ms = 100;
  std::vector<std::string> peers;
  bool plan = false;
  std::string fault;
};

std::vector<test::Language> chosen(const std::vector<std::string>& names) {
  std::vector<test::Language> all = {{.name = "stray", .command = {RINGMAIL_STRAY_PEER}}};
  std::ranges::copy(test::languages(), std::back_inserter(all));
  if (!names.empty()) {
    std::erase_if(all, [&](const test::Language& language) { return std::ranges::count(names, language.name) == 0; });
  }
  return all;
}

/// What a process has once, for all systems: the libraries' descriptors, the heap.
void warm_up(RunOptions options, const FullDisk& disk) {
  options.length = std::chrono::milliseconds(0);
  options.fault.clear();
  run(options, disk, false);
}

/// What the last run has left behind. Of memory that is told by the first one, for a heap grows to what is ever needed at once; and a
/// sanitizer keeps memory of its own.
void look_for_leaks(std::vector<Verdict>& verdicts) {
  constexpr std::size_t slack_kib = 4096;
  Verdict& last = verdicts.back();
  const auto compare = [&](const char* what, std::size_t before, std::size_t after) {
    if (transport::test::under_tsan) return;  // as in run()
    if (after <= before) return;
    last.faults.push_back(std::to_string(before) + " " + what + " before, " + std::to_string(after) + " after");
  };
  compare("descriptors", last.before.descriptors, last.after.descriptors);
  compare("segments", last.before.segments, last.after.segments);
  if (transport::test::sanitized) return;
  compare("KiB of memory", verdicts.front().after.resident_kib + slack_kib, last.after.resident_kib);
}

int play(const Arguments& arguments) {
  // What peers leave behind becomes a child of this process, where it is counted.
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  const FullDisk disk;
  RunOptions options{.seed = arguments.seed,
                     .length = std::chrono::milliseconds(static_cast<std::int64_t>(arguments.seconds * 1000)),
                     .between = std::chrono::milliseconds(arguments.between_ms),
                     .languages = chosen(arguments.peers),
                     .fault = arguments.fault};
  if (options.languages.empty()) throw std::runtime_error("there are no such peers");
  warm_up(options, disk);
  std::vector<Verdict> verdicts;
  bool is_sound = true;
  const auto end = Clock::now() + std::chrono::duration<double>(arguments.for_seconds);
  do {
    verdicts.push_back(run(options, disk, arguments.plan));
    look_for_leaks(verdicts);
    for (const std::string& what : verdicts.back().faults) std::cout << "FAULT " << what << "\n";
    is_sound = is_sound && verdicts.back().faults.empty();
    std::cout << to_string(verdicts.back()) << std::endl;
    ++options.seed;
  } while (Clock::now() < end);
  std::cout << table(verdicts);
  return is_sound ? 0 : 1;
}

}  // namespace
}  // namespace ringmail::chaos

int main(int count, char** words) {
  ringmail::chaos::Arguments arguments;
  CLI::App app("Does to peers what may happen to processes, and looks whether the accounts balance.");
  app.add_option("--seed", arguments.seed, "of what is done; printed, and another one each time if it is not given");
  app.add_option("--seconds", arguments.seconds, "of one run")->check(CLI::Range(0.1, 86400.0))->capture_default_str();
  app.add_option("--for", arguments.for_seconds, "seconds for which there are more runs, each with the next seed")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--between", arguments.between_ms, "milliseconds between what is done, on the average")
      ->check(CLI::Range(1, 60'000))
      ->capture_default_str();
  app.add_option("--peers", arguments.peers, "that take part, as c,python,stray; all if it is not given")
      ->delimiter(',');
  app.add_flag("--plan", arguments.plan, "print what is to be done");
  // For the tests of this program.
  app.add_option("--fault", arguments.fault)->check(CLI::IsMember({"lose", "repeat", "swap"}))->group("");
  CLI11_PARSE(app, count, words);
  try {
    return ringmail::chaos::play(arguments);
  } catch (const std::exception& error) {
    std::cerr << "chaos: " << error.what() << "\n";
    return 2;
  }
}

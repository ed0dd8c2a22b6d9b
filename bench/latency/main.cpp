// bench/README.md says what the figures mean and how each arises.
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>

#include "latency/echo_peer.hpp"
#include "latency/measure.hpp"
#include "latency/report.hpp"
#include "measuring/cpus.hpp"

namespace {

using namespace bench;

/// ctest takes it for "skipped": there is nothing wrong, but nothing to measure either.
constexpr int exit_too_few_cpus = 77;

struct Options {
  std::string command;
  std::string json;
  bool quick = false;
  bool list = false;
  std::vector<std::string> only;
  std::vector<int> cpus;
  unsigned blocks = 0;  // 0: by `quick`
  std::uint64_t round_trips = 20'000;
  int echo_peer_cpu = -1;  // not -1: this process is somebody's far end
};

std::vector<std::string> keys() {
  std::vector<std::string> keys;
  for (const Subject& subject : subjects()) keys.emplace_back(subject.key);
  return keys;
}

void declare(CLI::App& app, Options& options) {
  app.add_option("--json", options.json, "Write the figures as JSON to this file, - for stdout")->type_name("FILE");
  app.add_flag("--quick", options.quick, "Under a minute");
  app.add_flag("--list", options.list, "Say what there is to measure, and end");
  app.add_option("--only", options.only, "Measure these, and what they are compared with")
      ->type_name("KEY")
      ->check(CLI::IsMember(keys()));
  app.add_option("--cpus", options.cpus, "Where the near and the far end run (the first two allowed)")
      ->type_name("A,B")
      ->delimiter(',')
      ->expected(2);
  app.add_option("--blocks", options.blocks, "How many blocks of each (150, with --quick 40)");
  app.add_option("--round-trips", options.round_trips, "Round trips in a block")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option(echo_peer_option, options.echo_peer_cpu)->group("");  // not in the help
}

Plan plan_of(const Options& options) {
  constexpr std::uint64_t warm_up_part = 20;
  return {.block = {.warm_up = options.round_trips / warm_up_part + 1, .round_trips = options.round_trips},
          .groups = options.blocks != 0 ? options.blocks
                    : options.quick     ? 40
                                        : 150,
          .budget = std::chrono::seconds(options.quick ? 20 : 300),
          .idle_seconds = options.quick || options.blocks != 0 ? 2.0 : 5.0};
}

std::vector<Subject> wanted(const Options& options) {
  if (options.only.empty()) return subjects();
  const auto is_named = [&](const Subject& subject) {
    return std::ranges::find(options.only, subject.key) != options.only.end();
  };
  // And what they are compared with.
  const auto is_base = [&](const Subject& subject) {
    return std::ranges::any_of(subjects(),
                               [&](const Subject& each) { return is_named(each) && each.base == subject.key; });
  };
  std::vector<Subject> wanted;
  std::ranges::copy_if(subjects(), std::back_inserter(wanted),
                       [&](const Subject& subject) { return is_named(subject) || is_base(subject); });
  return wanted;
}

/// What disturbs nobody together, then the others one by one.
Report measure_all(const std::vector<Subject>& wanted, const Plan& plan, const Placement& placement) {
  std::vector<Subject> together;
  std::ranges::copy_if(wanted, std::back_inserter(together), [](const Subject& subject) { return !subject.apart; });
  Report report = measure(together, plan, placement);
  for (const Subject& subject : wanted) {
    if (!subject.apart) continue;
    if (subject.key == idle_key) {
      report.idle = measure_idle(placement, plan.idle_seconds);
      continue;
    }
    const Report apart = measure(std::span(&subject, 1), plan, placement);
    std::ranges::copy(apart.figures, std::back_inserter(report.figures));
  }
  return report;
}

/// Hundreds of links take thousands of descriptors; the soft limit is often a thousand.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int run(const Options& options) {
  if (options.list) {
    for (const Subject& subject : subjects()) fmt::print("{:<18}{}\n", subject.key, subject.description);
    return 0;
  }
  std::vector<int> cpus = options.cpus.empty() ? allowed_cpus() : options.cpus;
  if (cpus.size() < 2 || cpus[0] == cpus[1]) {
    fmt::print(stderr, "latency: two CPUs are needed: on one, the ends would only wait for each other's time slice\n");
    return exit_too_few_cpus;
  }
  const Placement placement{.near_cpu = cpus[0], .far_cpu = cpus[1]};
  const Plan plan = plan_of(options);
  const Machine machine = this_machine();

  raise_descriptor_limit();
  const Report report = measure_all(wanted(options), plan, placement);

  if (options.json != "-") fmt::print("{}", to_table(report, machine, plan, placement));
  if (!options.json.empty()) {
    const std::string json = to_json(report, machine, plan, placement, options.command);
    if (options.json == "-") {
      fmt::print("{}", json);
    } else if (!(std::ofstream(options.json) << json << std::flush)) {
      throw std::runtime_error("cannot write " + options.json);
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Latency and throughput between two processes on two CPUs");
  Options options;
  declare(app, options);
  CLI11_PARSE(app, argc, argv);
  options.command = fmt::format("{}", fmt::join(argv, argv + argc, " "));
  try {
    return options.echo_peer_cpu >= 0 ? run_echo_peer(options.echo_peer_cpu) : run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "latency: {}\n", error.what());
    return 1;
  }
}

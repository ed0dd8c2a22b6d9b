// bench/README.md says what the figures mean and how each arises.
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>

#include "actors/footprint.hpp"
#include "actors/report.hpp"
#include "latency/echo_peer.hpp"
#include "measuring/cpus.hpp"

namespace {

using namespace bench;
using namespace bench::actors;

/// ctest takes it for "skipped": there is nothing wrong, but nothing to measure either.
constexpr int exit_too_few_cpus = 77;

constexpr unsigned most_schedulers = 8;

struct Options {
  std::string command;
  std::string json;
  bool quick = false;
  bool list = false;
  bool alone = false;
  std::vector<std::string> only;
  unsigned groups = 0;  // 0: by `quick`
  unsigned schedulers = 0;
  std::uint64_t shrink = 1;
  int echo_peer_cpu = -1;  // not -1: this process is somebody's far end
  std::string footprint;   // not empty: this process tells somebody how large it gets
};

std::vector<std::string> keys() {
  std::vector<std::string> keys;
  for (const Subject& subject : subjects()) keys.emplace_back(subject.key);
  return keys;
}

void declare(CLI::App& app, Options& options) {
  app.add_option("--json", options.json, "Write the figures as JSON to this file, - for stdout")->type_name("FILE");
  app.add_flag("--quick", options.quick, "About a minute");
  app.add_flag("--alone", options.alone, "Without CAF, for instance under a profiler");
  app.add_flag("--list", options.list, "Say what there is to measure, and end");
  app.add_option("--only", options.only, "Measure these")->type_name("KEY")->check(CLI::IsMember(keys()));
  app.add_option("--blocks", options.groups, "How many blocks of each (11, with --quick 3)");
  app.add_option("--schedulers", options.schedulers, "For the keys that do not say one or two (one for each CPU)");
  app.add_option("--shrink", options.shrink, "Divide the sizes by this, to see whether it works")
      ->check(CLI::PositiveNumber);
  app.add_option(echo_peer_option, options.echo_peer_cpu)->group("");  // not in the help
  app.add_option(footprint_option, options.footprint)->group("");
}

Setup setup_of(const Options& options) {
  Setup setup;
  setup.cpus = ringmail::measuring::allowed_cpus();
  setup.shrink = options.shrink;
  const auto cpus = static_cast<unsigned>(setup.cpus.size());
  setup.schedulers = options.schedulers != 0 ? options.schedulers : std::min(cpus, most_schedulers);
  return setup;
}

int run(const Options& options) {
  if (options.list) {
    for (const Subject& subject : subjects()) fmt::print("{:<28}{}\n", subject.key, subject.description);
    return 0;
  }
  Run run{.command = options.command, .setup = setup_of(options), .groups = options.groups};
  if (run.groups == 0) run.groups = options.quick ? 3 : 11;
  if (run.setup.cpus.size() < 2) {
    fmt::print(stderr, "actors: two CPUs are needed: on one, schedulers would only wait for each other's time slice\n");
    return exit_too_few_cpus;
  }
  if (!has_caf()) fmt::print(stderr, "actors: CAF was not installed when this was built, so there is no caf_ratio\n");
  const Machine machine = this_machine();
  std::vector<Figure> figures;
  for (Subject subject : subjects()) {
    if (options.alone) subject.caf = nullptr;
    if (!options.only.empty() && std::ranges::find(options.only, subject.key) == options.only.end()) continue;
    figures.push_back(measure(subject, run.setup, run.groups));
  }
  if (options.json != "-") fmt::print("{}", to_table(figures, machine, run));
  if (!options.json.empty()) {
    const std::string json = to_json(figures, machine, run);
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
  CLI::App app("What actors cost, beside those of CAF");
  Options options;
  declare(app, options);
  CLI11_PARSE(app, argc, argv);
  options.command = fmt::format("{}", fmt::join(argv, argv + argc, " "));
  try {
    if (options.echo_peer_cpu >= 0) return run_echo_peer(options.echo_peer_cpu);
    if (!options.footprint.empty()) return run_footprint(options.footprint);
    return run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "actors: {}\n", error.what());
    return 1;
  }
}

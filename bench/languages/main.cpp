// bench/README.md says what the figures mean.
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <fstream>
#include <nlohmann/json.hpp>

#include "languages/scenarios.hpp"
#include "latency/measure.hpp"
#include "latency/report.hpp"
#include "measuring/cpus.hpp"

namespace {

using namespace bench;
using languages::PeerProgram;

/// ctest takes it for "skipped": there is nothing wrong, but nothing to measure either.
constexpr int exit_too_few_cpus = 77;

struct Options {
  std::string peers = RINGMAIL_CONFORMANCE_PEERS;
  std::string variants = RINGMAIL_CONFORMANCE_VARIANTS;
  std::string json;
  bool quick = false;
  std::vector<std::string> only;
  std::vector<int> cpus;
  unsigned blocks = 0;  // 0: by `quick`
  std::uint64_t round_trips = 20'000;
};

/// What the build has found: a list of {"language", "command", "pipes"}, and one of {"language", "variant", "command", "pipes"}.
void read_peers(const std::string& path, const Options& options, std::vector<PeerProgram>& peers) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  for (const auto& entry : nlohmann::json::parse(file)) {
    PeerProgram peer{.language = entry.at("language"),
                     .command = entry.at("command"),
                     .pipes = entry.at("pipes"),
                     .variant = entry.value("variant", "")};
    const bool is_wanted = options.only.empty() || std::ranges::find(options.only, peer.language) != options.only.end();
    if (is_wanted) peers.push_back(std::move(peer));
  }
}

/// Those of a language stand together, the conformance peer first.
std::vector<PeerProgram> read_peers(const Options& options) {
  std::vector<PeerProgram> peers;
  read_peers(options.peers, options, peers);
  if (peers.empty()) throw std::runtime_error(options.peers + " has none of these languages");
  read_peers(options.variants, options, peers);
  return peers;
}

int run(const Options& options, const std::string& command) {
  const std::vector<int> cpus = options.cpus.empty() ? allowed_cpus() : options.cpus;
  if (cpus.size() < 2 || cpus[0] == cpus[1]) {
    fmt::print(stderr,
               "languages: two CPUs are needed: on one, the ends would only wait for each other's time slice\n");
    return exit_too_few_cpus;
  }
  const Placement placement{.near_cpu = cpus[0], .far_cpu = cpus[1]};
  const std::vector<PeerProgram> peers = read_peers(options);
  const Plan plan{.block = {.warm_up = options.round_trips / 20 + 1, .round_trips = options.round_trips},
                  .groups = options.blocks != 0 ? options.blocks
                            : options.quick     ? 20
                                                : 100,
                  .budget = std::chrono::seconds(options.quick ? 30 : 300)};
  const std::vector<Subject> subjects = languages::subjects_of(peers);
  const Report report = measure(subjects, plan, placement);
  const Machine machine = this_machine();
  if (options.json != "-") fmt::print("{}", to_table(report, machine, plan, placement));
  if (options.json.empty()) return 0;
  const std::string json = to_json(report, machine, plan, placement, command);
  if (options.json == "-") {
    fmt::print("{}", json);
  } else if (!(std::ofstream(options.json) << json << std::flush)) {
    throw std::runtime_error("cannot write " + options.json);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("What a peer in each language costs, beside what the hardware needs");
  Options options;
  app.add_option("--json", options.json, "Write the figures as JSON to this file, - for stdout")->type_name("FILE");
  app.add_flag("--quick", options.quick, "Under a minute");
  app.add_option("--only", options.only, "Measure the peers in these languages")->type_name("LANGUAGE");
  app.add_option("--cpus", options.cpus, "Where the host and the peers run (the first two allowed)")
      ->type_name("A,B")
      ->delimiter(',')
      ->expected(2);
  app.add_option("--blocks", options.blocks, "How many blocks of each (100, with --quick 20)");
  app.add_option("--round-trips", options.round_trips, "Messages in a block")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--peers", options.peers, "The list of peers' programs")->type_name("FILE")->capture_default_str();
  app.add_option("--variants", options.variants, "The list of other programs for some languages")
      ->type_name("FILE")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return run(options, fmt::format("{}", fmt::join(argv, argv + argc, " ")));
  } catch (const std::exception& error) {
    fmt::print(stderr, "languages: {}\n", error.what());
    return 1;
  }
}

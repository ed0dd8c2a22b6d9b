// Streams flights to an actor for each airport and to a Python peer, and compares what the two make of them.
#include <fmt/format.h>
#include <signal.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <numeric>

#include "reader.hpp"
#include "report.hpp"
#include "temporary_folder.hpp"

namespace {

using namespace std::chrono_literals;

struct Options {
  std::string data = FLIGHTS_DATA;
  std::string python = FLIGHTS_PYTHON;
  std::uint64_t repeat = 1;
  std::uint32_t schedulers = 0;
  std::uint64_t kill_peer_at = 0;
  bool verbose = false;
};

/// Standard output is for the table.
std::shared_ptr<spdlog::logger> make_log(bool verbose) {
  auto log = std::make_shared<spdlog::logger>("flights", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  log->set_level(verbose ? spdlog::level::info : spdlog::level::warn);
  return log;
}

int fail(std::string_view why) {
  fmt::print(stderr, "{}\n", why);
  return 1;
}

int run(const Options& options) {
  const TemporaryFolder folder;
  auto system = ringmail::System::create({.schedulers = options.schedulers, .log = make_log(options.verbose)});
  if (!system) return fail(system.error());

  const auto reader = system->spawn<Reader>(*system);
  const auto opened = ringmail::ask(reader, Open{options.data}, 1min);
  if (!opened) return fail(ringmail::to_string(opened.error()));
  if (!*opened) return fail(opened->error());
  const std::uint64_t flights = opened->value() * options.repeat;

  // The ring holds 4,096 flights: so far, and no farther, can the reader run ahead of the peer.
  const auto peer = system->spawn_peer<flights::Statistics>(
      {.name = "statistics",
       .command = {options.python, FLIGHTS_PEER, (folder.path() / "flights").string(), std::to_string(flights)},
       .restart = {.when = ringmail::RestartPolicy::When::transient, .max_restarts = 3},
       .mail_bytes = 256 * 1024});
  if (!peer) return fail("peer 'statistics': " + peer.error());
  const std::uint32_t link = peer->address().link;
  if (!system->runtime().wait_until_ready(link)) {
    return fail("peer 'statistics': " + to_string(system->wait_for_end(*peer).reason));
  }

  const auto progress = system->spawn<Progress>([&, kill_at = options.kill_peer_at](std::uint64_t sent) mutable {
    if (kill_at == 0 || sent < kill_at) return;
    kill_at = 0;
    if (const int pid = system->runtime().peer_pid(link); pid > 0) kill(pid, SIGKILL);
  });
  const auto streamed = ringmail::ask(reader, Stream{*peer, progress, options.repeat}, std::chrono::nanoseconds::max());
  const auto end = system->stop_and_wait(*peer);
  if (!streamed) return fail(ringmail::to_string(streamed.error()));
  if (!*streamed) {
    return fail(fmt::format("{}; peer 'statistics': {}; {} of {} messages undelivered", streamed->error(),
                            to_string(end.reason), end.account.unfinished, end.account.published));
  }
  const Streamed& result = **streamed;

  print_busiest(result);
  const bool agreed = agree(result);
  print_speed(result);
  const std::uint64_t counted =
      std::transform_reduce(result.airports.begin(), result.airports.end(), std::uint64_t{0}, std::plus(),
                            [](const Compared& airport) { return airport.actor.count; });
  const bool balanced =
      print_balances({{.to = "airports",
                       .sent = result.sent_to_airports,
                       .delivered = counted + result.airports.size(),  // flights, and a question each
                       .dead_lettered = system->counters().dead_letters},
                      {.to = "statistics",
                       .sent = result.sent_to_peer,
                       .delivered = end.account.published - end.account.unfinished - end.account.given_up,
                       .dead_lettered = end.account.given_up,
                       .undelivered = end.account.unfinished}});
  if (const auto restarts = system->runtime().incarnation(link) - 1; restarts > 0) {
    fmt::print("statistics was restarted {} time{}; {} flights came to it again\n", restarts, restarts == 1 ? "" : "s",
               result.totals.repeated);
  }
  const bool ended_well = end.reason.kind == ringmail::ExitReason::Kind::normal;
  if (!ended_well) fmt::print(stderr, "peer 'statistics': {}\n", to_string(end.reason));
  return agreed && balanced && ended_well ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  Options options;
  CLI::App app("Streams flights to C++ actors and to a Python peer, and compares what the two make of them");
  app.add_option("--data", options.data, "CSV file of flights")->capture_default_str();
  app.add_option("--python", options.python, "Python that has the ringmail package")
      ->envname("RINGMAIL_PYTHON")
      ->capture_default_str();
  app.add_option("--repeat", options.repeat, "how often the file is streamed")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--schedulers", options.schedulers, "threads that run actors; 0: one for each CPU")
      ->capture_default_str();
  app.add_option("--kill-peer-at", options.kill_peer_at,
                 "kill the peer once that many flights have been sent; 0: never");
  app.add_flag("-v,--verbose", options.verbose, "log what becomes of the peer, and what it prints");
  CLI11_PARSE(app, argc, argv);
  return run(options);
} catch (const std::exception& error) {
  std::fprintf(stderr, "flights: %s\n", error.what());
  return 1;
}

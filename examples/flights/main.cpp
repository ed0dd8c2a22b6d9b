// Streams flights to an actor for each airport and to peers, and compares what all of them make of it.
#include <fmt/format.h>
#include <signal.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <numeric>
#include <optional>

#include "peers.hpp"
#include "reader.hpp"
#include "reaper.hpp"
#include "report.hpp"
#include "temporary_folder.hpp"

namespace {

using namespace std::chrono_literals;

struct Options {
  std::string data = FLIGHTS_DATA;
  Programs programs{.python = FLIGHTS_PYTHON, .node = FLIGHTS_NODE};
  std::vector<std::string> peers = {"python"};
  std::uint64_t repeat = 1;
  double seconds = 0;
  std::uint32_t schedulers = 0;
  std::uint64_t kill_peer_at = 0;
  std::optional<std::uint64_t> chaos;  ///< a seed
  bool verbose = false;
};

/// On the average, of all peers together.
constexpr auto between_kills = 200ms;
/// Of a run under chaos, where nothing else is said: what it takes a minute for.
constexpr double chaos_seconds = 60;
constexpr std::uint64_t chaos_repeat = 15;

/// Standard output is for the table.
std::shared_ptr<spdlog::logger> make_log(const Options& options) {
  auto log = std::make_shared<spdlog::logger>("flights", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  // Of deaths that are meant there is nothing to say.
  const auto quiet = options.chaos ? spdlog::level::err : spdlog::level::warn;
  log->set_level(options.verbose ? spdlog::level::info : quiet);
  return log;
}

int fail(std::string_view why) {
  fmt::print(stderr, "{}\n", why);
  return 1;
}

int run(const Options& options) {
  const TemporaryFolder folder;
  auto system = ringmail::System::create({.schedulers = options.schedulers, .log = make_log(options)});
  if (!system) return fail(system.error());

  const auto reader = system->spawn<Reader>(*system);
  const auto opened = ringmail::ask(reader, Open{options.data}, 1min);
  if (!opened) return fail(ringmail::to_string(opened.error()));
  if (!*opened) return fail(opened->error());
  const std::uint64_t flights = opened->value() * options.repeat;

  auto started =
      Peers::start(*system, options.peers, options.programs, folder.path(), flights, options.chaos.has_value());
  if (!started) return fail(started.error());
  Peers& peers = *started;
  const auto progress = system->spawn<Progress>([&, kill_at = options.kill_peer_at](std::uint64_t sent) mutable {
    if (kill_at == 0 || sent < kill_at) return;
    kill_at = 0;
    if (const int pid = system->runtime().peer_pid(peers.links().front()); pid > 0) kill(pid, SIGKILL);
  });
  ringmail::Mailbox<Reaper> reaper;
  if (options.chaos) reaper = system->spawn<Reaper>(*system, peers.links(), *options.chaos, between_kills);
  const Stream stream{peers.mailboxes(), progress, options.repeat, std::chrono::duration<double>(options.seconds)};
  const auto streamed = ringmail::ask(reader, stream, std::chrono::nanoseconds::max());
  reaper.stop();
  const auto ends = peers.stop();
  if (!streamed) return fail(ringmail::to_string(streamed.error()));
  if (!*streamed) {
    std::string why = streamed->error();
    for (std::size_t i = 0; i < ends.size(); ++i) {
      why += fmt::format("; peer '{}': {}; {} of {} messages undelivered", peers.names()[i], to_string(ends[i].reason),
                         ends[i].account.unfinished, ends[i].account.published);
    }
    return fail(why);
  }
  const Streamed& result = **streamed;

  print_busiest(result);
  bool is_well = agree(result, peers.names());
  print_speed(result);
  const std::uint64_t counted =
      std::transform_reduce(result.airports.begin(), result.airports.end(), std::uint64_t{0}, std::plus(),
                            [](const Compared& airport) { return airport.actor.count; });
  std::vector<Balance> balances{{.to = "airports",
                                 .sent = result.sent_to_airports,
                                 .delivered = counted + result.airports.size(),  // flights, and a question each
                                 .dead_lettered = system->counters().dead_letters}};
  for (std::size_t i = 0; i < ends.size(); ++i) {
    const auto& account = ends[i].account;
    balances.push_back({.to = peers.names()[i],
                        .sent = result.sent_to_peers[i],
                        .delivered = account.published - account.unfinished - account.given_up,
                        .dead_lettered = account.given_up,
                        .undelivered = account.unfinished});
  }
  is_well = print_balances(balances) && is_well;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    const std::string& name = peers.names()[i];
    if (const auto restarts = system->runtime().incarnation(peers.links()[i]) - 1; restarts > 0) {
      fmt::print("{} was restarted {} time{}; {} flights came to {} again\n", name, restarts, restarts == 1 ? "" : "s",
                 result.totals[i].repeated, restarts == 1 ? "it" : "the last of its lives");
    }
    if (ends[i].reason.kind == ringmail::ExitReason::Kind::normal) continue;
    fmt::print(stderr, "peer '{}': {}\n", name, to_string(ends[i].reason));
    is_well = false;
  }
  return is_well ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  Options options;
  CLI::App app("Streams flights to C++ actors and to peers, and compares what all of them make of it");
  app.add_option("--data", options.data, "CSV file of flights")->capture_default_str();
  app.add_option("--python", options.programs.python, "Python that has the ringmail package")
      ->envname("RINGMAIL_PYTHON")
      ->capture_default_str();
  const auto* peers = app.add_option("--peers", options.peers, "languages of the peers; under --chaos all of them")
                          ->delimiter(',')
                          ->check(CLI::IsMember(peer_languages()))
                          ->capture_default_str();
  const auto* repeat = app.add_option("--repeat", options.repeat, "how often the file is streamed; under --chaos 15")
                           ->check(CLI::Range(1, 1'000'000))
                           ->capture_default_str();
  const auto* seconds = app.add_option("--seconds", options.seconds,
                                       "as long as it is to take; 0: no longer than it takes; under --chaos 60")
                            ->check(CLI::NonNegativeNumber)
                            ->capture_default_str();
  app.add_option("--schedulers", options.schedulers, "threads that run actors; 0: one for each CPU")
      ->capture_default_str();
  app.add_option("--kill-peer-at", options.kill_peer_at,
                 "kill the first peer once that many flights have been sent; 0: never");
  app.add_option("--chaos", options.chaos, "kill a peer every 200 ms on the average, at random by this seed")
      ->type_name("SEED");
  app.add_flag("-v,--verbose", options.verbose, "log what becomes of the peer, and what it prints");
  CLI11_PARSE(app, argc, argv);
  if (options.chaos) {
    if (peers->empty()) options.peers = peer_languages();
    if (repeat->empty()) options.repeat = chaos_repeat;
    if (seconds->empty()) options.seconds = chaos_seconds;
  }
  return run(options);
} catch (const std::exception& error) {
  std::fprintf(stderr, "flights: %s\n", error.what());
  return 1;
}

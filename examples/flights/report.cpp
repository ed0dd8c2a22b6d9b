#include "report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace {

constexpr std::size_t shown_airports = 20;

bool equal(const flights::Delays& a, const flights::Delays& b) {
  return a.airport == b.airport && a.count == b.count && a.mean == b.mean && a.median == b.median && a.p90 == b.p90 &&
         a.p99 == b.p99;
}

std::string text(const flights::Delays& delays) {
  return fmt::format("{} flights, mean {}, median {}, p90 {}, p99 {}", delays.count, delays.mean, delays.median,
                     delays.p90, delays.p99);
}

}  // namespace

void print_busiest(const Streamed& streamed) {
  auto airports = streamed.airports;
  std::ranges::sort(airports, [](const Compared& a, const Compared& b) {
    return std::tuple(b.actor.count, a.actor.airport) < std::tuple(a.actor.count, b.actor.airport);
  });
  if (airports.size() > shown_airports) airports.resize(shown_airports);

  fmt::print("\nThe busiest {} of {} airports, and how many minutes late their flights were\n\n", airports.size(),
             streamed.airports.size());
  fmt::print("{:<8}{:>9}{:>9}{:>9}{:>9}{:>9}\n", "airport", "flights", "mean", "median", "p90", "p99");
  for (const auto& [delays, peers] : airports) {
    fmt::print("{:<8}{:>9}{:>9.2f}{:>9}{:>9}{:>9}\n", delays.airport.view(), delays.count, delays.mean, delays.median,
               delays.p90, delays.p99);
  }
}

void print_speed(const Streamed& streamed) {
  const std::size_t receivers = 1 + streamed.totals.size();
  const std::uint64_t messages = receivers * streamed.flights;
  fmt::print("\n{} flights to {} receivers each in {:.3f} s: {:.0f} messages per second\n", streamed.flights,
             receivers == 2 ? "two" : std::to_string(receivers), streamed.seconds,
             static_cast<double>(messages) / streamed.seconds);
}

bool agree(const Streamed& streamed, const std::vector<std::string>& names) {
  std::size_t differences = 0;
  for (const auto& [actor, peers] : streamed.airports) {
    for (std::size_t i = 0; i < peers.size(); ++i) {
      if (equal(actor, peers[i])) continue;
      fmt::print(stderr, "flights: {}: the actor says: {}; {} says: {}\n", actor.airport.view(), text(actor), names[i],
                 text(peers[i]));
      ++differences;
    }
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto expect = [&](std::string_view what, std::uint64_t here, std::uint64_t there) {
      if (here == there) return;
      fmt::print(stderr, "flights: {} {} here and {} at {}\n", here, what, there, names[i]);
      ++differences;
    };
    expect("flights", streamed.flights, streamed.totals[i].flights);
    expect("airports", streamed.airports.size(), streamed.totals[i].airports);
  }
  if (differences == 0) {
    fmt::print("\nThe actors and the {} agree about all {} airports\n", names.size() == 1 ? "peer" : "peers",
               streamed.airports.size());
  }
  return differences == 0;
}

bool print_balances(const std::vector<Balance>& balances) {
  fmt::print("\n{:<16}{:>10}{:>11}{:>15}{:>13}\n", "messages to", "sent", "delivered", "dead-lettered", "undelivered");
  for (const Balance& balance : balances) {
    fmt::print("{:<16}{:>10}{:>11}{:>15}{:>13}\n", balance.to, balance.sent, balance.delivered, balance.dead_lettered,
               balance.undelivered);
  }
  bool all = true;
  for (const Balance& balance : balances) {
    if (balance.holds()) continue;
    fmt::print(stderr, "flights: messages to {}: {} sent is not {} delivered + {} dead-lettered + {} undelivered\n",
               balance.to, balance.sent, balance.delivered, balance.dead_lettered, balance.undelivered);
    all = false;
  }
  if (all) fmt::print("sent = delivered + dead-lettered + undelivered\n");
  return all;
}

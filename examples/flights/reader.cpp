#include "reader.hpp"

#include <fmt/format.h>

#include <chrono>

#include "csv.hpp"

namespace {

using namespace std::chrono_literals;

constexpr auto patience = 30s;
constexpr std::uint64_t flights_between_reports = 500;

/// A question dies with the process that it was asked of; its successor can be asked again. Each time is one more message.
template <class Question>
auto ask_again(const ringmail::Mailbox<flights::Statistics>& peer, const Question& question, std::uint64_t& sent) {
  for (int left = 5;; --left) {
    auto answer = ringmail::ask(peer, question, patience);
    ++sent;
    if (answer || answer.error() != ringmail::AskError::unreachable || left == 0) return answer;
  }
}

template <class Error>
std::unexpected<std::string> failure(std::string_view what, Error error) {
  return std::unexpected(fmt::format("{}: {}", what, ringmail::to_string(error)));
}

}  // namespace

std::expected<std::uint64_t, std::string> Reader::on(const Open& open) {
  auto read = read_flights(open.path);
  if (!read) return std::unexpected(std::move(read.error()));
  flights_ = std::move(*read);
  return flights_.size();
}

std::expected<Streamed, std::string> Reader::on(const Stream& stream) {
  Streamed result;
  result.sent_to_peers.resize(stream.peers.size());
  const auto start = std::chrono::steady_clock::now();
  if (auto sent = send_all(stream, result); !sent) return std::unexpected(std::move(sent.error()));

  for (std::size_t i = 0; i < stream.peers.size(); ++i) {
    const auto totals = ask_again(stream.peers[i], flights::AskTotals{}, result.sent_to_peers[i]);
    if (!totals) return failure("asking a peer", totals.error());
    result.totals.push_back(*totals);
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  if (auto asked = ask_all(stream, result); !asked) return std::unexpected(std::move(asked.error()));
  return result;
}

std::expected<void, std::string> Reader::send_all(const Stream& stream, Streamed& result) {
  const std::uint64_t total = flights_.size() * stream.repeat;
  const auto start = std::chrono::steady_clock::now();
  while (result.flights < total) {
    flights::Flight flight = flights_[result.flights % flights_.size()];
    flight.index = result.flights;
    // Where there is no room the handler suspends, and other actors run on this thread.
    if (auto sent = airport(flight.origin).send(flight); !sent) return failure("sending to an airport", sent.error());
    for (const auto& peer : stream.peers) {
      if (auto sent = peer.send(flight); !sent) return failure("sending to a peer", sent.error());
    }
    ++result.flights;
    if (result.flights % flights_between_reports == 0 || result.flights == total) {
      // Asked and not sent, so that what is done at a number of flights is done before the next one leaves.
      const auto shown = ringmail::ask(stream.progress, Sent{result.flights, total}, patience);
      if (!shown) return failure("showing the progress", shown.error());
      const auto due = start + stream.pace * (static_cast<double>(result.flights) / static_cast<double>(total));
      const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(due - std::chrono::steady_clock::now());
      if (left > 0ns) static_cast<void>(ringmail::this_actor::sleep_for(left));
    }
  }
  result.sent_to_airports += total;
  for (std::uint64_t& sent : result.sent_to_peers) sent += total;
  return {};
}

std::expected<void, std::string> Reader::ask_all(const Stream& stream, Streamed& result) {
  for (const auto& [code, airport] : airports_) {
    const flights::AskDelays question{.airport = code};
    const auto actor = ringmail::ask(airport, question, patience);
    if (!actor) return failure(fmt::format("asking the actor of {}", code.view()), actor.error());
    ++result.sent_to_airports;
    Compared compared{.actor = *actor, .peers = {}};
    for (std::size_t i = 0; i < stream.peers.size(); ++i) {
      const auto peer = ask_again(stream.peers[i], question, result.sent_to_peers[i]);
      if (!peer) return failure(fmt::format("asking a peer about {}", code.view()), peer.error());
      compared.peers.push_back(*peer);
    }
    result.airports.push_back(std::move(compared));
  }
  return {};
}

const ringmail::Mailbox<Airport>& Reader::airport(const Code& code) {
  auto& mailbox = airports_[code];
  if (!mailbox) mailbox = system_.spawn<Airport>();
  return mailbox;
}

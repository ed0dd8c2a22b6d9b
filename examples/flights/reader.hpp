// The reader: parses the file, sends each flight to the actor of its airport and to the Python peer, and asks both in the
// end. It does all the asking itself because order is promised between two actors alone: a question of somebody else might
// be answered before the last flights have arrived.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <vector>

#include "airport.hpp"
#include "flights.mail.hpp"
#include "progress.hpp"
#include "ringmail/actors/actors.hpp"

/// Answered with the number of flights in the file.
struct Open {
  std::string path;
};

struct Stream {
  ringmail::Mailbox<flights::Statistics> peer;
  ringmail::Mailbox<Progress> progress;
  std::uint64_t repeat = 1;
};

/// What two programs say of one airport.
struct Compared {
  flights::Delays actor;
  flights::Delays peer;
};

struct Streamed {
  std::uint64_t flights = 0;
  std::uint64_t sent_to_airports = 0;  ///< messages: flights and questions
  std::uint64_t sent_to_peer = 0;
  double seconds = 0;  ///< until the peer had handled the last flight
  flights::Totals totals;
  std::vector<Compared> airports;
};

class Reader : public ringmail::Actor {
 public:
  /// Spawns the actors of the airports in `system`, which outlives it.
  explicit Reader(ringmail::System& system) : system_(system) {}

  std::expected<std::uint64_t, std::string> on(const Open& open);
  std::expected<Streamed, std::string> on(const Stream& stream);

 private:
  using Code = ringmail::Text<4>;

  const ringmail::Mailbox<Airport>& airport(const Code& code);
  std::expected<void, std::string> send_all(const Stream& stream, Streamed& result);
  std::expected<void, std::string> ask_all(const Stream& stream, Streamed& result);

  ringmail::System& system_;
  std::vector<flights::Flight> flights_;
  std::map<Code, ringmail::Mailbox<Airport>> airports_;
};

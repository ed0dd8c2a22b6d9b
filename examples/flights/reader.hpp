// The reader: parses the file, sends each flight to the actor of its airport and to each of the peers, and asks all of them in the
// end. It does all the asking itself because order is promised between two actors alone: a question of somebody else might
// be answered before the last flights have arrived.
#pragma once

#include <chrono>
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
  std::vector<ringmail::Mailbox<flights::Statistics>> peers;
  ringmail::Mailbox<Progress> progress;
  std::uint64_t repeat = 1;
  std::chrono::duration<double> pace{0};  ///< as long as it is to take; 0: as long as it takes
};

/// What all programs say of one airport; the peers in their order.
struct Compared {
  flights::Delays actor;
  std::vector<flights::Delays> peers;
};

struct Streamed {
  std::uint64_t flights = 0;
  std::uint64_t sent_to_airports = 0;  ///< messages: flights and questions
  std::vector<std::uint64_t> sent_to_peers;
  double seconds = 0;  ///< until the peers had handled the last flight
  std::vector<flights::Totals> totals;
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

// A pipeline of four languages: flights are read in JavaScript, chosen in C, reckoned in Python and printed in C++. Each process
// writes into the ring of the next, which it has found by its name; this one only starts them.
//
//   example-pipeline FLIGHTS.csv NODE READER.mjs FILTER PYTHON DELAYS.py
#include <cstdio>
#include <future>
#include <string>

#include "pipeline.mail.hpp"
#include "ringmail/actors/actors.hpp"

using namespace std::chrono_literals;

namespace {

class Printer : public ringmail::Actor {
 public:
  using Protocol = pipeline::Printer;
  explicit Printer(std::promise<void>& printed) : printed_(printed) {}

  void on(const pipeline::Report& report) {
    std::printf("%llu flights, %llu of them late by 15 minutes or more\n", static_cast<unsigned long long>(report.read),
                static_cast<unsigned long long>(report.late));
    std::printf("%-8s%8s%8s%8s%8s\n", "from", "late", "median", "mean", "worst");
    for (const pipeline::Summary& airport : report.summaries) {
      std::printf("%-8s%8u%8.1f%8.1f%8d\n", std::string(airport.origin.view()).c_str(), airport.late, airport.median,
                  airport.mean, airport.worst);
    }
    printed_.set_value();
  }

 private:
  std::promise<void>& printed_;
};

/// Whether it ended in order, and had read all that it was sent.
bool ends_well(ringmail::System& system, const char* name, const auto& peer) {
  const auto end = system.stop_and_wait(peer);
  const auto left = end.account.unfinished + end.account.unfinished_from_peers;
  if (end.reason.kind == ringmail::ExitReason::Kind::normal && left == 0) return true;
  std::fprintf(stderr, "%s: %s; %llu messages left\n", name, to_string(end.reason).c_str(),
               static_cast<unsigned long long>(left));
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) return std::fprintf(stderr, "FLIGHTS.csv NODE READER.mjs FILTER PYTHON DELAYS.py, please\n"), 1;
  const std::string data = argv[1];
  auto system = ringmail::System::create();
  if (!system) return std::fprintf(stderr, "%s\n", system.error().c_str()), 1;

  std::promise<void> printed;
  system->publish("printer", system->spawn<Printer>(printed));
  // Each is there before somebody looks it up.
  const auto statistics = system->spawn_peer<pipeline::Statistics>(
      {.name = "statistics", .command = {argv[5], argv[6]}, .introduce = true});
  const auto filter = system->spawn_peer<pipeline::Filter>({.name = "filter", .command = {argv[4]}, .introduce = true});
  const auto reader =
      system->spawn_peer<pipeline::Reader>({.name = "reader", .command = {argv[2], argv[3]}, .introduce = true});
  if (!statistics || !filter || !reader) {
    const std::string& why = !statistics ? statistics.error() : !filter ? filter.error() : reader.error();
    return std::fprintf(stderr, "%s\n", why.c_str()), 1;
  }
  if (const auto sent = reader->send(pipeline::Read{.path = data}); !sent) {
    return std::fprintf(stderr, "reader: %s\n", ringmail::to_string(sent.error()).data()), 1;
  }
  if (printed.get_future().wait_for(60s) != std::future_status::ready) {
    return std::fprintf(stderr, "no report came within a minute\n"), 1;
  }
  bool all = ends_well(*system, "reader", *reader);
  all = ends_well(*system, "filter", *filter) && all;
  all = ends_well(*system, "statistics", *statistics) && all;
  return all ? 0 : 1;
}

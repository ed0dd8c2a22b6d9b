// The conformance peer in C++, over ringmail/peer.hpp and without the runtime. bindings/README.md says what it does.
#include <chrono>
#include <cstdlib>
#include <map>
#include <ringmail/peer.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

#include "conformance.mail.hpp"

namespace {

using conformance::Bulk, conformance::Consult, conformance::Ended, conformance::Fail, conformance::Get,
    conformance::Note, conformance::Outcome, conformance::Payload, conformance::Ping, conformance::Say,
    conformance::Side, conformance::Stream, conformance::Sum, conformance::Tick, conformance::Unwatch,
    conformance::Watch;
using ringmail::Peer;

class Handlers {
 public:
  Handlers(Peer& peer, bool echoes) : peer_(peer), echoes_(echoes) {}

  Tick on(const Tick& tick, Peer::Received& received) {
    Tick doubled = tick;
    doubled.price *= 2;
    if (!received.is_asked()) {
      count(received, doubled);
      sum_.total += tick.price;
    }
    return doubled;
  }
  Ping on(const Ping& ping, Peer::Received& received) {
    if (!received.is_asked()) count(received, ping);
    return ping;
  }
  // Too long to be copied more than once.
  void on(const Bulk& bulk, Peer::Received& received) {
    if (received.is_asked()) {
      check(received.reply(bulk));
    } else {
      count(received, bulk);
    }
  }
  Note on(const Note& note) {
    Note doubled = note;
    doubled.number *= 2;
    for (double& value : doubled.values) value *= 2;
    return doubled;
  }
  Sum on(const Get&) { return sum_; }
  void on(const Fail& fail) { throw std::runtime_error("failed with " + std::to_string(fail.code)); }
  void on(const Stream& stream) {
    for (std::uint64_t number = 0; number < stream.count; ++number) {
      switch (stream.payload) {
        case Payload::tick:
          send(Tick{.number = number,
                    .price = static_cast<double>(number),
                    .side = Side::ask,
                    .live = true,
                    .symbol = "abc"});
          break;
        case Payload::ping: send(Ping{.words = {number}}); break;
        case Payload::bulk: send(Bulk{.number = number}); break;
      }
    }
  }
  void on(const Watch& watch) {
    const auto found = peer_.lookup(std::string(watch.name.view()));
    check(found);
    const auto monitor = peer_.monitor(*found);
    check(monitor);
    watch_ = *monitor;
  }
  void on(const Unwatch&) { check(peer_.demonitor(watch_)); }
  void on(const Peer::Down& down) {
    Ended ended{.kind = static_cast<std::uint32_t>(down.kind)};
    ended.reason = down.reason.substr(0, 64);
    send(ended);
  }
  void on(const Consult& consult) {
    const auto desk = peer_.lookup("desk");
    check(desk);
    const auto asked =
        peer_.ask_within(std::chrono::milliseconds(consult.milliseconds), *desk, Ping{.words = {consult.number}});
    check(asked);
    consulted_[*asked] = consult.number;
  }
  void answered(Peer::Received& received) {
    const std::uint64_t number = consulted_.extract(received.correlation()).mapped();
    const Ping* const ping = received.as<Ping>();
    send(Outcome{.number = number, .answered = ping != nullptr && ping->words[0] == number});
  }
  void on(const Say& say) { check(peer_.log(static_cast<Peer::LogLevel>(say.level), std::string(say.text.view()))); }

 private:
  template <class M>
  void count(const Peer::Received& received, const M& echo) {
    ++sum_.count;
    if (received.is_redelivered()) ++sum_.redelivered;
    if (echoes_) send(echo);
  }
  template <class M>
  void send(const M& message) {
    if (!sink_) {
      const char* const name = std::getenv("CONFORMANCE_SINK");
      const auto found = peer_.lookup(name != nullptr ? name : "sink");
      check(found);
      sink_ = *found;
    }
    check(peer_.send(sink_, message, Peer::forever));
  }
  template <class T>
  void check(const Peer::Result<T>& result) const {
    if (!result) throw std::runtime_error(peer_.error());
  }

  Peer& peer_;
  bool echoes_;
  Peer::Mailbox sink_;
  Sum sum_;
  std::uint64_t watch_ = 0;                           // the last monitor
  std::map<std::uint32_t, std::uint64_t> consulted_;  // the numbers of the open asks
};

}  // namespace

int main(int argc, char** argv) {
  const char* const path = std::getenv("CONFORMANCE_PATH");
  auto peer = path == nullptr
                  ? Peer::attach({.schema = conformance::ringmail_schema})
                  : Peer::attach({.path = path, .name = "conformance", .schema = conformance::ringmail_schema});
  if (!peer) return peer.error().report("peer");
  Handlers handlers(*peer, argc > 1 && std::string_view(argv[1]) == "echo");
  const auto ended = peer->run<conformance::Player>(handlers);
  return ended ? 0 : ended.error().report("peer");
}

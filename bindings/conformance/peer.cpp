// The conformance peer in C++, over ringmail/peer.hpp and without the runtime. bindings/README.md says what it does.
#include <cstdlib>
#include <ringmail/peer.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

#include "conformance.mail.hpp"

namespace {

using conformance::Bulk, conformance::Fail, conformance::Get, conformance::Payload, conformance::Ping,
    conformance::Side, conformance::Stream, conformance::Sum, conformance::Tick;
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
};

}  // namespace

int main(int argc, char** argv) {
  const char* const path = std::getenv("CONFORMANCE_PATH");
  auto peer = path == nullptr
                  ? Peer::attach({.schema = conformance::ringmail_schema})
                  : Peer::attach({.path = path, .name = "conformance", .schema = conformance::ringmail_schema});
  if (!peer) return peer.error().report("peer");
  Handlers handlers(*peer, argc > 1 && std::string_view(argv[1]) == "echo");
  const auto ended = peer->run<conformance::Peer>(handlers);
  return ended ? 0 : ended.error().report("peer");
}

// What bench/languages measures of C++ without generated code: a question and streams, by the bytes of docs/spec/message.md.
#include <array>
#include <cstring>

#include "ringmail/peer.hpp"

namespace {

using ringmail::Peer;
using Bytes = std::span<const std::byte>;

const std::uint32_t ping_type = ringmail_type_id("conformance.Ping");
const std::uint32_t bulk_type = ringmail_type_id("conformance.Bulk");
const std::uint32_t stream_type = ringmail_type_id("conformance.Stream");
const std::uint32_t get_type = ringmail_type_id("conformance.Get");
const std::uint32_t sum_type = ringmail_type_id("conformance.Sum");

// Ping and Bulk start with their number, Stream with its count, which its payload follows; Sum is three words.
constexpr std::size_t ping_size = 32, bulk_size = 1024, stream_size = 16, payload_offset = 8;
constexpr std::byte payload_ping{1};
using Sum = std::array<std::uint64_t, 3>;

Peer::Result<> send_stream(Peer& peer, Peer::Mailbox sink, Bytes order) {
  const bool pings = order[payload_offset] == payload_ping;
  std::uint64_t count = 0;
  std::memcpy(&count, order.data(), sizeof count);
  std::array<std::byte, bulk_size> message{};
  for (std::uint64_t number = 0; number < count; ++number) {
    std::memcpy(message.data(), &number, sizeof number);
    const auto sent = peer.send(sink, pings ? ping_type : bulk_type,
                                Bytes(message).first(pings ? ping_size : bulk_size), Peer::forever);
    if (!sent) return sent;
  }
  return {};
}

Peer::Result<> handle(Peer& peer, Peer::Mailbox sink, Peer::Received& received, Sum& sum) {
  const std::uint32_t type = received.type();
  const Bytes payload = received.payload();
  if ((type == ping_type && payload.size() == ping_size) || (type == bulk_type && payload.size() == bulk_size)) {
    if (received.is_asked()) return received.reply(type, payload);
    ++sum[0];
    return {};
  }
  if (type == get_type) return received.reply(sum_type, std::as_bytes(std::span(sum)));
  if (type == stream_type && payload.size() == stream_size) return send_stream(peer, sink, payload);
  return received.is_asked() ? received.refuse(Peer::Refusal::no_handler) : Peer::Result<>();
}

Peer::Result<> run(Peer& peer) {
  const auto sink = peer.lookup("sink");
  if (!sink) return std::unexpected(sink.error());
  Sum sum{};
  while (true) {
    auto received = peer.receive();
    if (!received) return std::unexpected(received.error());
    if (*received) {
      if (const auto handled = handle(peer, *sink, **received, sum); !handled) return handled;
    } else if (const auto waited = peer.wait(); !waited) {
      return std::unexpected(waited.error());
    }
  }
}

}  // namespace

int main() {
  auto peer = Peer::attach({});
  if (!peer) return peer.error().report("streams");
  const auto ended = run(*peer);
  if (ended.error() == Peer::Errc::stopped) return 0;
  return Peer::Failure{ended.error(), peer->error()}.report("streams");
}

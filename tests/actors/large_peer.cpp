// A peer that does with bodies what it is told.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <vector>

#include "large.mail.hpp"
#include "ringmail/peer.hpp"

namespace {

using ringmail::Peer;

struct Viewer {
  Peer& peer;
  std::vector<Peer::Body> kept{};

  void on(const large::Frame& frame, Peer::Received& received) {
    switch (frame.order) {
      case large::Order::echo: return answer(frame, received.sender(), received.body());
      case large::Order::keep:
        if (auto body = received.keep()) kept.push_back(std::move(*body));
        return;
      case large::Order::forget: return kept.clear();
      case large::Order::die:
        // Its successor is given it again, and the body with it.
        if (received.attempt() == 0) raise(SIGKILL);
        return answer(frame, received.sender(), received.body());
      case large::Order::fill: return fill(frame, received.sender());
    }
  }

  large::Sum on(const large::Question& question, Peer::Received& received) {
    std::uint64_t sum = question.number;
    for (const std::byte byte : received.body()) sum += std::to_integer<std::uint64_t>(byte);
    return {.number = sum, .length = received.body().size()};
  }

 private:
  void answer(const large::Frame& frame, Peer::Mailbox to, std::span<const std::byte> body) {
    auto room = peer.loan_large(to, body.size());
    if (!room) std::abort();
    std::ranges::copy(body, room->bytes().begin());
    if (!peer.send(to, frame, *room)) std::abort();
  }
  /// So many bytes of that value.
  void fill(const large::Frame& frame, Peer::Mailbox to) {
    auto room = peer.loan_large(to, frame.number);
    if (!room) std::abort();
    std::ranges::fill(room->bytes(), static_cast<std::byte>(frame.value));
    if (!peer.send(to, frame, *room)) std::abort();
  }
};

}  // namespace

int main() {
  auto peer = Peer::attach({.schema = large::ringmail_schema});
  if (!peer) return peer.error().report("viewer");
  Viewer viewer{.peer = *peer};
  const auto ended = peer->run<large::Viewer>(viewer);
  return ended ? 0 : ended.error().report("viewer");
}

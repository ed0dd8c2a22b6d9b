// A peer that asks its host's reader with articles, and with bytes that are none.
#include <map>
#include <string>
#include <vector>

#include "ringmail/peer.hpp"
#include "view.mail.hpp"

namespace {

using ringmail::Peer;

class Writer {
 public:
  explicit Writer(Peer& peer) : peer_(peer) {}

  void on(const view::Order& order) {
    const auto reader = peer_.lookup("reader");
    if (!reader) std::abort();
    for (std::uint32_t i = 0; i < order.good; ++i) write(*reader, i, false);
    for (std::uint32_t i = 0; i < order.bad; ++i) write(*reader, i, true);
  }
  view::Tally on(const view::Ask&) { return tally_; }

  void answered(Peer::Received& received) {
    const auto asked = asked_.extract(received.correlation());
    const view::Digest* const digest = received.as<view::Digest>();
    if (received.is_refusal()) {
      ++tally_.refused;
    } else if (digest != nullptr && *digest == asked.mapped()) {
      ++tally_.right;
    } else {
      ++tally_.wrong;
    }
  }

 private:
  void write(Peer::Mailbox reader, std::uint64_t number, bool is_bad) {
    const view::Article article{
        .number = number, .title = std::string(number % 300, 'a'), .figures = std::vector(number % 40, number)};
    const auto borrowed = article.ringmail_borrow();
    std::vector<std::byte> bytes(borrowed.ringmail_bytes());
    borrowed.ringmail_write(bytes.data());
    if (is_bad) bytes.at(8) = std::byte{7};  // no mood
    const auto asked = peer_.ask(reader, view::Article::ringmail_type, bytes, Peer::forever);
    if (!asked) std::abort();
    asked_[*asked] = {.number = number,
                      .length = article.title.size(),
                      .sum = static_cast<std::uint64_t>(article.figures.size()) * number};
  }

  Peer& peer_;
  std::map<std::uint32_t, view::Digest> asked_;  // and what is due
  view::Tally tally_;
};

}  // namespace

int main() {
  auto peer = Peer::attach({.schema = view::ringmail_schema});
  if (!peer) return peer.error().report("writer");
  Writer writer(*peer);
  const auto ended = peer->run<view::Writer>(writer);
  return ended ? 0 : ended.error().report("writer");
}

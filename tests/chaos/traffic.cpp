#include "traffic.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace ringmail::chaos {

using namespace std::chrono_literals;
using conformance::Bulk, conformance::Ping;

namespace {

constexpr std::uint64_t most_open = 1500;  ///< of one stream: more than the ring of mail holds

std::uint64_t draw(std::uint64_t& random, std::uint64_t below) { return mix(random++) % below; }

bool says(const ExitReason& reason, const char* text) { return reason.text.find(text) != std::string::npos; }

/// Before it was ready.
bool ended_early(const ExitReason& reason) { return says(reason, "before it was ready"); }
/// Not ready by the deadline, as it happens where it gets no time.
bool was_late(const ExitReason& reason) { return says(reason, " within "); }

/// By what the process did; what it said meanwhile is another matter.
std::string kind_of(const ExitReason& reason) {
  using Kind = ExitReason::Kind;
  switch (reason.kind) {
    case Kind::normal: return "stopped";
    case Kind::failed: return "failure";
    case Kind::exited: return "exit " + std::to_string(reason.code);
    case Kind::signalled: return "signal " + std::to_string(reason.signal);
    case Kind::not_started: return "not started";
    case Kind::handshake: return ended_early(reason) ? "early" : was_late(reason) ? "late" : "handshake";
    case Kind::protocol: return "protocol";
    default: return "other";
  }
}

/// Nothing that is done to a peer makes it break a protocol.
bool is_accused(const ExitReason& reason) {
  using Kind = ExitReason::Kind;
  return reason.kind == Kind::protocol || (reason.kind == Kind::handshake && !ended_early(reason) && !was_late(reason));
}

template <class M>
std::optional<Item> item_of(const std::vector<std::byte>& payload) {
  M message;
  if (payload.size() != sizeof message) return {};
  std::memcpy(&message, payload.data(), sizeof message);
  return from(message);
}

}  // namespace

void Traffic::fault(std::string what) {
  const std::lock_guard lock(mutex_);
  faults_.push_back(name + ": " + std::move(what));
}

void Traffic::add_end(std::string how) {
  const std::lock_guard lock(mutex_);
  ++ends_[std::move(how)];
}

std::vector<std::string> Traffic::faults() const {
  std::vector<std::string> all;
  {
    const std::lock_guard lock(mutex_);
    all = faults_;
  }
  for (const auto& ledger : ledgers) std::ranges::copy(ledger->faults(), std::back_inserter(all));
  return all;
}

std::map<std::string, std::uint64_t> Traffic::ends() const {
  const std::lock_guard lock(mutex_);
  return ends_;
}

Source::Source(Traffic& traffic, std::uint32_t scheduler, std::uint64_t seed)
    : traffic_(traffic), ledger_(*traffic.ledgers[scheduler]), random_(seed) {}

void Source::started() { this_actor::mailbox<Source>().send(Go{}); }

void Source::on(const Go&) {
  if (traffic_.is_closing) return this_actor::stop();
  const auto pause = turn();
  this_actor::send_after(pause, this_actor::mailbox<Source>(), Go{});
}

std::chrono::microseconds Source::turn() {
  for (std::uint64_t left = draw(random_, 64); left > 0 && ledger_.open() < most_open; --left) {
    const Item item = ledger_.next();
    const auto sent = draw(random_, 16) == 0 ? traffic_.mailbox.send(to_bulk(item), 20ms)
                                             : traffic_.mailbox.send(to_ping(item), 20ms);
    if (sent) continue;
    ledger_.take_back();
    if (sent.error() != SendError::full) traffic_.fault("a send failed: " + std::string(to_string(sent.error())));
    break;
  }
  return std::chrono::microseconds(draw(random_, 16) == 0 ? 5000 + draw(random_, 20'000) : 500 + draw(random_, 1000));
}

void Asker::started() { this_actor::mailbox<Asker>().send(Go{}); }

void Asker::on(const Go&) {
  if (traffic_.is_closing) return this_actor::stop();
  const Ping question{.words = {draw(random_, 1000), random_, 2, 3}};
  ++traffic_.asked;
  const auto answer = ask(traffic_.mailbox, question, std::chrono::microseconds(100 + draw(random_, 50'000)));
  if (answer) {
    ++traffic_.answered;
    if (*answer != question) traffic_.fault("a question was answered with something else");
  } else {
    switch (answer.error()) {
      case AskError::full: --traffic_.asked; break;  // it was not sent
      case AskError::timed_out:
      case AskError::unreachable:
      case AskError::stopped:
      case AskError::failed: break;
      default: traffic_.fault("a question was " + std::string(to_string(answer.error())));
    }
  }
  this_actor::send_after(std::chrono::microseconds(draw(random_, 20'000)), this_actor::mailbox<Asker>(), Go{});
}

void Teller::on(const conformance::Fail& fail) { tell(fail); }

void Teller::on(const Chatter& chatter) {
  for (std::uint32_t line = 0; line < chatter.lines; ++line) {
    if (!tell(conformance::Say{.level = 2, .text = "line " + std::to_string(line)})) return;
  }
}

template <class M>
bool Teller::tell(const M& message) {
  const bool sent = traffic_.mailbox.send(message, 1s).has_value();
  if (sent) ++traffic_.told;
  return sent;
}

void Sink::on(const Ping& ping) { came(from(ping)); }
void Sink::on(const Bulk& bulk) { came(from(bulk)); }

void Sink::came(const std::optional<Item>& item) {
  if (!item || item->stream >= traffic_.ledgers.size()) return traffic_.fault("a message came altered");
  traffic_.ledgers[item->stream]->came(*item);
}

void Sink::on(const Down& down) {
  if (down.reason.kind == ExitReason::Kind::unreachable) return;  // for good
  const PostMortem* const known = post_mortem_of(down.reason);
  traffic_.add_end(kind_of(down.reason));
  for (const auto& ledger : traffic_.ledgers) ledger->life_ended(known != nullptr ? known->incarnation : 0);
  if (is_accused(down.reason)) traffic_.fault("its life ended: " + to_string(down.reason));
  this_actor::monitor(traffic_.mailbox);
}

void DeadLetters::on(const DeadLetter& letter) {
  const auto whose = std::ranges::find_if(
      peers_, [&](const auto& peer) { return letter.peer != 0 && peer->mailbox.address().link == letter.peer; });
  if (whose == peers_.end()) return;
  Traffic& traffic = **whose;
  ++traffic.dead;
  if (letter.asked || (letter.type != Ping::ringmail_type && letter.type != Bulk::ringmail_type)) return;
  const auto item = letter.type == Ping::ringmail_type ? item_of<Ping>(letter.payload) : item_of<Bulk>(letter.payload);
  if (!item || item->stream >= traffic.ledgers.size()) return traffic.fault("a dead letter was altered");
  traffic.ledgers[item->stream]->dead_letter(*item);
}

}  // namespace ringmail::chaos

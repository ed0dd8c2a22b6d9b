#include "introductions.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "ringmail/transport/unix_socket.hpp"

namespace ringmail::runtime {

using transport::Presence;

void Introductions::enlist(std::uint32_t link, Introducible& peer) { parties_[link].peer = &peer; }

Introductions::Party* Introductions::find(std::uint32_t link) {
  const auto found = parties_.find(link);
  return found != parties_.end() ? &found->second : nullptr;
}

std::map<std::uint32_t, Introductions::Party>::iterator Introductions::find(const std::string& name) {
  return std::ranges::find_if(parties_, [&](auto& each) { return each.second.peer->introduced_as().name == name; });
}

const std::string& Introductions::name_of(std::uint32_t link) {
  static const std::string nobody = "one that has ended";
  const Party* const party = find(link);
  return party != nullptr ? party->peer->introduced_as().name : nobody;
}

template <class Use>
void Introductions::each_pair_of(std::uint32_t link, Use&& use) {
  for (auto each = pairs_.begin(); each != pairs_.end();) {
    const auto pair = each++;  // which may go
    if (pair->is_of(link)) use(pair, pair->side_of(link));
  }
}

// --- What peers do

void Introductions::up(std::uint32_t link, bool meets) {
  Party* const party = find(link);
  if (party == nullptr) return;
  party->state = meets ? State::there : State::unable;
  party->next_lane = party->peer->lanes_to_host();
  each_pair_of(link, [&](Place pair, unsigned side) {
    if (!meets) return give_up(pair, "its new incarnation knows no introductions");
    if (!pair->memory.is_sound()) return give_up(pair, "a predecessor has left the impossible in it");
    const auto mail = pair->memory.mail_of(1 - side);
    if (pair->ended[1 - side] && (!mail || mail->messages == 0)) return static_cast<void>(pairs_.erase(pair));
    if (introduce(*pair, side)) tell(*pair, 1 - side, Presence::there);
  });
  for (Waiting& each : std::exchange(party->waiting, {})) each.done(meet(each.asker, link));
}

void Introductions::down(std::uint32_t link) {
  Party* const party = find(link);
  if (party == nullptr || party->state == State::coming) return;
  party->state = State::away;
  each_pair_of(link, [&](Place pair, unsigned side) {
    pair->lane[side] = 0;
    tell(*pair, 1 - side, Presence::away);
  });
}

std::uint64_t Introductions::ended(std::uint32_t link) {
  Party* const party = find(link);
  if (party == nullptr) return 0;
  std::uint64_t unfinished = 0;
  each_pair_of(link, [&](Place pair, unsigned side) {
    if (const auto mail = pair->memory.mail_of(1 - side)) unfinished += mail->messages;
    pair->lane[side] = 0;
    pair->ended[side] = true;
    tell(*pair, 1 - side, Presence::ended);
    if (pair->ended[1 - side]) pairs_.erase(pair);
  });
  const auto waiting = std::move(party->waiting);
  parties_.erase(link);
  for (const Waiting& each : waiting) each.done({});
  return unfinished;
}

void Introductions::resolve(std::uint32_t link, const std::string& name, Done done) {
  const Party* const asker = find(link);
  const auto found = find(name);
  if (asker == nullptr || asker->state != State::there || found == parties_.end()) return done({});
  auto& [whom, party] = *found;
  if (!party.peer->introduced_as().introduce || whom == link) return done({});
  // Whether it can be introduced is known when it has said hello.
  if (party.state == State::coming) return party.waiting.push_back({link, std::move(done)});
  done(meet(link, whom));
}

bool Introductions::answered(std::uint32_t link, const transport::Introduced& answer) {
  const auto pair = by_lane(link, answer.lane);
  if (pair == pairs_.end()) return had(link, answer.lane);
  if (!answer.text.empty()) give_up(pair, "'" + name_of(link) + "' says: " + answer.text);
  return true;
}

bool Introductions::rang(std::uint32_t link, std::uint32_t lane) {
  const auto pair = by_lane(link, lane);
  if (pair == pairs_.end()) return had(link, lane);
  // One that is awake is not woken: who rings for nothing costs himself a turn of the loop.
  if (const Party* const other = find(pair->link[1 - pair->side_of(link)])) {
    transport::PeerBell& bell = other->peer->bell();
    transport::Doorbell(bell.bell[0], bell.pipe).ring();
  }
  return true;
}

Introductions::Place Introductions::by_lane(std::uint32_t link, std::uint32_t lane) {
  if (lane == 0) return pairs_.end();
  return std::ranges::find_if(
      pairs_, [&](const Pair& each) { return each.is_of(link) && each.lane[each.side_of(link)] == lane; });
}

/// It may speak of a lane that has been given up meanwhile.
bool Introductions::had(std::uint32_t link, std::uint32_t lane) {
  const Party* const party = find(link);
  return party != nullptr && lane >= party->peer->lanes_to_host() && lane < party->next_lane;
}

// --- What they are told

ActorId Introductions::meet(std::uint32_t asker, std::uint32_t whom) {
  const Party* const party = find(asker);
  const Party* const other = find(whom);
  if (party == nullptr || other == nullptr || party->state != State::there || other->state == State::unable) return {};
  const auto pair = pair_of(asker, whom);
  if (pair == pairs_.end()) return {};
  const unsigned side = pair->side_of(asker);
  // The one that is asked for first: it reads the lane before anybody writes to it, or as soon as it comes back.
  if (!introduce(*pair, 1 - side) || !introduce(*pair, side)) {
    give_up(pair, "one of the two could not be told");
    return {};
  }
  return ActorId(transport::mailbox_on(pair->lane[side], 0));
}

Introductions::Place Introductions::pair_of(std::uint32_t one, std::uint32_t other) {
  const auto found =
      std::ranges::find_if(pairs_, [&](const Pair& pair) { return pair.is_of(one) && pair.is_of(other); });
  if (found != pairs_.end()) return found;
  const PeerOptions& its = find(one)->peer->introduced_as();
  const PeerOptions& others = find(other)->peer->introduced_as();
  auto memory = transport::Introduction::create(std::max(its.mail_bytes, others.mail_bytes),
                                                std::max(its.control_bytes, others.control_bytes));
  if (!memory) {
    log_.error("peers '{}' and '{}': no memory for a lane between them: {}", its.name, others.name,
               to_string(memory.error()));
    return pairs_.end();
  }
  return pairs_.insert(pairs_.end(), Pair{.link = {one, other}, .memory = std::move(*memory)});
}

/// False: it cannot be told, of this lane or of any more. Where it is not there it will be told when it is.
bool Introductions::introduce(Pair& pair, unsigned side) {
  Party& party = *find(pair.link[side]);
  Party* const other = find(pair.link[1 - side]);
  if (party.state != State::there || pair.lane[side] != 0) return true;
  if (party.next_lane >= transport::max_lanes) return false;
  // Of one that has ended nobody has to ring the bell; but it has the shape of one.
  transport::PeerBell& bell = other != nullptr ? other->peer->bell() : party.peer->bell();
  const auto opened = bell.pipe.open();
  const auto pipe = opened ? transport::reopen_pipe(bell.pipe.read_end()) : std::unexpected(opened.error());
  if (!pipe) {
    log_.error("peer '{}': no pipe for others to ring it: {}", name_of(pair.link[1 - side]),
               std::strerror(pipe.error()));
    return false;
  }
  pair.lane[side] = party.next_lane++;
  const int descriptors[] = {pair.memory.side(side).descriptor(), pair.memory.side(1 - side).descriptor(),
                             bell.bell.segment().descriptor(), pipe->get()};
  static_assert(std::size(descriptors) == transport::introduction_descriptors);
  party.peer->tell({.lane = pair.lane[side],
                    .name = name_of(pair.link[1 - side]),
                    .mail_bytes = pair.memory.layout().mail_to_host_bytes,
                    .control_bytes = pair.memory.layout().control_bytes},
                   descriptors);
  log_.info("peer '{}': it was introduced to '{}'", name_of(pair.link[side]), name_of(pair.link[1 - side]));
  if (pair.ended[1 - side]) {
    tell(pair, side, Presence::ended);
  } else if (other->state != State::there) {
    tell(pair, side, Presence::away);
  }
  return true;
}

void Introductions::tell(Pair& pair, unsigned side, Presence::State other) {
  Party* const party = find(pair.link[side]);
  if (party == nullptr || party->state != State::there || pair.lane[side] == 0) return;
  party->peer->tell({.lane = pair.lane[side], .state = other});
}

/// Each is told that the other is no more; what it had not finished is lost. They may be introduced anew.
void Introductions::give_up(Place pair, const std::string& why) {
  std::uint64_t lost = 0;
  for (const unsigned writer : {0u, 1u}) {
    if (const auto mail = pair->memory.mail_of(writer)) lost += mail->messages;
    tell(*pair, writer, Presence::ended);
  }
  log_.error("peers '{}' and '{}': the lane between them is given up, with {} messages: {}", name_of(pair->link[0]),
             name_of(pair->link[1]), lost, why);
  pairs_.erase(pair);
}

}  // namespace ringmail::runtime

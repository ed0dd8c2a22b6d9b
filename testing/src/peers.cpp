#include "peers.hpp"

#include <algorithm>

#include "ringmail/runtime/clock.hpp"
#include "simulator.hpp"

namespace ringmail::testing {

using runtime::ExitReason;
using runtime::LinkAccount;
using transport::FrameKind;

struct Peers::Peer {
  enum class State : std::uint8_t {
    opening,  ///< its rings are being set up
    down,     ///< between two lives, or before the first
    up,
    settling,  ///< dead, and each scheduler takes what it has left
    ended,
  };

  std::uint32_t link;
  runtime::PeerOptions options;
  std::function<void(ExitReason, LinkAccount)> ended;
  std::shared_ptr<detail::FakeBehaviour> behaviour;
  runtime::RestartHistory history;
  transport::LinkLayout layout{};
  std::optional<transport::LinkMail> mail{};
  std::unique_ptr<transport::Incarnation> incarnation{};
  std::unique_ptr<transport::Incarnation> next{};
  std::unique_ptr<PeerMemory> memory{};  ///< while it is up
  std::vector<bool> stopped{};           ///< by lane: it has read a stop
  State state = State::opening;
  bool is_wanted = true;    ///< of one that is held: there is to be a next life
  bool is_to_stop = false;  ///< for good
  std::chrono::nanoseconds delay{0};
  ExitReason reason{};

  bool has_input() const {
    return state == State::up &&
           (behaviour->is_to_die || std::ranges::any_of(memory->lanes(), [](auto& lane) { return lane.has_input(); }));
  }
};

Peers::Peers(Simulator& simulator, runtime::LinkOwner& links) : simulator_(simulator), links_(links) {
  simulator_.peers = this;
}
Peers::~Peers() { simulator_.peers = nullptr; }

Peers::Peer* Peers::find(std::uint32_t link) {
  const auto found = std::ranges::find_if(peers_, [link](const auto& peer) { return peer->link == link; });
  return found != peers_.end() && (*found)->state != Peer::State::ended ? found->get() : nullptr;
}

std::expected<void, std::string> Peers::spawn_peer(std::uint32_t link,
                                                   const runtime::PeerOptions& options,
                                                   std::function<void(ExitReason, LinkAccount)> ended) {
  const auto fake = std::ranges::find_if(simulator_.fakes, [&](const auto& one) { return one->name == options.name; });
  if (fake == simulator_.fakes.end()) {
    return std::unexpected("a simulation has no processes, and there is no fake peer '" + options.name + "'");
  }
  auto peer = std::make_unique<Peer>(Peer{.link = link,
                                          .options = options,
                                          .ended = std::move(ended),
                                          .behaviour = *fake,
                                          .history = {options.restart, simulator_.random()}});
  simulator_.fakes.erase(fake);
  peer->layout = {.lanes = links_.schedulers(),
                  .mail_to_peer_bytes = options.mail_bytes,
                  .mail_to_host_bytes = options.mail_bytes,
                  .control_bytes = options.control_bytes};
  auto mail = transport::LinkMail::create(peer->layout);
  auto first = transport::Incarnation::create(peer->layout);
  if (!mail) return std::unexpected(to_string(mail.error()));
  if (!first) return std::unexpected(to_string(first.error()));
  peer->mail.emplace(std::move(*mail));
  peer->incarnation = std::make_unique<transport::Incarnation>(std::move(*first));
  peer->is_wanted = !options.held;
  Peer& opened = *peers_.emplace_back(std::move(peer));
  links_.open(link, *opened.mail, *opened.incarnation, [this, &opened] {
    opened.state = Peer::State::down;
    settled(opened);
  });
  return {};
}

// --- Its life

/// Between two lives: the next one, now or later, or none.
void Peers::settled(Peer& peer) {
  if (peer.is_to_stop) {
    finish(peer);
  } else if (peer.is_wanted) {
    simulator_.at(runtime::now_ns() + static_cast<std::uint64_t>(peer.delay.count()), [this, &peer] {
      if (peer.state == Peer::State::down && !peer.is_to_stop) begin(peer);
    });
  }
}

void Peers::begin(Peer& peer) {
  peer.memory = std::make_unique<PeerMemory>(peer.layout, *peer.mail, *peer.incarnation, links_.bells());
  peer.stopped.assign(peer.layout.lanes, false);
  peer.state = Peer::State::up;
  if (peer.options.held) peer.is_wanted = false;
  peer.behaviour->is_up = true;
  links_.up(peer.link, ++peer.behaviour->incarnation, transport::Ordering::sequential, false);
}

void Peers::died(Peer& peer, ExitReason reason) {
  peer.behaviour->is_up = peer.behaviour->is_to_die = false;
  peer.memory.reset();
  peer.reason = std::move(reason);
  if (!peer.options.held) {
    const auto decision = peer.history.after(peer.reason, peer.is_to_stop, runtime::now_ns());
    peer.delay = decision.delay;
    if (!decision.restart) return finish(peer);
  } else if (peer.is_to_stop) {
    return finish(peer);
  }
  auto next = transport::Incarnation::create(peer.layout);
  if (!next) return finish(peer);
  peer.state = Peer::State::settling;
  peer.next = std::make_unique<transport::Incarnation>(std::move(*next));
  links_.replace(peer.link, *peer.next,
                 {.max_attempts = peer.options.max_attempts, .at_most_once = peer.options.at_most_once},
                 [this, &peer](const LinkAccount& account) {
                   for (const auto& message : account.in_hand) {
                     if (message.given_up) links_.dead_letter(peer.link, message, peer.reason);
                   }
                   peer.incarnation = std::move(peer.next);
                   peer.state = Peer::State::down;
                   links_.down(peer.link, peer.reason);
                   settled(peer);
                 });
}

void Peers::finish(Peer& peer) {
  if (peer.state == Peer::State::ended) return;
  peer.state = Peer::State::settling;
  peer.is_to_stop = true;
  links_.close(peer.link, [this, &peer](LinkAccount account) {
    links_.down(peer.link, peer.reason);
    peer.state = Peer::State::ended;
    peer.incarnation.reset();
    peer.mail.reset();
    peer.ended(peer.reason, std::move(account));
  });
}

void Peers::ask_to_stop(Peer& peer) {
  if (peer.state == Peer::State::up) {
    links_.stop(peer.link, peer.is_to_stop ? runtime::StopAt::end_for_good : runtime::StopAt::end);
  } else if (peer.state == Peer::State::down && peer.is_to_stop) {
    finish(peer);
  }
}

// --- Called by schedulers: done as on the reactor's thread

void Peers::post(std::function<void()> task) { simulator_.post(std::move(task)); }

void Peers::stop_peer(std::uint32_t link) {
  post([this, link] {
    Peer* const peer = find(link);
    if (peer == nullptr) return;
    if (!peer->options.held) peer->is_to_stop = true;
    peer->is_wanted = peer->is_wanted && !peer->options.held;
    ask_to_stop(*peer);
  });
}

void Peers::restart_peer(std::uint32_t link) {
  post([this, link] {
    Peer* const peer = find(link);
    if (peer == nullptr || !peer->options.held) return;
    peer->is_wanted = true;
    if (peer->state == Peer::State::down) settled(*peer);
  });
}

void Peers::end_peer(std::uint32_t link) {
  post([this, link] {
    Peer* const peer = find(link);
    if (peer == nullptr) return;
    peer->is_to_stop = true;
    ask_to_stop(*peer);
  });
}

void Peers::peer_broke_protocol(std::uint32_t link, std::string what) {
  post([this, link, what = std::move(what)] {
    Peer* const peer = find(link);
    if (peer != nullptr && peer->state == Peer::State::up) {
      died(*peer, {.kind = ExitReason::Kind::protocol, .text = what});
    }
  });
}

void Peers::stop() {
  for (const auto& peer : peers_) {
    if (peer->state != Peer::State::ended) end_peer(peer->link);
  }
  static_cast<void>(simulator_.run_until(
      [this] {
        return std::ranges::all_of(peers_, [](const auto& peer) { return peer->state == Peer::State::ended; });
      },
      std::chrono::nanoseconds::max()));
}

// --- Its turns

bool Peers::can_run() {
  return std::ranges::any_of(peers_, [](const auto& peer) { return peer->has_input(); });
}

void Peers::run() {
  std::vector<Peer*> able;
  for (const auto& peer : peers_) {
    if (peer->has_input()) able.push_back(peer.get());
  }
  take_one(*able[simulator_.random() % able.size()]);
}

/// One frame: control before mail, as every peer does.
void Peers::take_one(Peer& peer) {
  detail::FakeBehaviour& does = *peer.behaviour;
  const auto die = [&] { died(peer, {.kind = ExitReason::Kind::signalled, .signal = 9, .text = "a fake death"}); };
  if (does.is_to_die) return die();
  auto& lanes = peer.memory->lanes();
  const std::size_t first = simulator_.random() % lanes.size();
  for (std::size_t n = 0; n < lanes.size(); ++n) {
    const std::size_t index = (first + n) % lanes.size();
    transport::Lane& lane = lanes[index];
    if (const auto frame = lane.control_in.peek()) {
      lane.control_in.begin();
      if (frame->head.kind == FrameKind::stop) peer.stopped[index] = true;
      lane.control_in.advance();
      lane.store_cursors();
      break;
    }
    const auto frame = lane.mail_in.peek();
    if (!frame) continue;
    lane.mail_in.begin();
    ++does.taken;
    if (does.taken == does.dies_at || simulator_.peer_fails()) return die();
    const transport::FrameHead head = frame->head;
    const auto handler = does.handlers.find(head.type);
    detail::FakeAnswer answer;
    if (handler != does.handlers.end()) answer = handler->second(frame->payload, frame->length);
    if (head.correlation != 0) {
      // Its host reads control in every turn, so there is room sooner or later; here there always is.
      if (std::byte* place = lane.control_out.try_loan(static_cast<std::uint32_t>(answer.bytes.size()))) {
        std::memcpy(place, answer.bytes.data(), answer.bytes.size());
        const bool answered = answer.type != 0;
        lane.control_out.commit(
            {.kind = answered ? FrameKind::reply : FrameKind::no_reply,
             .type = answered ? answer.type : static_cast<std::uint32_t>(transport::NoReply::no_handler),
             .correlation = head.correlation,
             .target = head.sender,
             .sender = 0});
      }
      lane.publish();
    }
    lane.mail_in.advance();
    lane.store_cursors();
    break;
  }
  const bool all_stopped = std::ranges::find(peer.stopped, false) == peer.stopped.end();
  if (all_stopped && std::ranges::none_of(lanes, [](auto& lane) { return lane.has_input(); })) died(peer, {});
}

}  // namespace ringmail::testing

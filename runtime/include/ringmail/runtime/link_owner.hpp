// What the reactor, which knows processes, needs of the schedulers, which own the rings. The seam between the two.
//
// Threads: every function is called on the reactor's thread and returns at once. `done` is called on the reactor's thread,
// later, when every scheduler has done its part. Segments that are passed in stay valid until `done` of the call that
// replaces or closes them.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ringmail/runtime/address.hpp"
#include "ringmail/runtime/exit_reason.hpp"
#include "ringmail/runtime/post_mortem.hpp"
#include "ringmail/transport/join.hpp"
#include "ringmail/transport/link.hpp"

namespace ringmail::runtime {

/// One link's account, summed over its lanes. published = finished + unfinished + given_up, and at the end
/// sent = delivered + dead-lettered + undelivered.
struct LinkAccount {
  std::uint64_t published = 0;   ///< messages to the peer, ever
  std::uint64_t unfinished = 0;  ///< of these, not finished by the peer, by its cursor as it was when it died
  std::uint64_t received = 0;    ///< messages from the peer, ever
  std::uint64_t unfinished_from_peers =
      0;                       ///< messages to it from peers it was introduced to that it has not finished, at its end
  std::uint64_t given_up = 0;  ///< messages to the peer that it died with too often, ever: dead letters
  std::string fault{};         ///< not empty: what was wrong with a cursor or a frame
  std::vector<MessageInHand> in_hand{};  ///< of the incarnation that has died now, by lane

  LinkAccount& operator+=(const LinkAccount& other) {
    published += other.published;
    unfinished += other.unfinished;
    received += other.received;
    unfinished_from_peers += other.unfinished_from_peers;
    given_up += other.given_up;
    if (fault.empty()) fault = other.fault;
    in_hand.insert(in_hand.end(), other.in_hand.begin(), other.in_hand.end());
    return *this;
  }
};

/// What the next incarnation is given again.
struct Redelivery {
  std::uint32_t max_attempts = 0;  ///< 0: without end
  bool at_most_once = false;
  /// The one before has left between two messages, or was never ready: nothing is given again, and who asked what waits goes on
  /// waiting. handed_over() is called then, and not down().
  bool handed_over = false;
};

/// How far a peer reads that is told to stop.
enum class StopAt : std::uint8_t {
  end_for_good,  ///< all that was sent before; nothing may be sent after it
  end,           ///< the same; what is sent after it waits for the next incarnation
  message,       ///< no further than the message in hand; what waits is its successor's
};

/// What the schedulers know of a running peer's mail.
struct LinkSight {
  std::uint64_t waiting = 0;             ///< messages that it has not finished
  std::vector<MessageInHand> in_hand{};  ///< by lane

  LinkSight& operator+=(const LinkSight& other) {
    waiting += other.waiting;
    in_hand.insert(in_hand.end(), other.in_hand.begin(), other.in_hand.end());
    return *this;
  }
};

struct SystemHello;
class RemoteSystem;

/// The ends of a link to another system, one for each scheduler of this one.
using JoinedEnds = std::vector<std::unique_ptr<transport::JoinedLink>>;

class LinkOwner {
 public:
  virtual ~LinkOwner() = default;

  /// A new link. Its mail may be written from now on, whether or not there is a peer yet. Called once.
  virtual void open(std::uint32_t link,
                    transport::LinkMail& mail,
                    transport::Incarnation& first,
                    std::function<void()> done) = 0;

  /// The process is dead and reaped (or never came up). Each scheduler delivers what it had published, settles where `next`
  /// takes up (Incarnation::resume_at) and goes on towards `next`. What that is not given again goes
  /// by way of dead_letter().
  virtual void replace(std::uint32_t link,
                       transport::Incarnation& next,
                       const Redelivery& redelivery,
                       std::function<void(LinkAccount)> done) = 0;

  /// As replace(), but there will be no further incarnation: what is unfinished becomes dead letters, senders are told.
  virtual void close(std::uint32_t link, std::function<void(LinkAccount)> done) = 0;

  /// After replace() or close() is done: pending asks fail, monitors are told.
  virtual void down(std::uint32_t link, const ExitReason& reason) = 0;

  /// After replace() where nobody has died: asks fail that were finished without an answer, and nobody is told anything.
  virtual void handed_over(std::uint32_t link) = 0;

  /// Before open(), of a link whose host was another one: which actors there the peer knows, by their ids and names. Who has such a
  /// name here is whom it sends to.
  virtual void know_former(std::uint32_t, const std::vector<std::pair<std::uint64_t, std::string>>&) {}

  /// What they see of the peer's mail now. A scheduler whose handler does not return holds this up.
  virtual void look(std::uint32_t link, std::function<void(LinkSight)> done) = 0;

  /// A message that was left out, and what the peer died of.
  virtual void dead_letter(std::uint32_t link, const MessageInHand& message, const ExitReason& reason) = 0;

  /// A message by the schema that is spoken over a link, in one printable line; empty: it is not known.
  virtual std::string describe(std::string_view schema, const MessageInHand& message) = 0;

  /// Whether this host's schedulers issue the barriers that an asymmetric peer leaves to them.
  virtual transport::Ordering ordering() const = 0;

  /// The peer is ready: tells those who wait for it. `ordering`: as agreed with it, for what is written to it from now on.
  /// `takes_bodies`: it and all that follow.
  virtual void up(std::uint32_t link, std::uint64_t incarnation, transport::Ordering ordering, bool takes_bodies) = 0;

  /// Each scheduler writes a stop frame.
  virtual void stop(std::uint32_t link, StopAt where) = 0;

  /// A mailbox by name for this peer; being told makes it reachable over the link. None: 0.
  virtual void resolve(std::uint32_t link, std::string_view name, std::function<void(ActorId)> done) = 0;

  /// What the peer says it was built with, against what this host speaks: empty, or one line that names the mismatch.
  virtual std::string compare_schemas(std::string_view ours, std::string_view theirs) = 0;

  // --- Other systems, whose schedulers are peers here

  /// A process says this hello, which nobody awaits: why it is not let in, or the number of its new link.
  virtual std::expected<std::uint32_t, transport::Refusal> admit(const SystemHello&) {
    return std::unexpected(transport::Refusal{transport::RefusalCode::not_allowed, "no system is let in here"});
  }
  virtual void admitted_ended(std::uint32_t, const ExitReason&, const LinkAccount&) {}
  /// What this process's life is told by, in a welcome to such a peer; and what this system speaks with others.
  virtual std::uint64_t id() const { return 0; }
  virtual std::string system_schema() const { return {}; }

  // --- Other systems, whose schedulers are hosts

  virtual void open_joined(RemoteSystem&, JoinedEnds&, std::function<void()>) {}
  /// As close().
  virtual void close_joined(RemoteSystem&, JoinedEnds&, std::function<void(LinkAccount)>) {}
  virtual void joined_ended(RemoteSystem&, const ExitReason&, const LinkAccount&) {}

  virtual transport::Bells& bells() = 0;
  virtual transport::ParkMirrors& mirrors() = 0;
  virtual std::uint32_t schedulers() const = 0;
};

}  // namespace ringmail::runtime

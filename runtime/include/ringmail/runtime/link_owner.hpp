// What the reactor, which knows processes, needs of the schedulers, which own the rings. The seam between the two.
//
// Threads: every function is called on the reactor's thread and returns at once. `done` is called on the reactor's thread,
// later, when every scheduler has done its part. Segments that are passed in stay valid until `done` of the call that
// replaces or closes them.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <string_view>

#include "ringmail/runtime/address.hpp"
#include "ringmail/runtime/exit_reason.hpp"
#include "ringmail/transport/link.hpp"

namespace ringmail::runtime {

/// One link's account, summed over its lanes. published = finished + unfinished, and at the end
/// sent = delivered + dead-lettered + undelivered.
struct LinkAccount {
  std::uint64_t published = 0;   ///< messages to the peer, ever
  std::uint64_t unfinished = 0;  ///< of these, not finished by the peer, by its cursor as it was when it died
  std::uint64_t received = 0;    ///< messages from the peer, ever
  std::string fault{};           ///< not empty: what was wrong with a cursor or a frame
};

class LinkOwner {
 public:
  virtual ~LinkOwner() = default;

  /// A new link. Its mail may be written from now on, whether or not there is a peer yet. Called once.
  virtual void open(std::uint32_t link,
                    transport::LinkMail& mail,
                    transport::Incarnation& first,
                    std::function<void()> done) = 0;

  /// The process is dead and reaped (or never came up). Each scheduler delivers what it had published, settles where `next`
  /// takes up (Incarnation::resume_at) and goes on towards `next`.
  virtual void replace(std::uint32_t link, transport::Incarnation& next, std::function<void(LinkAccount)> done) = 0;

  /// As replace(), but there will be no further incarnation: what is unfinished becomes dead letters, senders are told.
  virtual void close(std::uint32_t link, std::function<void(LinkAccount)> done) = 0;

  /// After replace() or close() is done: pending asks fail, monitors are told.
  virtual void down(std::uint32_t link, const ExitReason& reason) = 0;

  /// Whether this host's schedulers issue the barriers that an asymmetric peer leaves to them.
  virtual transport::Ordering ordering() const = 0;

  /// The peer is ready: tells those who wait for it. `ordering`: as agreed with it, for what is written to it from now on.
  virtual void up(std::uint32_t link, std::uint64_t incarnation, transport::Ordering ordering) = 0;

  /// Each scheduler writes a stop frame with the end of its mail. `for_good`: nothing may be sent after it. Else what is sent
  /// waits for the next incarnation.
  virtual void stop(std::uint32_t link, bool for_good) = 0;

  /// A mailbox by name for this peer; being told makes it reachable over the link. None: 0.
  virtual void resolve(std::uint32_t link, std::string_view name, std::function<void(ActorId)> done) = 0;

  /// What the peer says it was built with, against what this host speaks: empty, or one line that names the mismatch.
  virtual std::string compare_schemas(std::string_view ours, std::string_view theirs) = 0;

  virtual transport::Bells& bells() = 0;
  virtual transport::ParkMirrors& mirrors() = 0;
  virtual std::uint32_t schedulers() const = 0;
};

}  // namespace ringmail::runtime

// The host's side of a link between two peers without a system: what a process that listens has of one that has connected.
//
// One lane. The mail to a peer that came with a name belongs to the listener, and goes from link to link of that name.
//
// Threads: one at a time. What lane() and bell() give points into memory that lives as long as this.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "ringmail/transport/handshake.hpp"
#include "ringmail/transport/lane.hpp"
#include "ringmail/transport/link.hpp"
#include "ringmail/transport/socket_peer.hpp"

namespace ringmail::transport {

/// The mail to a peer, which outlives its links.
struct KeptMail {
  static std::expected<KeptMail, MemoryFailure> create(const LinkLayout& layout);
  /// Where the last left it, as its cursor now stands, `next` takes it up.
  std::expected<void, MemoryFailure> resume(Incarnation& next);

  LinkLayout layout;
  std::shared_ptr<LinkMail> memory;
  RingProducer ring;
  std::shared_ptr<Incarnation> last;  ///< whose cursor counts; none before the first
  std::uint64_t incarnation = 0;      ///< of the last
  bool last_ran = false;              ///< the last said ready
  std::uint64_t attempted = 0;        ///< position of the message that the last died with
  std::uint32_t attempts = 0;         ///< how many have died with it, one after the other
};

class AcceptedLink {
 public:
  /// For a peer with this hello, which takes up `mail`; that is moved from where this succeeds.
  static std::expected<std::unique_ptr<AcceptedLink>, MemoryFailure> create(KeptMail& mail, const Hello& hello);

  /// The rest of `welcome` is filled in. Errors are the connection's.
  std::expected<void, Refusal> welcome(ControlStream stream, SocketPeer process, const Chosen& chosen, Welcome welcome);
  /// The peer has mapped everything.
  std::expected<void, MemoryFailure> take_ready();

  /// After take_ready(): made anew, so once.
  Lane lane();
  /// Of this process alone: the peer sees in the mirror when it sleeps, and rings on the control stream.
  Bell& bell() { return *bell_; }
  ParkMirror& mirror() { return mirrors_[0]; }
  Ordering ordering() const { return ordering_of(features_); }
  std::span<const std::byte> mail_memory(bool outgoing) const;

  ControlStream& stream() { return *stream_; }
  bool has_stream() const { return stream_.has_value(); }
  void close_stream() { stream_.reset(); }
  /// Becomes readable when the peer is dead, if there is such a thing; else none.
  int death_watch() const { return process_.death_watch.get(); }
  bool is_dead() const;

  const std::string& name() const { return name_; }      ///< as it calls itself; may be empty
  const std::string& schema() const { return schema_; }  ///< the peer's, as its hello had it
  std::uint64_t incarnation() const { return mail_.incarnation; }
  int pid() const { return process_.pid; }

  /// The mail as it is when the link ends; `ring` is the lane's, if there was one. The memory stays here as well, for who still
  /// reads it.
  KeptMail leave_mail(const RingProducer* ring) const;

 private:
  AcceptedLink() = default;

  std::string name_;
  std::string schema_;
  KeptMail mail_;
  std::shared_ptr<Incarnation> memory_;
  std::unique_ptr<Bell> bell_ = std::make_unique<Bell>();
  ParkMirrors mirrors_;
  std::optional<ControlStream> stream_;
  SocketPeer process_;
  std::uint64_t features_ = 0;
};

}  // namespace ringmail::transport

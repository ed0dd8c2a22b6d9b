// The host's side of one control stream: hello, welcome, ready, and what a peer says after that.
//
//   hello ──► ready ──► open          each may go to `over`: refused, closed, or broken
//     └─► waiting ─┘                  where its incarnation is not there yet
//
// A peer that floods its stream delays itself: a turn of the loop reads so many frames of it, none as long as so many of its
// questions are unanswered, and answers that it does not read end the link.
//
// Threads: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "name_lookups.hpp"
#include "reactor_loop.hpp"
#include "ringmail/runtime/address.hpp"
#include "ringmail/runtime/peer_options.hpp"
#include "ringmail/transport/control_stream.hpp"
#include "ringmail/transport/handshake.hpp"
#include "ringmail/transport/link.hpp"

namespace ringmail::runtime {

/// What a session tells of, at most once each but where it says so. None may destroy the session.
class SessionEvents {
 public:
  virtual void session_began() = 0;  ///< the first byte of a hello
  virtual void session_hello(const transport::Hello& hello) = 0;
  virtual void session_waits() {}                          ///< its hello is good, and its incarnation is not there yet
  virtual void session_ready(std::uint64_t features) = 0;  ///< those that were chosen
  virtual void session_refused(const std::string& why) = 0;  ///< by either side; the peer has been told
  virtual void session_closed(const std::string& how) = 0;   ///< by the peer
  virtual void session_broken(const std::string& what) = 0;  ///< something impossible came over an open stream
  virtual void session_failure(const std::string& text) = 0;
  virtual void session_goodbye() = 0;
  virtual void session_log(const transport::Log& log) = 0;                   ///< any number
  virtual void session_introduced(const transport::Introduced& answer) = 0;  ///< any number
  virtual void session_rang(std::uint32_t lane) = 0;                         ///< of a lane to another peer; any number
  virtual void session_resolve(const std::string& name, std::function<void(ActorId)> done) = 0;  ///< any number
  virtual std::string session_compare_schemas(const std::string& theirs) = 0;

 protected:
  ~SessionEvents() = default;
};

/// What the host gives to this incarnation. All of it outlives the session.
struct SessionOffer {
  const PeerOptions& options;
  const transport::LinkLayout& layout;
  const transport::LinkMail& mail;
  transport::Bells& bells;
  transport::ParkMirrors& mirrors;
  transport::Ordering ordering;         ///< what this host can do
  transport::Incarnation* incarnation;  ///< null: not yet, and the peer waits for PeerSession::serve()
  std::uint64_t number;                 ///< of the incarnation, from 1; to a system, the id of this one
  bool between_systems = false;
  std::uint64_t insisted = 0;    ///< features that an earlier incarnation had, and none may be without
  transport::Outlive outlive{};  ///< of one that outlives this host
};

class PeerSession : public std::enable_shared_from_this<PeerSession> {
 public:
  enum class Phase : std::uint8_t { hello, waiting, ready, open, over };

  /// `stream` accepts no descriptors. Fails with errno.
  static std::expected<std::shared_ptr<PeerSession>, int> create(ReactorLoop& loop,
                                                                 transport::ControlStream stream,
                                                                 const SessionOffer& offer,
                                                                 SessionEvents& events);

  /// Why a peer with this hello is to be refused, or nothing.
  static std::optional<transport::Refusal> objection(const transport::Hello& hello,
                                                     const PeerOptions& options,
                                                     std::uint64_t insisted,
                                                     SessionEvents& events,
                                                     const std::string& token = {});

  /// For a peer whose hello was read before it was known which one it is.
  void take_hello(const transport::Hello& hello);

  /// From one for whom there was no incarnation: goes on with all of `offer`. Tells `events` what those before were told, and lets the
  /// peer, if it waits, in.
  void serve(const SessionOffer& offer, SessionEvents& events);

  /// Tells the peer, and the events. Only before `open`.
  void refuse(transport::RefusalCode code, std::string text);

  /// Of another system: which of its actors has that name; nobody where none has, or its process is gone.
  void lookup(const std::string& name, NameLookups::Done done);

  /// Only where it has agreed to be introduced to others.
  void tell(const transport::Introduce& introduce, std::span<const int> descriptors);
  void tell(const transport::Presence& presence);

  /// The peer is dead: reads what it had still said, then listens no more.
  void finish();

  Phase phase() const { return phase_; }
  bool was_ready() const { return was_ready_; }

 private:
  PeerSession(transport::ControlStream stream, const SessionOffer& offer, SessionEvents& events)
      : stream_(std::move(stream)), offer_(std::in_place, offer), events_(&events) {}

  void on_ready(unsigned ready);
  void read(int frames);
  void take(const transport::ControlFrame& frame);
  void take_open(const transport::ControlFrame& frame);
  void take_ready(const transport::ControlFrame& frame);
  void welcome(const transport::Chosen& chosen);
  void resolve(const transport::Resolve& request);
  void answer(std::uint32_t request, ActorId actor);
  void tell_by_number(const transport::Introduce& introduce, std::span<const int> descriptors);
  void ring(std::uint32_t lane);
  std::uint32_t parks_of(std::uint32_t lane);
  void stream_failed(const transport::StreamError& error);
  void broken(const std::string& what);
  void refused(const transport::Refusal& refusal);
  bool may_read() const;
  void watch();
  void stop_watching();
  template <class Message>
  void send(const Message& message, std::span<const int> descriptors = {});
  template <class Message>
  std::optional<Message> decode(const transport::ControlFrame& frame);

  /// A peer rings at most once a sleep: what is more is a flood.
  struct Rings {
    std::uint32_t parks = 0;  ///< the scheduler's count of them when last looked at
    std::uint64_t left = 1;   ///< sleeps that have not been rung for; it may be asleep now
  };

  transport::ControlStream stream_;
  std::optional<SessionOffer> offer_;  // never empty: it has references, and is replaced by serve()
  SessionEvents* events_;
  Phase phase_ = Phase::hello;
  bool began_ = false;
  transport::Hello hello_;    // of one that waits
  std::uint64_t agreed_ = 0;  // features
  bool was_ready_ = false;
  bool has_failed_ = false;     // and said so; what it says of it after that is not looked at
  std::size_t unanswered_ = 0;  // resolves
  NameLookups lookups_;         // of this side
  std::vector<Rings> rings_;    // by lane
  std::map<std::uint32_t, std::vector<transport::Descriptor>>
      given_;                               // by number, with a lane that it has not answered yet
  std::unique_ptr<LoopWatch> watch_;        // null once the peer is dead
  std::unique_ptr<LoopWatch> write_watch_;  // where the stream has another descriptor to write to
};

}  // namespace ringmail::runtime
